#include "packet.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace skerry::pkt::syntax {
namespace {

/// Known to other interpreters.
constexpr std::array<std::string_view, 4> not_supported{"sctp", "dccp", "addr", "esp"};

void read_payload(Cursor& in, Packet& packet) {
    const std::string_view name = in.peek_word();
    const Position at = in.position();
    if (std::ranges::find(not_supported, name) != not_supported.end())
        in.fail_unsupported(at, "a packet with \"" + std::string(name) + "\"");
    else if (in.take_word("udp"))
        packet.payload = read_udp(in, at, false);
    else if (in.take_word("udplite"))
        packet.payload = read_udp(in, at, true);
    else if (in.take_word("proto"))
        packet.payload = read_other_protocol(in, at);
    else if (sees_icmp(in))
        packet.payload = read_icmp(in);
    else
        packet.payload = read_tcp(in);
}

}  // namespace

Packet read_packet(Cursor& in) {
    Packet packet;
    packet.at = in.position();
    packet.direction = in.peek() == '<' ? Direction::inbound : Direction::outbound;
    in.advance();
    packet.fields = read_ip_fields(in);
    packet.outer = read_outer_headers(in);
    packet.extensions = read_extension_headers(in);
    read_payload(in, packet);
    return packet;
}

}  // namespace skerry::pkt::syntax
