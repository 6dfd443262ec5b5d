#include <skerry/stack/dhcp_client.hpp>

#include <skerry/stack/wire/udp.hpp>
#include <skerry/trace/line.hpp>
#include <skerry/trace/notice.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>

namespace skerry::stack {

using wire::DhcpReply;
using wire::DhcpRequest;
using wire::DhcpType;
using wire::Ipv4Addr;

namespace {

using namespace std::chrono_literals;

// Section 4.1: 4 s, twice as long each time up to 64 s, each a second longer or shorter.
constexpr unsigned first_wait_s = 4;
constexpr unsigned longest_doubling = 4;
constexpr std::uint32_t jitter_us = 1'000'000;
// Section 3.1, item 5: what was offered is asked for so often, which takes a minute, and then another search begins.
constexpr unsigned requests_max = 4;
// Section 4.4.5: not more often while there is an address.
constexpr std::chrono::nanoseconds least_renewal_wait = 60s;
// Section 3.1, item 5, after a DECLINE; and RFC 5227 section 1.1: MAX_CONFLICTS, RATE_LIMIT_INTERVAL.
constexpr std::chrono::nanoseconds decline_wait = 10s;
constexpr std::chrono::nanoseconds many_declines_wait = 60s;
constexpr unsigned conflicts_max = 10;
// The RFC lets a client begin again at once, and it would go round as fast as a server that always refuses answers.
constexpr unsigned naks_doubled = 6;
// Less than any way takes, and below what path_mtus.hpp goes down to: somebody's mistake.
constexpr std::uint16_t mtu_least = 576;

void note(std::string_view what, Ipv4Addr address, std::string_view rest) noexcept {
    const trace::Line line("stack: DHCP: ", what, address.bits >> 24U, ".", address.bits >> 16U & 0xffU, ".",
                           address.bits >> 8U & 0xffU, ".", address.bits & 0xffU, rest);
    trace::notice(line.text());
}

// RFC 791 section 3.2, where no mask is told: the classes.
std::uint8_t class_of(Ipv4Addr address) noexcept {
    if (address.bits >> 31U == 0) return 8;
    return address.bits >> 30U == 2U ? 16 : 24;
}

bool can_be_host(Ipv4Addr address, std::uint8_t prefix_bits) noexcept {
    if (address.is_never_a_source() || prefix_bits == 0) return false;
    const std::uint32_t behind = address.bits & ~mask_of(prefix_bits);
    return prefix_bits >= 31 || (behind != 0 && behind != ~mask_of(prefix_bits));
}

std::uint8_t prefix_of(const DhcpReply& reply) noexcept { return reply.prefix_bits.value_or(class_of(reply.yours)); }

bool can_be_router(Ipv4Addr router, Ipv4Addr ours) noexcept { return !router.is_never_a_source() && router != ours; }

bool is_server(const std::optional<Ipv4Addr>& server) noexcept { return server && !server->is_never_a_source(); }

time::Instant after(time::Instant start, std::uint32_t seconds) noexcept {
    return seconds == wire::dhcp_infinite ? time::Instant::max() : start + std::chrono::seconds{seconds};
}

}  // namespace

DhcpClient::DhcpClient(const StackConfig& config, Link& link, IpOutput& output, ArpClaim& claim, Timers& timers,
                       DropCounters& drops, OnNetwork on_network, void* context) noexcept
    : config_(config),
      link_(link),
      output_(output),
      claim_(claim),
      timers_(timers),
      drops_(drops),
      on_network_(on_network),
      context_(context),
      random_(config.drawn_seed(), SecretUse::dhcp_numbers) {
    Timer::on_time = &DhcpClient::on_time;
}

DhcpClient::~DhcpClient() { Timers::cancel(*this); }

void DhcpClient::begin(time::Instant now) noexcept { discover(now); }

bool DhcpClient::end(time::Instant now) noexcept {
    const bool had_address = has_address();
    if (state_ == DhcpState::checking) claim_.stop();
    Timers::cancel(*this);
    bool leaves = false;
    if (had_address) {
        xid_ = random_.next();
        leaves = unicast(message(DhcpType::release), now);
    }
    state_ = DhcpState::off;
    return leaves;
}

// --- what is said

void DhcpClient::discover(time::Instant now) noexcept {
    state_ = DhcpState::selecting;
    xid_ = random_.next();
    sent_ = 0;
    started_at_ = now;
    lease_ = {};
    send_discover(now);
}

void DhcpClient::send_discover(time::Instant now) noexcept {
    secs_ = seconds_since_start(now);
    ++counts_.discovers;
    broadcast(message(DhcpType::discover), {});
    send_again_later(now);
}

// Section 4.1: with the number and the seconds of the DISCOVER, to all, so that the other servers hear who was taken.
void DhcpClient::send_request(time::Instant now) noexcept {
    if (sent_ == 0) asked_at_ = now;
    ++counts_.requests;
    broadcast(message(DhcpType::request), {});
    send_again_later(now);
}

// Section 4.4.5. Half of what is left until the next state, but a minute at least.
void DhcpClient::renew(time::Instant now) noexcept {
    if (now >= lease_.ends_at) {
        note("the lease of ", lease_.network.address, " is over; its connections end");
        lose(now);
        return discover(now);
    }
    if (state_ == DhcpState::bound) started_at_ = now;
    state_ = now >= lease_.rebind_at ? DhcpState::rebinding : DhcpState::renewing;
    xid_ = random_.next();
    asked_at_ = now;
    secs_ = seconds_since_start(now);
    ++counts_.requests;
    const DhcpRequest request = message(DhcpType::request);
    if (state_ == DhcpState::renewing)
        (void)unicast(request, now);
    else
        broadcast(request, lease_.network.address);
    const time::Instant then = state_ == DhcpState::renewing ? lease_.rebind_at : lease_.ends_at;
    timers_.set(*this, std::min(then, now + std::max((then - now) / 2, least_renewal_wait)));
}

void DhcpClient::decline(time::Instant now) noexcept {
    drops_.count(Drop::dhcp_conflict);
    note("another station has ", lease_.network.address, "; the server is told, and asked for another");
    ++counts_.declines;
    ++conflicts_;
    xid_ = random_.next();
    broadcast(message(DhcpType::decline), {});
    restart_in(conflicts_ < conflicts_max ? decline_wait : many_declines_wait, now);
}

void DhcpClient::restart_in(std::chrono::nanoseconds wait, time::Instant now) noexcept {
    state_ = DhcpState::init;
    timers_.set(*this, now + wait);
}

void DhcpClient::send_again_later(time::Instant now) noexcept {
    const auto wait = std::chrono::seconds{first_wait_s << std::min(sent_, longest_doubling)};
    ++sent_;
    const auto jitter = std::chrono::microseconds{std::int64_t{random_.next() % (2 * jitter_us + 1)} - jitter_us};
    timers_.set(*this, now + wait + jitter);
}

void DhcpClient::on_time(Timer& timer, time::Instant now) noexcept { static_cast<DhcpClient&>(timer).on_time(now); }

void DhcpClient::on_time(time::Instant now) noexcept {
    switch (state_) {
        case DhcpState::off:
        case DhcpState::checking: return;  // the claim tells
        case DhcpState::init: return discover(now);
        case DhcpState::selecting: return send_discover(now);
        case DhcpState::requesting: return sent_ < requests_max ? send_request(now) : discover(now);
        case DhcpState::bound:
        case DhcpState::renewing:
        case DhcpState::rebinding: return renew(now);
    }
}

// --- what a server says

bool DhcpClient::is_awaited(DhcpType type) const noexcept {
    if (state_ == DhcpState::selecting) return type == DhcpType::offer;
    const bool has_asked =
        state_ == DhcpState::requesting || state_ == DhcpState::renewing || state_ == DhcpState::rebinding;
    return has_asked && type != DhcpType::offer;
}

// In REBINDING any server may answer; it has to say who it is all the same.
bool DhcpClient::is_of_our_server(const DhcpReply& reply) const noexcept {
    return is_server(reply.server) && (state_ == DhcpState::rebinding || *reply.server == lease_.server);
}

Drop DhcpClient::input(std::span<const std::byte> bytes, time::Instant now) noexcept {
    DhcpReply reply;
    if (const Drop why = wire::parse(bytes, reply); why != Drop::none) return why;
    if (reply.client != link_.mac()) return Drop::dhcp_not_ours;
    if (!is_awaited(reply.type)) return Drop::dhcp_unexpected;
    if (reply.xid != xid_) return Drop::dhcp_not_ours;
    switch (reply.type) {
        case DhcpType::offer: return take_offer(reply, now);
        case DhcpType::ack: return take_ack(reply, now);
        default: return take_nak(reply, now);
    }
}

Drop DhcpClient::take_offer(const DhcpReply& reply, time::Instant now) noexcept {
    if (!is_server(reply.server)) return Drop::dhcp_server;
    if (!can_be_host(reply.yours, prefix_of(reply))) return Drop::dhcp_address;
    ++counts_.offers;
    lease_ = {};
    lease_.server = *reply.server;
    lease_.network.address = reply.yours;
    state_ = DhcpState::requesting;
    sent_ = 0;
    send_request(now);
    return Drop::none;
}

Drop DhcpClient::take_ack(const DhcpReply& reply, time::Instant now) noexcept {
    if (!is_of_our_server(reply)) return Drop::dhcp_server;
    if (reply.yours != lease_.network.address || !can_be_host(reply.yours, prefix_of(reply))) return Drop::dhcp_address;
    if (reply.lease_s.value_or(0) == 0) return Drop::dhcp_lease;
    ++counts_.acks;
    naks_in_a_row_ = 0;
    const bool is_new = state_ == DhcpState::requesting;
    const Ipv4Network before = lease_.network;
    lease_ = lease_of(reply);
    if (!is_new) {
        // What is longer than a new MTU is in the queues of connections: it holds from the next address on.
        lease_.network.mtu = before.mtu;
        state_ = DhcpState::bound;
        wait_for_renewal();
        if (lease_.network != before) on_network_(context_, lease_.network, now);
        return Drop::none;
    }
    state_ = DhcpState::checking;
    Timers::cancel(*this);
    claim_.probe(
        lease_.network.address,
        [](void* self, bool is_free, time::Instant when) noexcept {
            auto& client = *static_cast<DhcpClient*>(self);
            is_free ? client.bind(when) : client.decline(when);
        },
        this, now);
    return Drop::none;
}

Drop DhcpClient::take_nak(const DhcpReply& reply, time::Instant now) noexcept {
    if (!is_of_our_server(reply)) return Drop::dhcp_server;
    ++counts_.naks;
    const bool had_address = has_address();
    note("the server refuses us ", lease_.network.address,
         had_address ? "; its connections end, and another is asked for" : "; another is asked for");
    if (had_address) lose(now);
    restart_in(std::chrono::seconds{1U << std::min(naks_in_a_row_++, naks_doubled)}, now);
    return Drop::none;
}

void DhcpClient::bind(time::Instant now) noexcept {
    if (now >= lease_.ends_at) return discover(now);  // shorter than the look for others took
    conflicts_ = 0;
    state_ = DhcpState::bound;
    wait_for_renewal();
    on_network_(context_, lease_.network, now);
}

void DhcpClient::lose(time::Instant now) noexcept {
    claim_.stop();
    Timers::cancel(*this);
    state_ = DhcpState::init;
    lease_ = {};
    on_network_(context_, {}, now);
}

void DhcpClient::wait_for_renewal() noexcept {
    if (lease_.renew_at == time::Instant::max())
        Timers::cancel(*this);
    else
        timers_.set(*this, lease_.renew_at);
}

// --- what a lease says

DhcpLease DhcpClient::lease_of(const DhcpReply& reply) noexcept {
    DhcpLease lease;
    lease.network = network_of(reply);
    lease.server = *reply.server;
    lease.broadcast = reply.broadcast.value_or(Ipv4Addr{});
    const std::uint32_t seconds = *reply.lease_s;
    lease.ends_at = after(asked_at_, seconds);
    if (seconds == wire::dhcp_infinite) return lease;
    // Section 4.4.5: what does not come in that order is not taken. The usual one is spread a little, so that hosts
    // that began together do not go on together.
    std::uint32_t renewal = reply.renewal_s.value_or(seconds / 2 - random_.next() % (seconds / 64 + 1));
    std::uint32_t rebinding = reply.rebinding_s.value_or(seconds - seconds / 8);
    if (renewal >= rebinding || rebinding >= seconds) {
        renewal = seconds / 2;
        rebinding = seconds - seconds / 8;
    }
    renewal = std::max(renewal, 1U);  // or a server could have us ask as fast as it answers
    lease.renew_at = after(asked_at_, renewal);
    lease.rebind_at = after(asked_at_, rebinding);
    return lease;
}

// Those by a router that no host can be are left out: the stack's own numbers of hosts begin there.
Ipv4Routes DhcpClient::usable(const DhcpReply& reply) noexcept {
    Ipv4Routes routes;
    for (std::size_t i = 0; i < reply.routes.size(); ++i) {
        const Ipv4Route& each = reply.routes[i];
        if (each.router.is_unspecified() || can_be_router(each.router, reply.yours))
            (void)routes.add(each);
        else
            drops_.count(Drop::dhcp_option_value);
    }
    return routes;
}

Ipv4Network DhcpClient::network_of(const DhcpReply& reply) noexcept {
    Ipv4Network network;
    network.address = reply.yours;
    network.prefix_bits = prefix_of(reply);
    if (reply.mtu >= mtu_least) network.mtu = reply.mtu;
    for (std::size_t i = 0; i < reply.routes_left_out; ++i) drops_.count(Drop::dhcp_routes_full);
    network.routes = usable(reply);
    network.name_servers = reply.name_servers;
    if (!reply.has_routes && can_be_router(reply.router, reply.yours)) network.gateway = reply.router;
    return network;
}

// --- packets

std::uint16_t DhcpClient::seconds_since_start(time::Instant now) const noexcept {
    constexpr std::int64_t most = std::numeric_limits<std::uint16_t>::max();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - started_at_).count();
    return static_cast<std::uint16_t>(std::min<std::int64_t>(seconds, most));
}

