#include "icmp.hpp"

#include "characters.hpp"
#include "number.hpp"

namespace skerry::pkt::syntax {
namespace {

bool is_quoted(const IcmpMessage& message) { return message.quoted.index() != 0; }

void read_quoted_tcp(Cursor& in, IcmpMessage& message, Position at) {
    QuotedTcp tcp;
    tcp.at = at;
    tcp.sequence = read_sequence(in);
    tcp.udp_encapsulation = read_udp_encapsulation(in);
    message.quoted = tcp;
}

void read_raw(Cursor& in, IcmpMessage& message, Position at) {
    constexpr std::uint16_t header_bytes = 8;
    in.expect("(");
    in.skip_space();
    const Position length_at = in.position();
    const RawLength raw{at, read_u16(in, "a length")};
    if (raw.bytes < header_bytes) in.fail(length_at, "at least 8, which the header has", std::to_string(raw.bytes));
    in.expect(")");
    message.quoted = raw;
}

/// What is quoted, in brackets, if it stands here.
void take_quoted(Cursor& in, IcmpMessage& message) {
    if (!in.sees("[")) return;
    if (is_quoted(message)) return in.fail("one quoted packet");
    in.advance();
    in.skip_space();
    const Position at = in.position();
    if (is_digit(in.peek()))
        read_quoted_tcp(in, message, at);
    else if (in.take_word("udp"))
        message.quoted = read_udp(in, at, false);
    else if (in.take_word("udplite"))
        message.quoted = read_udp(in, at, true);
    else if (in.take_word("raw"))
        read_raw(in, message, at);
    else if (in.peek_word() == "sctp" || in.peek_word() == "ipv4" || in.peek_word() == "ipv6")
        in.fail_unsupported(at, "an ICMP message that quotes \"" + std::string(in.peek_word()) + "\"");
    else
        in.fail("what the message quotes: sequence numbers or udp (LENGTH), or its own length: raw (LENGTH)");
    in.expect("]");
}

bool is_type(std::string_view text) {
    return icmp_type_number(net::IpFamily::v4, text) || icmp_type_number(net::IpFamily::v6, text);
}

bool is_code(std::string_view type, std::string_view text) {
    return icmp_code_number(net::IpFamily::v4, type, text) || icmp_code_number(net::IpFamily::v6, type, text);
}

void read_type(Cursor& in, IcmpMessage& message) {
    message.type = in.peek_word();
    if (!is_type(message.type)) return in.fail("a type of ICMP");
    in.advance(message.type.size());
    const std::string_view code = in.peek_word();
    if (code.empty() || code == "mtu" || code == "ptr" || code == "id" || code == "seq") return;
    if (!is_code(message.type, code)) return in.fail("a code of this type, mtu, ptr, id, seq or a quoted packet");
    message.code = in.word();
}

}  // namespace

bool sees_icmp(Cursor& in) {
    const std::string_view name = in.peek_word();
    return name == "icmp" || name == "icmpv6" || in.sees("[");
}

IcmpMessage read_icmp(Cursor& in) {
    IcmpMessage message;
    take_quoted(in, message);
    in.skip_space();
    message.at = in.position();
    if (!in.take_word("icmp") && !in.take_word("icmpv6")) in.fail("'icmp'");
    read_type(in, message);
    if (in.take_word("mtu")) message.mtu = read_u32(in, "an MTU");
    if (in.take_word("ptr")) message.pointer = read_u32(in, "a pointer");
    if (in.take_word("id")) message.id = read_u16(in, "an identifier");
    if (in.take_word("seq")) message.sequence = read_u16(in, "a sequence number");
    take_quoted(in, message);
    return message;
}

}  // namespace skerry::pkt::syntax
