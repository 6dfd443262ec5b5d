#include "ip.hpp"

#include "characters.hpp"
#include "number.hpp"

#include <array>
#include <string>

namespace skerry::pkt::syntax {
namespace {

constexpr std::uint64_t flow_label_max = 0xf'ffff;
constexpr std::uint64_t mpls_label_max = 0xf'ffff;

struct EcnName {
    std::string_view text;
    Ecn ecn;
};

constexpr std::array<EcnName, 5> ecn_names{
    {{"noecn", Ecn::not_ect}, {"ect0", Ecn::ect0}, {"ect1", Ecn::ect1}, {"ce", Ecn::ce}, {"ect01", Ecn::ect_any}}};

std::optional<Ecn> take_ecn(Cursor& in) {
    for (const EcnName& name : ecn_names)
        if (in.take_word(name.text)) return name.ecn;
    return std::nullopt;
}

template <class T>
void set_once(Cursor& in, Position at, std::optional<T>& field, T value) {
    if (field) in.fail(at, "each mark once", "a second one");
    field = value;
}

void read_field(Cursor& in, IpFields& fields) {
    in.skip_space();
    const Position at = in.position();
    if (const std::optional<Ecn> ecn = take_ecn(in))
        set_once(in, at, fields.ecn, *ecn);
    else if (in.take_word("ttl") || in.take_word("hlim"))
        set_once(in, at, fields.ttl, read_u8(in, "a number of hops"));
    else if (in.take_word("tos") || in.take_word("tc"))
        set_once(in, at, fields.tos, read_u8(in, "a type of service"));
    else if (in.take_word("dscp"))
        set_once(in, at, fields.dscp, static_cast<std::uint8_t>(read_number(in, 63, "a code point")));
    else if (in.take_word("flowlabel"))
        set_once(in, at, fields.flow_label,
                 static_cast<std::uint32_t>(read_number(in, flow_label_max, "a flow label")));
    else if (in.take_word("sum"))
        set_once(in, at, fields.sum, read_u16(in, "a checksum"));
    else
        in.fail("a mark of IP (ect0, ect1, ce, noecn, ttl, hlim, tos, tc, dscp, flowlabel, sum)");
}

void read_group(Cursor& in, IpFields& fields, std::string_view close) {
    in.advance();
    do read_field(in, fields);
    while (!in.has_stopped() && (in.take(",") || !in.sees(close)) && !in.is_at_end());
    in.expect(close);
}

/// A bracket that holds marks, not what an ICMP message quotes.
bool sees_group(Cursor& in, char open) {
    in.skip_space();
    return in.peek() == open && is_letter(in.peek(1));
}

/// The text of an address. A colon at its end is the one that ends the header, unless it is half of `::`.
std::string_view take_address_text(Cursor& in, net::IpFamily family) {
    const std::string_view rest = in.rest();
    std::size_t end = 0;
    while (end < rest.size() &&
           (digit_value(rest[end]) >= 0 || rest[end] == '.' || (family == net::IpFamily::v6 && rest[end] == ':')))
        ++end;
    if (end > 1 && rest[end - 1] == ':' && rest[end - 2] != ':') --end;
    in.advance(end);
    return rest.substr(0, end);
}

net::IpAddr read_address(Cursor& in, net::IpFamily family) {
    in.skip_space();
    const Cursor::Mark begin = in.mark();
    const Result<net::IpAddr> address = net::IpAddr::parse(take_address_text(in, family));
    if (address && address->family() == family) return *address;
    in.reset(begin);
    in.fail(family == net::IpFamily::v4 ? "an IPv4 address" : "an IPv6 address");
    return {};
}

IpHeader read_ip(Cursor& in, net::IpFamily family, Position at) {
    IpHeader header;
    header.at = at;
    header.source = read_address(in, family);
    in.expect(">");
    header.destination = read_address(in, family);
    header.fields = read_ip_fields(in);
    return header;
}

GreHeader read_gre(Cursor& in, Position at) {
    GreHeader gre;
    gre.at = at;
    if (in.sees(":")) return gre;
    do {
        if (in.take_word("flags"))
            gre.flags = read_u16(in, "flags of GRE");
        else if (in.take_word("sum"))
            gre.checksum = read_u16(in, "a checksum");
        else if (in.take_word("off"))
            gre.offset = read_u16(in, "an offset");
        else if (in.take_word("key"))
            gre.key = read_u32(in, "a key");
        else if (in.take_word("seq"))
            gre.sequence = read_u32(in, "a sequence number");
        else
            in.fail("a field of GRE (flags, sum, off, key, seq)");
    } while (in.take(","));
    return gre;
}

void expect_word(Cursor& in, std::string_view word) {
    if (!in.take_word(word)) in.fail("'" + std::string(word) + "'");
}

MplsLabel read_label(Cursor& in) {
    MplsLabel label;
    in.expect("(");
    expect_word(in, "label");
    label.label = static_cast<std::uint32_t>(read_number(in, mpls_label_max, "a label"));
    in.expect(",");
    expect_word(in, "tc");
    label.traffic_class = static_cast<std::uint8_t>(read_number(in, 7, "a traffic class"));
    in.expect(",");
    if (in.take("[")) {
        expect_word(in, "S");
        in.expect("]");
        in.expect(",");
        label.is_last = true;
    }
    expect_word(in, "ttl");
    label.ttl = read_u8(in, "a number of hops");
    in.expect(")");
    return label;
}

MplsHeader read_mpls(Cursor& in, Position at) {
    MplsHeader mpls;
    mpls.at = at;
    do {
        if (mpls.labels.size() == limits::mpls_labels)
            in.fail("at most " + std::to_string(limits::mpls_labels) + " labels");
        mpls.labels.push_back(read_label(in));
    } while (in.sees("("));
    return mpls;
}

std::optional<OuterHeader> read_outer_header(Cursor& in) {
    in.skip_space();
    const Position at = in.position();
    if (in.take_word("ipv4")) return read_ip(in, net::IpFamily::v4, at);
    if (in.take_word("ipv6")) return read_ip(in, net::IpFamily::v6, at);
    if (in.take_word("gre")) return read_gre(in, at);
    if (in.take_word("mpls")) return read_mpls(in, at);
    if (in.peek_word() == "psp" || in.peek_word() == "encap") in.fail_unsupported(at, "encapsulation in PSP");
    return std::nullopt;
}

}  // namespace

IpFields read_ip_fields(Cursor& in) {
    IpFields fields;
    for (;;) {
        if (sees_group(in, '['))
            read_group(in, fields, "]");
        else if (sees_group(in, '('))
            read_group(in, fields, ")");
        else
            return fields;
    }
}

std::vector<OuterHeader> read_outer_headers(Cursor& in) {
    std::vector<OuterHeader> headers;
    while (std::optional<OuterHeader> header = read_outer_header(in)) {
        if (headers.size() == limits::outer_headers)
            in.fail("at most " + std::to_string(limits::outer_headers) + " headers within each other");
        headers.push_back(*std::move(header));
        in.expect(":");
    }
    return headers;
}

}  // namespace skerry::pkt::syntax