DhcpRequest DhcpClient::message(DhcpType type) const noexcept {
    DhcpRequest request;
    request.type = type;
    request.xid = xid_;
    request.client = link_.mac();
    request.longest = std::max<std::uint16_t>(config_.mtu, 576);
    const bool is_asking = type == DhcpType::discover || type == DhcpType::request;
    if (is_asking) request.secs = secs_;
    const bool has_own = has_address();
    if (has_own) request.own = lease_.network.address;
    request.wants_broadcast = is_asking && !has_own;
    // Table 5: a REQUEST that renews names neither, a RELEASE the server alone.
    if (type == DhcpType::decline || (type == DhcpType::request && !has_own))
        request.requested = lease_.network.address;
    if (type == DhcpType::release || !request.requested.is_unspecified()) request.server = lease_.server;
    return request;
}

Frame* DhcpClient::datagram(const DhcpRequest& request, Ipv4Addr from, Ipv4Addr to) noexcept {
    Frame* const frame = link_.allocate();
    if (frame == nullptr) return nullptr;
    wire::write(request, frame->data);
    frame->length = wire::dhcp_request_bytes;
    wire::UdpHeader header;
    header.source_port = wire::dhcp_client_port;
    header.destination_port = wire::dhcp_server_port;
    header.bytes = static_cast<std::uint16_t>(wire::udp_bytes + wire::dhcp_request_bytes);
    std::byte* const at = frame->prepend(wire::udp_bytes);
    wire::write(header, at);
    wire::seal_udp({at, header.bytes}, wire::pseudo_header(from, to, wire::ip_protocol::udp, header.bytes));
    return frame;
}

