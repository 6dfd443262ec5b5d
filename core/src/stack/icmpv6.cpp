#include <skerry/stack/icmpv6.hpp>

#include <skerry/stack/wire/checksum.hpp>

#include <algorithm>
#include <cstring>

namespace skerry::stack {

using wire::Icmpv6Type;
using wire::Ipv4Addr;

std::optional<IcmpError> Icmpv6::input(Packet& packet) noexcept {
    wire::Icmpv6Header header;
    const Drop why =
        wire::parse(packet.payload(), header, packet.v6->ip.source, packet.v6->ip.destination, packet.frame.checksum);
    if (why != Drop::none) {
        link_.drop(packet.frame, why);
        return {};
    }
    if (header.type == Icmpv6Type::echo) {
        answer_echo(packet);
        return {};
    }
    std::optional<IcmpError> error;
    if (header.is_error()) error = error_in(header);
    if (!error) link_.drop(packet.frame, Drop::icmp_stale);  // nobody here has asked
    return error;
}

// --- echo

// In the frame that came. One to a group is answered from our own address: RFC 4443 section 4.2.
void Icmpv6::answer_echo(Packet& packet) noexcept {
    Frame& frame = packet.frame;
    const bool to_us = Hosts::is_own_v6(packet.ip.destination);
    if (frame.is_shared() || packet.v6->ip.source.is_unspecified()) return link_.drop(frame, Drop::icmp_not_answered);
    if (const Drop why = output_.check(packet.ip.source, 0); why != Drop::none) return link_.drop(frame, why);
    const Ipv4Addr from = to_us ? packet.ip.destination : output_.source_for(packet.ip.source);
    frame.data[0] = std::byte{static_cast<std::uint8_t>(Icmpv6Type::echo_reply)};
    const Hosts& hosts = output_.hosts();
    wire::seal_icmpv6(frame.bytes(), hosts.address(from), hosts.address(packet.ip.source));
    if (output_.check(packet.ip.source, frame.length) != Drop::none)
        return output_.send_in_pieces(frame, from, packet.ip.source, wire::ip_protocol::icmpv6, {}, packet.now);
    output_.send(frame, from, packet.ip.source, wire::ip_protocol::icmpv6, packet.now);
}

// --- errors that others send us

// The destination is named again: that of a datagram may have passed, that of a connection is held by the core that has
// it, which may be another.
std::optional<IcmpError> Icmpv6::error_in(const wire::Icmpv6Header& header) noexcept {
    const wire::Icmpv6Quote& quote = header.quote;
    Hosts& hosts = output_.hosts();
    const auto local = hosts.find(quote.source);
    const auto meaning = meaning_of(header.type, header.code);
    if (!meaning || !local || !Hosts::is_own_v6(*local)) return {};
    const auto most = std::uint32_t{0xffff};
    const auto mtu = static_cast<std::uint16_t>(std::min(header.mtu, most));
    const auto bytes =
        static_cast<std::uint16_t>(std::min(quote.payload_bytes + std::uint32_t{wire::ipv6_bytes}, most));
    return IcmpError{
        *meaning, quote.protocol, hosts.name(quote.destination), quote.source_port, quote.destination_port, quote.seq,
        *local,   {mtu, bytes}};
}

// --- errors that we send

void Icmpv6::send_port_unreachable(const Packet& packet) noexcept {
    if (!Hosts::is_own_v6(packet.ip.destination)) return;
    wire::Icmpv6Header header;
    header.type = Icmpv6Type::unreachable;
    header.code = wire::icmpv6_code::port_unreachable;
    send(header, packet.whole(), packet.ip.destination, packet.ip.source, packet.now);
}

void Icmpv6::send_unknown_header(const Packet& packet, std::uint32_t next_at) noexcept {
    if (!Hosts::is_own_v6(packet.ip.destination)) return;
    wire::Icmpv6Header header;
    header.type = Icmpv6Type::parameter_problem;
    header.code = wire::icmpv6_code::next_header;
    header.pointer = next_at;
    send(header, packet.whole(), packet.ip.destination, packet.ip.source, packet.now);
}

void Icmpv6::send_problem(std::span<const std::byte> packet, const wire::Ipv6Header& ip,
                          const wire::Ipv6Problem& problem, time::Instant now) noexcept {
    const bool to_group = ip.destination.is_multicast();
    if (!problem.told || ip.source.is_unspecified() || (to_group && !problem.of_groups)) return;
    wire::Icmpv6Header header;
    header.type = Icmpv6Type::parameter_problem;
    header.code = problem.code;
    header.pointer = problem.pointer;
    const Ipv4Addr to = output_.hosts().name(ip.source);
    const Ipv4Addr from = to_group ? output_.source_for(to) : output_.hosts().name(ip.destination);
    send(header, packet, from, to, now);
}

namespace {

bool is_about_an_error(std::span<const std::byte> piece, const wire::Ipv6Header& ip) noexcept {
    wire::Ipv6Chain chain;
    if (wire::parse(piece, chain, ip) != Drop::none || chain.protocol != wire::ip_protocol::icmpv6) return false;
    wire::Icmpv6Header header;
    if (piece.size() > chain.payload_at) header.type = static_cast<Icmpv6Type>(wire::load_8(&piece[chain.payload_at]));
    return header.is_error();
}

}  // namespace

// Not about an error, nor about what was sent to a group: RFC 4443 section 2.4 (e.1) and (e.3).
void Icmpv6::send_reassembly_timeout(std::span<const std::byte> first_piece, time::Instant now) noexcept {
    wire::Ipv6Header ip;
    if (wire::parse(first_piece, ip) != Drop::none || ip.destination.is_multicast()) return;
    if (is_about_an_error(first_piece, ip)) return;
    wire::Icmpv6Header header;
    header.type = Icmpv6Type::time_exceeded;
    header.code = wire::icmpv6_code::reassembly_timeout;
    send(header, first_piece, output_.hosts().name(ip.destination), output_.hosts().name(ip.source), now);
}

void Icmpv6::send(wire::Icmpv6Header header, std::span<const std::byte> about, Ipv4Addr source, Ipv4Addr to,
                  time::Instant now) noexcept {
    const auto quote = about.first(std::min(about.size(), wire::icmpv6_quote_bytes_max));
    if (output_.check(to, quote.size() + wire::icmpv6_bytes) != Drop::none) return;
    if (!errors_.take(now, random_)) return drops_.count(Drop::icmp_rate);
    Frame* const frame = link_.allocate();
    if (frame == nullptr) return;
    std::memcpy(frame->data, quote.data(), quote.size());
    frame->length = static_cast<std::uint16_t>(quote.size());
    wire::write(header, frame->prepend(wire::icmpv6_bytes));
    wire::seal_icmpv6(frame->bytes(), output_.hosts().address(source), output_.hosts().address(to));
    output_.send(*frame, source, to, wire::ip_protocol::icmpv6, now);
}

}  // namespace skerry::stack
