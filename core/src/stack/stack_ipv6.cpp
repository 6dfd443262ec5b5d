// What comes by IPv6.

#include <skerry/stack/stack.hpp>

#include <skerry/stack/wire/icmpv6.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/ipv6_extensions.hpp>

namespace skerry::stack {

namespace {

// Of a datagram that is put together the headers in front are written into the headroom of the whole.
constexpr std::size_t headers_in_front_max = backend::FrameCache::headroom - wire::ethernet_bytes;

// Cards that do not look behind extension headers, as i40e, call what stands there good.
backend::FrameChecksum without_praise(backend::FrameChecksum said) noexcept {
    return said == backend::FrameChecksum::good ? backend::FrameChecksum::unknown : said;
}

}  // namespace

// Who is meant, and who may have sent it. What went to a group's hardware address is not for one address: as IPv4.
Drop Stack::judge_ipv6(const wire::Ipv6Header& header, Origin origin) const noexcept {
    const wire::Ipv6Addr& to = header.destination;
    const bool is_own = hosts_.is_own(to);
    const bool is_of_others = steering_ && to.is_multicast() && steering_->others_in_group(to) != 0;
    const bool is_group = is_of_others || is_own_group(to);
    if (!hosts_.has_v6() || (is_own ? origin == Origin::link_group : !is_group)) return Drop::ipv6_not_ours;
    const bool is_from_wire = origin == Origin::link || origin == Origin::link_group;
    return is_from_wire && hosts_.is_own(header.source) ? Drop::ipv6_source : Drop::none;
}

// Whether this core is in it.
bool Stack::is_own_group(const wire::Ipv6Addr& address) const noexcept {
    if (!address.is_multicast()) return false;
    if (address == wire::Ipv6Addr::all_nodes() || ipv6_link_.is_group_of_questions(address)) return true;
    const auto group = hosts_.find(address);
    return group && groups_.has(*group);
}

void Stack::input_ipv6(Frame& frame, time::Instant now, Origin origin) noexcept {
    Ipv6Arrival v6;
    Drop why = wire::parse(frame.bytes(), v6.ip);
    if (why == Drop::none) why = judge_ipv6(v6.ip, origin);
    if (why != Drop::none) return link_.drop(frame, why);
    frame.length = static_cast<std::uint16_t>(v6.ip.total_bytes());  // what follows is padding
    why = wire::parse(frame.bytes(), v6.chain, v6.ip);
    if (why != Drop::none) {
        icmp_.v6().send_problem(frame.bytes(), v6.ip, v6.chain.problem, now);
        return link_.drop(frame, why);
    }
    if (v6.chain.is_fragment()) [[unlikely]]
        return input_ipv6_piece(frame, v6, now);
    if (v6.chain.payload_at != wire::ipv6_bytes) [[unlikely]]
        frame.checksum = without_praise(frame.checksum);
    const wire::Ipv4Header header = header_of(v6.ip, v6.chain.payload_at, v6.chain.protocol);
    frame.trim_front(header.header_bytes);
    Packet packet{frame, header, now, origin == Origin::steered, origin == Origin::reassembled, &v6};
    input_ipv6_transport(packet);
}

// The whole is read anew, as what its first piece was: a packet with a fragment header that says that there is nothing
// else.
void Stack::input_ipv6_piece(Frame& piece, const Ipv6Arrival& v6, time::Instant now) noexcept {
    const wire::Ipv6Fragment& fragment = v6.chain.fragment;
    if (fragment.data_at() > headers_in_front_max) return link_.drop(piece, Drop::ipv6_extension_bytes);
    wire::Ipv4Header header = header_of(v6.ip, fragment.data_at(), 0);
    header.more_fragments = fragment.more;
    header.fragment_offset_bytes = fragment.offset_bytes;
    if (steering_) {
        const std::uint16_t owner = steering_->owner_of_piece(header, fragment.id);
        if (owner != steering_->core()) return (void)steering_->hand_over_piece(owner, piece);
    }
    piece.trim_front(fragment.data_at());
    Frame* const whole = reassembly_.add(piece, header, fragment.id, now);
    if (whole == nullptr) return;
    whole->untrim_front(header.header_bytes);
    const auto payload_bytes = static_cast<std::uint16_t>(whole->length - wire::ipv6_bytes);
    wire::store_be16(whole->data + wire::ipv6_payload_length_at, payload_bytes);
    wire::store_be16(whole->data + header.header_bytes - wire::ipv6_fragment_bytes + 2, 0);
    input_ipv6(*whole, now, Origin::reassembled);
}

void Stack::input_ipv6_transport(Packet& packet) noexcept {
    const Ipv6Arrival& v6 = *packet.v6;
    const bool is_to_group = v6.ip.destination.is_multicast();
    switch (packet.ip.protocol) {
        case wire::ip_protocol::udp: return udp_.input(packet);
        case wire::ip_protocol::tcp:
            if (is_to_group) return link_.drop(packet.frame, Drop::tcp_not_unicast);
            return tcp_.input(packet);
        case wire::ip_protocol::icmpv6: return input_icmpv6(packet);
        case wire::ip_protocol::none: break;
        default: icmp_.v6().send_unknown_header(packet, v6.chain.next_at); break;
    }
    link_.drop(packet.frame, Drop::ipv6_protocol);
}

// By its type, which each of the three parsers looks at again behind the checksum.
void Stack::input_icmpv6(Packet& packet) noexcept {
    const std::span<const std::byte> message = packet.payload();
    wire::Icmpv6Header header;
    if (!message.empty()) header.type = static_cast<wire::Icmpv6Type>(wire::load_8(message.data()));
    if (header.is_ndp()) return input_ndp(packet);
    if (header.is_mld()) return share_membership(packet, groups_.input_v6(packet));
    const wire::Ipv6Addr& to = packet.v6->ip.destination;
    if (steering_ && to.is_multicast() && !is_own_group(to)) return input_for_others_group(packet);
    if (const auto error = icmp_.v6().input(packet)) input_error(packet, *error);
}

// An echo to a group that this core is not in. Who is answers, and knows for sure.
void Stack::input_for_others_group(Packet& packet) noexcept {
    CoreSet others = packet.is_steered ? 0 : steering_->others_in_group(packet.v6->ip.destination);
    others = limited(others, messages_, packet.now);
    if (others == 0) return link_.drop(packet.frame, Drop::ipv6_not_ours);
    (void)steering_->hand_over(first_of(others), packet.restored());
}

// Every core has a table of neighbours, and of redirects.
void Stack::input_ndp(Packet& packet) noexcept {
    const Ndp::News news = ndp_.input(packet);
    if (steering_ && !packet.is_steered) {
        steering_->answer_to(news.askers, packet.whole(), packet.frame);
        CoreSet others = 0;
        if (news.is_for_all) others = limited(steering_->others() & ~news.askers, ndps_, packet.now);
        if (news.is_for_first) others = limited(steering_->others() & core_bit(0), routers_, packet.now);
        steering_->copy_to(others, packet.whole(), packet.frame);
    }
    packet.frame.drop();
}

// --- what is known of the link

void Stack::begin_ipv6(time::Instant now) noexcept {
    if (!config_.finds_out_ipv6()) return;
    if (steering_ && steering_->core() != 0) {
        if (Ipv6Facts known; steering_->take(known)) take_facts(known);
        return;
    }
    autoconf_.emplace(config_, ipv6_link_, hosts_, link_, groups_, timers_, drops_, this,
                      [](void* self, const Ipv6Facts& facts) noexcept {
                          auto& stack = *static_cast<Stack*>(self);
                          stack.take_facts(facts);
                          if (stack.steering_) stack.steering_->publish(facts);
                      });
    ndp_.set_autoconf(*autoconf_);
    autoconf_->begin(now);
}

// Connections end with their address, which nothing may leave from any more, or with its change to another, in between
// which a core may have heard of nothing. While the number still stands for it, because other cores know them by their
// addresses. What is bound to it stays bound, because it may come back; when its number is given to another one it is
// bound to nothing.
void Stack::take_facts(const Ipv6Facts& facts) noexcept {
    const Ipv6Facts before = ipv6_link_.facts();
    for (std::size_t place = 0; place < facts.addresses.size(); ++place) {
        const OwnAddress& was = before.addresses[place];
        const OwnAddress& is = facts.addresses[place];
        const bool is_over = !is.is_usable() || was.address != is.address;
        if (was.is_usable() && is_over) tcp_.lose(Hosts::own_v6_at(place));
    }
    ipv6_link_.set(facts);
    output_.set_link_mtu_v6(ipv6_link_.mtu());
    for (std::size_t place = 0; place < facts.addresses.size(); ++place) {
        const OwnAddress& was = before.addresses[place];
        const OwnAddress& is = facts.addresses[place];
        const wire::Ipv4Addr number = Hosts::own_v6_at(place);
        if (was.address == is.address || was.address.is_unspecified()) continue;
        udp_.leave_address(number);
        tcp_.leave_address(number);
    }
}

}  // namespace skerry::stack