// There may be no address yet, so IpOutput has no say.
void DhcpClient::broadcast(const DhcpRequest& request, Ipv4Addr from) noexcept {
    constexpr Ipv4Addr all{0xffff'ffffU};
    Frame* const frame = datagram(request, from, all);
    if (frame == nullptr) return;
    wire::Ipv4Header header;
    header.total_bytes = static_cast<std::uint16_t>(wire::ipv4_bytes + frame->length);
    header.protocol = wire::ip_protocol::udp;
    header.source = from;
    header.destination = all;
    wire::write(header, frame->prepend(wire::ipv4_bytes));
    link_.send(*frame, wire::MacAddr::broadcast(), wire::ether_type::ipv4);
}

// False when it cannot leave.
bool DhcpClient::unicast(const DhcpRequest& request, time::Instant now) noexcept {
    const Ipv4Addr to = lease_.server;
    if (const Drop why = output_.check(to, wire::udp_bytes + wire::dhcp_request_bytes); why != Drop::none) {
        drops_.count(why);
        return false;
    }
    const Ipv4Addr from = lease_.network.address;
    Frame* const frame = datagram(request, from, to);
    if (frame == nullptr) return false;
    output_.send(*frame, from, to, wire::ip_protocol::udp, now);
    return true;
}

}  // namespace skerry::stack
