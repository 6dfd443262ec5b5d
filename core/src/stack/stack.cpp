#include <skerry/stack/stack.hpp>

#include <skerry/base/compiler.hpp>
#include <skerry/stack/dhcp_client.hpp>
#include <skerry/stack/glance.hpp>
#include <skerry/stack/interface_id.hpp>
#include <skerry/stack/wire/arp.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/ipv4.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <type_traits>

namespace skerry::stack {

using backend::FrameChecksum;

namespace {

// What all limits together keep must leave the port and the answers some frames. How many are free is looked at besides
// (FrameBudget): programs hold frames too.
StackConfig fitted(StackConfig config, std::size_t pool_frames) noexcept {
    constexpr std::size_t frame_bytes = 2048;
    const auto cut = [](auto& limit, std::size_t most) {
        if (limit > most) limit = static_cast<std::remove_reference_t<decltype(limit)>>(std::max<std::size_t>(most, 1));
    };
    config.pool_frames = pool_frames;
    if (config.uses_dhcp) config.address = {};
    if (config.address.is_unspecified()) config.more_addresses = {};
    if (config.autoconf6) config.address6 = {};
    if (config.address6.is_unspecified()) config.more_addresses6 = {};
    // The kernel's end of a TAP device may have our hardware address, and makes its own of it.
    if (config.finds_out_ipv6() && config.link_local6.is_unspecified()) {
        config.link_local6 = stable_address(config.interface_key(), {0xfe80'0000'0000'0000U, 0}, config.mac, 0);
    } else if (!config.finds_out_ipv6() && config.address6.is_unspecified()) {
        config.link_local6 = {};
    } else if (config.link_local6.is_unspecified()) {
        config.link_local6 = wire::Ipv6Addr::link_local(config.mac);
    }
    cut(config.tcp.send_frames_max, pool_frames / 2);
    cut(config.tcp.receive_frames_max, pool_frames / 8 * 3);
    // Two thirds of what they hold when they are full.
    constexpr std::size_t promised_bytes = 1024;
    cut(config.tcp.send_growth_max, config.tcp.send_frames_max * promised_bytes);
    cut(config.tcp.receive_growth_max, config.tcp.receive_frames_max * promised_bytes);
    // Behind a hole half of the frames may be kept (Receiver::wait_for_gap). A window that promises more would have
    // what was said to have come thrown away, and the sender waits for its timer then.
    for (std::uint32_t* const buffer : {&config.tcp.receive_buffer_max, &config.tcp.receive_buffer_bytes})
        cut(*buffer, (config.tcp.reassembly_segments_max + config.tcp.receive_frames_max / 2) * promised_bytes);
    cut(config.backlog_max, pool_frames / 2);
    cut(config.neighbours.waiting_max, pool_frames / 8);
    cut(config.reassembly.bytes_max, pool_frames / 8 * frame_bytes);
    return config;
}

// The solicited-node groups of configured addresses; Autoconf joins those that it looks for. A switch that listens to
// reports would not bring us their questions otherwise. Of several cores one is enough. RFC 4291 section 2.8, RFC 4861
// section 7.2.1.
void join_own_groups(const StackConfig& config, Hosts& hosts, Groups& groups, time::Instant now) noexcept {
    const bool is_first = config.steering == nullptr || config.steering->core() == 0;
    if (!config.reports_own_groups || !hosts.has_v6() || !is_first || config.finds_out_ipv6()) return;
    std::array<wire::Ipv6Addr, 1 + ipv6_addresses_max> joined;
    std::size_t count = 0;
    const auto add = [&](const wire::Ipv6Addr& own) {
        const wire::Ipv6Addr group = own.solicited_node();
        const auto known = std::span(joined).first(count);
        if (std::find(known.begin(), known.end(), group) == known.end()) joined[count++] = group;
    };
    for (std::size_t place = 0; place < config.ipv6_count(); ++place) add(config.ipv6_at(place).address);
    add(config.link_local6);
    for (const wire::Ipv6Addr& group : std::span(joined).first(count))
        (void)groups.join(hosts.name(group), {}, now);  // without memory for one there is none for a program either
}

}  // namespace

Stack::Stack(const StackConfig& config, backend::FrameCache& frames, time::Instant start)
    : config_(fitted(config, frames.available())),
      port_mtu_(config.mtu),
      messages_(config.icmp_per_second),
      memberships_(config.icmp_per_second),
      random_(config.drawn_seed(), SecretUse::steering_numbers),
      timers_(start),
      link_(config_, frames, drops_),
      hosts_(config_.seed, config_.address6, config_.link_local6),
      ipv6_link_(config_, hosts_),
      neighbours_(config_, hosts_, ipv6_link_, link_, timers_, drops_),
      reassembly_(config_, hosts_, timers_, drops_),
      output_(config_, hosts_, ipv6_link_, link_, neighbours_, drops_),
      icmp_(config_, link_, output_, drops_),
      ndp_(config_, hosts_, ipv6_link_, link_, neighbours_, output_, drops_),
      groups_(config_, link_, output_, timers_),
      udp_(config_, link_, output_, icmp_, groups_, drops_),
      tcp_(config_, link_, output_, timers_, drops_) {
    config_.seat = {};
    if (config.seat.steering != nullptr)
        config_.steering = &steering_.emplace(config.seat, hosts_, config_.more_addresses, frames, drops_);
    start_address(config.seat.core, start);
    join_own_groups(config_, hosts_, groups_, start);
    begin_ipv6(start);
}

Stack::~Stack() = default;

void Stack::input(std::span<Frame* const> burst, time::Instant now, time::Instant looped_at) noexcept {
    for (; burst.size() > burst_max; burst = burst.subspan(burst_max)) input_burst(burst.first(burst_max), now);
    input_burst(burst, now);
    if (has_looped()) input_all_looped(now, looped_at);
    udp_.deliver();
    tcp_.deliver();
}

void Stack::input_steered(std::span<Frame* const> burst, time::Instant now) noexcept {
    if (steering_ && steering_->has_news()) [[unlikely]]
        learn(now);
    for (Frame* const frame : burst)
        if ((frame->flags & backend::frame_flag::is_arp) != 0)
            input_steered_arp(*frame, now);
        else if (wire::load_8(frame->data) >> 4U == 6)
            input_ipv6(*frame, now, Origin::steered);
        else
            input_ipv4(*frame, now, Origin::steered);
    udp_.deliver();
    tcp_.deliver();
}

template <bool has_more>
void Stack::input_burst_of(std::span<Frame* const> burst, time::Instant now) noexcept {
    // Nothing is usual then, and what is for nobody must not pass for ours.
    if (config_.address.is_unspecified()) [[unlikely]] {
        for (Frame* const frame : burst) input_frame(*frame, now);
        return;
    }
    constexpr std::size_t ahead = 4;
    constexpr std::size_t few = 2;
    const std::span<Glance> glances = std::span(glances_).first(burst.size());
    for (std::size_t i = 0; i < burst.size(); ++i) {
        if (i + ahead < burst.size()) prefetch_read(burst[i + ahead]->data);
        glances[i].look_at<has_more>(*burst[i], config_);
    }
    const bool is_cold = burst.size() > few && tcp_.fetch_slots(glances);
    for (std::size_t i = 0; i < glances.size(); ++i) {
        if (is_cold) tcp_.fetch_around(glances, i);
        if (!input_usual(glances[i], now)) input_frame(*glances[i].frame, now);
    }
}

void Stack::input_burst(std::span<Frame* const> burst, time::Instant now) noexcept {
    if (config_.more_addresses.empty()) [[likely]]
        return input_burst_of<false>(burst, now);
    input_burst_of<true>(burst, now);
}

bool Stack::input_usual(const Glance& glance, time::Instant now) noexcept {
    if (glance.protocol == wire::ip_protocol::tcp) return tcp_.input_usual(glance, now);
    return glance.protocol == wire::ip_protocol::udp && udp_.input_usual(glance);
}

void Stack::input_frame(Frame& frame, time::Instant now) noexcept {
    if (frame.checksum == FrameChecksum::bad) return link_.drop(frame, Drop::port_checksum);
    wire::EthernetHeader header;
    if (const Drop why = wire::parse(frame.bytes(), header); why != Drop::none) return link_.drop(frame, why);
    // A tag of VLAN 0 is a priority and no VLAN: IEEE 802.1Q clause 9.6. Where we are in a VLAN its tags are off
    // already (PortEdge).
    const bool is_off = (frame.flags & backend::frame_flag::has_vlan) != 0;
    if (header.vid != 0 || (is_off && (frame.vlan & wire::vid_mask) != 0))
        return link_.drop(frame, Drop::ethernet_vlan);
    if (is_off && header.tagged) return link_.drop(frame, Drop::ethernet_double_tag);
    frame.flags &= static_cast<std::uint8_t>(~backend::frame_flag::has_vlan);
    if (header.destination != config_.mac && !header.destination.is_multicast())
        return link_.drop(frame, Drop::ethernet_not_ours);
    frame.trim_front(header.header_bytes);
    switch (header.ether_type) {
        case wire::ether_type::ipv4:
            return input_ipv4(frame, now, header.destination.is_multicast() ? Origin::link_group : Origin::link);
        case wire::ether_type::ipv6:
            return input_ipv6(frame, now, header.destination.is_multicast() ? Origin::link_group : Origin::link);
        case wire::ether_type::arp: return input_arp(frame, now);
        default: return link_.drop(frame, Drop::ethernet_type);
    }
}

void Stack::input_arp(Frame& frame, time::Instant now) noexcept {
    wire::ArpPacket packet;
    if (const Drop why = wire::parse(frame.bytes(), packet); why != Drop::none) return link_.drop(frame, why);
    const Neighbours::News news = neighbours_.input(packet, now);
    if (steering_ && (news.is_for_all || news.askers != 0)) {
        frame.flags |= backend::frame_flag::is_arp;
        steering_->answer_to(news.askers, frame.bytes(), frame);
        const CoreSet others = news.is_for_all ? steering_->others() & ~news.askers : 0;
        steering_->copy_to(limited(others, arps_, now), frame.bytes(), frame);
    }
    frame.drop();
}

void Stack::input_steered_arp(Frame& frame, time::Instant now) noexcept {
    wire::ArpPacket packet;
    if (wire::parse(frame.bytes(), packet) == Drop::none) neighbours_.input_steered(packet, now);
    frame.drop();
}

// What was sent to many on the link is not for one address of ours: RFC 1122 section 3.3.6. So a SYN or an echo to all
// stations is never answered.
bool Stack::is_for_us(wire::Ipv4Addr destination, Origin origin) const noexcept {
    if (destination.is_multicast())
        return groups_.has(destination) || (steering_ && steering_->others_in_group(destination) != 0);
    if (config_.is_own(destination)) return origin != Origin::link_group;
    return config_.is_broadcast(destination);
}

// Ours comes from ourselves only: RFC 1122 section 3.2.1.3, and RFC 9293's "LAND". The parser refuses the rest.
bool Stack::may_come_from(wire::Ipv4Addr source, Origin origin) const noexcept {
    const bool is_from_wire = origin == Origin::link || origin == Origin::link_group;
    return !config_.is_broadcast(source) && !(is_from_wire && config_.loops_own_address && config_.is_own(source));
}

void Stack::input_ipv4(Frame& frame, time::Instant now, Origin origin) noexcept {
    wire::Ipv4Header header;
    if (const Drop why = wire::parse(frame.bytes(), header, frame.checksum); why != Drop::none)
        return link_.drop(frame, why);
    if (!config_.has_v4()) return link_.drop(frame, Drop::ipv4_not_ours);
    if (!is_for_us(header.destination, origin) &&
        !(config_.address.is_unspecified() && is_for_dhcp(frame.bytes().subspan(header.header_bytes), header)))
        return link_.drop(frame, Drop::ipv4_not_ours);
    if (!may_come_from(header.source, origin)) return link_.drop(frame, Drop::ipv4_source);
    frame.length = header.total_bytes;  // what follows is the padding of a short Ethernet frame
    frame.trim_front(header.header_bytes);
    if (header.is_fragment()) [[unlikely]] {
        Frame* const whole = input_piece(frame, header, now);
        if (whole == nullptr) return;
        Packet packet{*whole, header, now, false, true};
        return input_transport(packet);
    }
    Packet packet{frame, header, now, origin == Origin::steered};
    input_transport(packet);
}

// What that makes us send ourselves waits for the next turn, or it could go on for ever.
void Stack::input_all_looped(time::Instant now, time::Instant looped_at) noexcept {
    for (std::size_t left = output_.looped().size(); left > 0; --left) {
        Frame& frame = *output_.looped().pop();
        frame.set_arrival(looped_at, 0);
        input_looped(frame, now);
    }
}

void Stack::input_looped(Frame& frame, time::Instant now) noexcept {
    if (wire::load_8(frame.data) >> 4U == 6) return input_ipv6(frame, now, Origin::ourselves);
    input_ipv4(frame, now, Origin::ourselves);
}

// Pieces have no ports, so they meet on the core that their addresses and number choose.
Frame* Stack::input_piece(Frame& piece, wire::Ipv4Header& header, time::Instant now) noexcept {
    if (steering_) {
        const std::uint16_t owner = steering_->owner_of_piece(header, header.id);
        if (owner != steering_->core()) {
            piece.untrim_front(header.header_bytes);
            steering_->hand_over_piece(owner, piece);
            return nullptr;
        }
    }
    Frame* const whole = reassembly_.add(piece, header, now);
    if (whole == nullptr || !steering_) return whole;
    // The header in front is still the first piece's, and may be read again on another core.
    std::byte* const at = whole->data - header.header_bytes;
    wire::store_be16(at + 2, header.total_bytes);
    wire::store_be16(at + 6, 0);
    wire::store_checksum(at + 10, 0);
    wire::store_checksum(at + 10, wire::fold(wire::sum({at, header.header_bytes})));
    return whole;
}

void Stack::input_transport(Packet& packet) noexcept {
    switch (packet.ip.protocol) {
        case wire::ip_protocol::udp:
            if (is_for_dhcp(packet.payload(), packet.ip)) [[unlikely]]
                return input_dhcp(packet);
            return udp_.input(packet);
        case wire::ip_protocol::igmp: return share_membership(packet, groups_.input(packet));
        case wire::ip_protocol::tcp: return tcp_.input(packet);
        case wire::ip_protocol::icmp:
            if (steering_ && !packet.is_steered && is_redirect(packet)) [[unlikely]]
                steering_->copy_to(limited(steering_->others(), messages_, packet.now), packet.whole(), packet.frame);
            if (const auto error = icmp_.input(packet)) input_error(packet, *error);
            return;
        default: icmp_.send_protocol_unreachable(packet); return link_.drop(packet.frame, Drop::ipv4_protocol);
    }
}

// A sound message is for all cores that are in groups. One that is not costs only the core that got it: anybody may
// send those, from anywhere, and what other cores hear is limited.
void Stack::share_membership(Packet& packet, Drop why) noexcept {
    const bool is_sound = why == Drop::none || why == Drop::igmp_not_member || why == Drop::mld_not_member;
    if (steering_ && is_sound && !packet.is_steered)
        steering_->copy_to(limited(steering_->others_in_groups(), memberships_, packet.now), packet.whole(),
                           packet.frame);
    link_.drop(packet.frame, why);
}

// For all cores, which have the same routes. Those that are not taken are for none.
bool Stack::is_redirect(const Packet& packet) const noexcept {
    const std::span<const std::byte> message = packet.payload();
    return config_.accept_redirects && !message.empty() &&
           wire::load_8(message.data()) == static_cast<std::uint8_t>(wire::IcmpType::redirect);
}

// Messages that anybody can send cost the other cores no more than ours cost this one: none go when too many come.
CoreSet Stack::limited(CoreSet others, RateLimit& limit, time::Instant now) noexcept {
    if (others == 0 || limit.take(now, random_)) return others;
    drops_.count(Drop::steering_rate);
    return 0;
}

// It is for whoever sent what it is about.
void Stack::input_error(Packet& packet, const IcmpError& error) noexcept {
    CoreSet others = 0;
    if (steering_ && !packet.is_steered && error.protocol == wire::ip_protocol::tcp) {
        const std::uint16_t owner =
            steering_->owner_of_connection({error.local, error.remote, error.local_port, error.remote_port});
        if (owner != steering_->core()) {
            if (limited(core_bit(owner), messages_, packet.now) == 0) return packet.frame.drop();
            return (void)steering_->hand_over(owner, packet.restored());
        }
    } else if (steering_ && !packet.is_steered && error.protocol == wire::ip_protocol::udp) {
        others = steering_->others_with_socket(error.local, error.local_port);  // only the connected one is told
        steering_->copy_to(limited(others, messages_, packet.now), packet.whole(), packet.frame);
    }
    if (!tell(error, packet.now) && others == 0) drops_.count(Drop::icmp_stale);
    packet.frame.drop();
}

// False when nobody wanted to know.
bool Stack::tell(const IcmpError& error, time::Instant now) noexcept {
    switch (error.protocol) {
        case wire::ip_protocol::udp: return udp_.input_error(error, now);
        case wire::ip_protocol::tcp: return tcp_.input_error(error, now);
        default: return true;
    }
}

// As if a router had said "host unreachable", which is what RFC 1122 section 2.3.2.2 asks of the link layer: a connect
// that waits fails after three seconds, and not after its own two minutes. What stands takes it for a passing trouble.
void Stack::report_unreachable(time::Instant now) noexcept {
    constexpr std::size_t ports_and_seq_bytes = 8;
    while (Frame* const packet = neighbours_.unreachable().pop()) {
        wire::Ipv4Header ip;
        const std::span<const std::byte> bytes = packet->bytes();
        const bool is_read = read_own(bytes, ip);
        if (is_read) output_.forget_redirect(ip.destination);
        if (is_read && ip.payload_bytes() >= ports_and_seq_bytes) {
            const std::byte* const transport = bytes.data() + ip.header_bytes;
            (void)tell({*meaning_of(wire::IcmpType::unreachable, wire::icmp_code::host_unreachable),
                        ip.protocol,
                        ip.destination,
                        wire::load_be16(transport),
                        wire::load_be16(transport + 2),
                        wire::load_be32(transport + 4),
                        ip.source,
                        {}},
                       now);
        }
        link_.drop(*packet, Drop::neighbour_unreachable);
    }
}

void Stack::report_expired(time::Instant now) noexcept {
    while (Frame* const piece = reassembly_.expired().pop()) {
        icmp_.send_reassembly_timeout(piece->bytes(), now);
        piece->drop();
    }
}

// The header of a packet that this stack made.
bool Stack::read_own(std::span<const std::byte> packet, wire::Ipv4Header& header) noexcept {
    if (wire::load_8(packet.data()) >> 4U == 4) return wire::parse(packet, header, FrameChecksum::good) == Drop::none;
    wire::Ipv6Header v6;
    if (wire::parse(packet, v6) != Drop::none) return false;
    header = header_of(v6, wire::ipv6_bytes, v6.next_header);
    return true;
}

wire::Ipv4Header Stack::header_of(const wire::Ipv6Header& v6, std::uint16_t header_bytes,
                                  std::uint8_t protocol) noexcept {
    wire::Ipv4Header header;
    header.header_bytes = header_bytes;
    header.tos = v6.traffic_class;
    header.total_bytes = static_cast<std::uint16_t>(v6.total_bytes());
    header.ttl = v6.hop_limit;
    header.protocol = protocol;
    header.source = hosts_.name(v6.source);
    header.destination = hosts_.name(v6.destination);
    return header;
}

}  // namespace skerry::stack
