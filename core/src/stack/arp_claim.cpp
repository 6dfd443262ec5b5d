#include <skerry/stack/arp_claim.hpp>

#include <skerry/stack/wire/arp.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/trace/line.hpp>
#include <skerry/trace/notice.hpp>

#include <string_view>
#include <utility>

namespace skerry::stack {

namespace {

using namespace std::chrono_literals;

// RFC 5227 section 1.1: ANNOUNCE_INTERVAL and DEFEND_INTERVAL.
constexpr std::chrono::nanoseconds announce_interval = std::chrono::seconds{2};
constexpr std::chrono::nanoseconds defend_interval = std::chrono::seconds{10};

// PROBE_NUM, PROBE_WAIT, PROBE_MIN and PROBE_MAX, ANNOUNCE_WAIT.
constexpr unsigned probes = 3;
constexpr auto first_probe_most = 1000ms;
constexpr auto next_probe_least = 1000ms;
constexpr auto next_probe_most = 2000ms;
constexpr std::chrono::nanoseconds answer_wait = 2s;
constexpr std::chrono::nanoseconds again_after = 1s;  // when a question could not leave

struct HexPair {
    explicit HexPair(std::uint8_t octet) noexcept
        : digits{"0123456789abcdef"[octet >> 4U], "0123456789abcdef"[octet & 15U]} {}
    [[nodiscard]] std::string_view text() const noexcept { return {digits, sizeof digits}; }
    char digits[2];
};

void note_conflict(wire::Ipv4Addr ours, const wire::MacAddr& other) noexcept {
    const auto hex = [&other](std::size_t at) { return HexPair(other.octets[at]); };
    const trace::Line line("stack: another station, ", hex(0).text(), ":", hex(1).text(), ":", hex(2).text(), ":",
                           hex(3).text(), ":", hex(4).text(), ":", hex(5).text(), ", has our address ",
                           ours.bits >> 24U, ".", ours.bits >> 16U & 0xffU, ".", ours.bits >> 8U & 0xffU, ".",
                           ours.bits & 0xffU, " too; give one of them another");
    trace::notice(line.text());
}

}  // namespace

ArpClaim::ArpClaim(const StackConfig& config, Link& link, Timers& timers, std::size_t place) noexcept
    : config_(config),
      link_(link),
      timers_(timers),
      place_(place),
      random_(config.drawn_seed(), SecretUse::arp_numbers) {
    Timer::on_time = &ArpClaim::on_time;
}

void ArpClaim::begin(time::Instant now) noexcept {
    if (!claims()) return;
    announce();
    timers_.set(*this, now + announce_interval);
}

void ArpClaim::ask() noexcept {
    if (claims()) send({}, own());
}

void ArpClaim::defend(const wire::MacAddr& other, time::Instant now) noexcept {
    if (!claims() || now < quiet_until_) return;
    quiet_until_ = now + defend_interval;
    announce();
    if (!std::exchange(has_noticed_, true)) note_conflict(own(), other);
}

// A request, as the RFC wants it: whoever knows our address by ARP learns from those.
void ArpClaim::announce() noexcept { send(own(), own()); }

// False when it could not leave.
bool ArpClaim::send(wire::Ipv4Addr sender, wire::Ipv4Addr target) noexcept {
    Frame* const frame = link_.has_room() ? link_.allocate() : nullptr;
    if (frame == nullptr) return false;
    wire::ArpPacket packet;
    packet.operation = wire::ArpOperation::request;
    packet.sender_mac = link_.mac();
    packet.sender_ip = sender;
    packet.target_ip = target;
    frame->length = wire::arp_bytes;
    wire::write(packet, frame->data);
    link_.send(*frame, wire::MacAddr::broadcast(), wire::ether_type::arp);
    return true;
}

// --- whether an address is free

void ArpClaim::probe(wire::Ipv4Addr address, Outcome outcome, void* context, time::Instant now) noexcept {
    probed_ = address;
    outcome_ = outcome;
    context_ = context;
    probes_left_ = probes;
    timers_.set(*this, now + between(0ms, first_probe_most));
}

void ArpClaim::stop() noexcept {
    outcome_ = nullptr;
    Timers::cancel(*this);
}

// RFC 5227 section 2.1.1: whoever sends as that address has it, and who else probes for it may be the first.
void ArpClaim::judge(const wire::ArpPacket& packet, time::Instant now) noexcept {
    if (packet.sender_mac == link_.mac()) return;
    const bool is_theirs = packet.sender_ip == probed_;
    const bool is_wanted = packet.sender_ip.is_unspecified() && packet.operation == wire::ArpOperation::request &&
                           packet.target_ip == probed_;
    if (is_theirs || is_wanted) end_probe(false, now);
}

void ArpClaim::end_probe(bool is_free, time::Instant now) noexcept {
    Timers::cancel(*this);
    std::exchange(outcome_, nullptr)(context_, is_free, now);
}

void ArpClaim::probe_on(time::Instant now) noexcept {
    if (probes_left_ == 0) return end_probe(true, now);
    if (!send({}, probed_)) return timers_.set(*this, now + again_after);
    --probes_left_;
    timers_.set(*this, now + (probes_left_ == 0 ? answer_wait : between(next_probe_least, next_probe_most)));
}

std::chrono::nanoseconds ArpClaim::between(std::chrono::milliseconds least, std::chrono::milliseconds most) noexcept {
    const auto span = static_cast<std::uint32_t>((most - least).count()) + 1;
    return least + std::chrono::milliseconds{random_.next() % span};
}

void ArpClaim::on_time(Timer& timer, time::Instant now) noexcept {
    auto& self = static_cast<ArpClaim&>(timer);
    if (self.outcome_ != nullptr) return self.probe_on(now);
    self.announce();
}

}  // namespace skerry::stack
