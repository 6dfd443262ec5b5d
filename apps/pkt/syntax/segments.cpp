#include "segments.hpp"

#include "characters.hpp"
#include "number.hpp"

#include <array>
#include <string>

namespace skerry::pkt::syntax {
namespace {

struct FlagLetter {
    char letter;
    bool TcpFlags::* flag;
};

constexpr std::array<FlagLetter, 9> flag_letters{{{'S', &TcpFlags::syn},
                                                  {'F', &TcpFlags::fin},
                                                  {'R', &TcpFlags::rst},
                                                  {'P', &TcpFlags::psh},
                                                  {'.', &TcpFlags::ack},
                                                  {'U', &TcpFlags::urg},
                                                  {'E', &TcpFlags::ece},
                                                  {'W', &TcpFlags::cwr},
                                                  {'A', &TcpFlags::ae}}};

bool take_flag(Cursor& in, TcpFlags& flags) {
    for (const FlagLetter& one : flag_letters) {
        if (in.peek() != one.letter) continue;
        if (flags.*one.flag) in.fail("each flag once");
        flags.*one.flag = true;
        in.advance();
        return true;
    }
    // A digit alone is a counter; one before more of them or a colon begins the sequence numbers: `.1:1(0)`.
    const bool is_counter = in.peek() >= '0' && in.peek() <= '7' && !is_digit(in.peek(1)) && in.peek(1) != ':';
    if (!is_counter) return false;
    if (flags.ace) in.fail("one counter of AccECN");
    flags.ace = static_cast<std::uint8_t>(in.peek() - '0');
    in.advance();
    return true;
}

TcpFlags read_flags(Cursor& in) {
    TcpFlags flags;
    in.skip_space();
    const Position at = in.position();
    if (in.take("-")) return flags;
    bool has_any = false;
    while (take_flag(in, flags)) has_any = true;
    if (!has_any || is_letter(in.peek())) in.fail("flags of TCP (of S F R P . U E W A, a digit 0 to 7, or - for none)");
    if (flags.ace && (flags.ece || flags.cwr || flags.ae))
        in.fail(at, "either the counter of AccECN or its bits E, W and A", "both");
    return flags;
}

Ports read_ports(Cursor& in) {
    Ports ports;
    ports.source = read_u16(in, "a port");
    in.expect(">");
    ports.destination = read_u16(in, "a port");
    return ports;
}

/// `8080 > 40000`, not the flags `5.`.
std::optional<Ports> take_ports(Cursor& in) {
    in.skip_space();
    const std::string_view rest = in.rest();
    std::size_t end = 0;
    while (end < rest.size() && is_digit(rest[end])) ++end;
    const bool has_digits = end != 0;
    while (end < rest.size() && is_blank(rest[end])) ++end;
    if (!has_digits || end == rest.size() || rest[end] != '>') return std::nullopt;
    const Ports ports = read_ports(in);
    in.take(":");
    return ports;
}

}  // namespace

SequenceRange read_sequence(Cursor& in) {
    SequenceRange range;
    in.skip_space();
    const Position at = in.position();
    range.begin = read_u32(in, "a sequence number");
    in.expect(":");
    range.end = read_u32(in, "a sequence number");
    in.expect("(");
    range.bytes = read_u16(in, "a length");
    in.expect(")");
    range.is_absolute = in.take("!");
    const std::uint32_t end = range.begin + range.bytes;
    if (range.end != end)
        in.fail(at, "sequence numbers as far apart as the length: " + std::to_string(end) + " as the second",
                std::to_string(range.end));
    return range;
}

std::optional<Ports> read_udp_encapsulation(Cursor& in) {
    if (!in.sees("/")) return std::nullopt;
    in.advance();
    if (!in.take_word("udp")) in.fail("'udp'");
    in.expect("(");
    const Ports ports = read_ports(in);
    in.expect(")");
    return ports;
}

TcpSegment read_tcp(Cursor& in) {
    TcpSegment segment;
    segment.ports = take_ports(in);
    in.skip_space();
    segment.at = in.position();
    segment.flags = read_flags(in);
    segment.sequence = read_sequence(in);
    if (in.take_word("ack")) segment.acknowledgment = read_u32(in, "an acknowledgment number");
    if (in.take_word("win")) segment.window = read_u16(in, "a window");
    if (in.take_word("urg")) segment.urgent = read_u16(in, "an urgent pointer");
    if (in.sees("<")) segment.options = read_tcp_options(in);
    segment.udp_encapsulation = read_udp_encapsulation(in);
    return segment;
}

UdpDatagram read_udp(Cursor& in, Position at, bool is_lite) {
    UdpDatagram datagram;
    datagram.at = at;
    datagram.is_lite = is_lite;
    datagram.ports = take_ports(in);
    in.expect("(");
    datagram.payload_bytes = read_u16(in, "a length");
    if (is_lite && in.take(",")) datagram.covered_bytes = read_u16(in, "how many bytes are covered");
    in.expect(")");
    return datagram;
}

OtherProtocol read_other_protocol(Cursor& in, Position at) {
    OtherProtocol other;
    other.at = at;
    other.number = read_u8(in, "the number of a protocol");
    in.expect("(");
    other.payload_bytes = read_u16(in, "a length");
    in.expect(")");
    return other;
}

}  // namespace skerry::pkt::syntax
