#include "extensions.hpp"

#include "limits.hpp"
#include "number.hpp"

#include <array>
#include <string>
#include <string_view>

namespace skerry::pkt::syntax {
namespace {

struct ExtensionName {
    std::string_view text;
    std::uint8_t type;
};

constexpr std::array<ExtensionName, 4> names{{{"hopopts", ExtensionHeader::hop_by_hop},
                                              {"dstopts", ExtensionHeader::destination},
                                              {"routing", ExtensionHeader::routing},
                                              {"fragment", ExtensionHeader::fragment}}};

/// The length counts 8 octets, without the first 8; two octets stand before these.
void read_octets(Cursor& in, ExtensionHeader& header) {
    in.expect("[");
    do {
        if (header.octets.size() == limits::extension_octets)
            return in.fail("at most " + std::to_string(limits::extension_octets) + " octets");
        header.octets.push_back(read_u8(in, "an octet"));
    } while (in.take(","));
    if (header.octets.size() % 8 != 6) return in.fail("6 octets, or 14, 22, 30 and so on");
    in.expect("]");
}

void read_fragment(Cursor& in, ExtensionHeader& header) {
    in.expect("(");
    in.skip_space();
    const Position at = in.position();
    header.begin = read_u16(in, "where the fragment begins");
    in.expect(":");
    header.end = read_u16(in, "where the fragment ends");
    if (header.begin % 8 != 0 || header.end < header.begin)
        return in.fail(at, "a fragment that begins at a multiple of 8 and ends behind that",
                       std::to_string(header.begin) + ":" + std::to_string(header.end));
    if (in.take(",")) {
        if (!in.take_word("id")) return in.fail("'id'");
        header.id = read_u32(in, "the number of a fragmented packet");
    }
    in.expect(")");
}

std::optional<ExtensionHeader> take_header(Cursor& in) {
    in.skip_space();
    ExtensionHeader header;
    header.at = in.position();
    for (const ExtensionName& name : names) {
        if (!in.take_word(name.text)) continue;
        header.type = name.type;
        if (header.is_fragment())
            read_fragment(in, header);
        else
            read_octets(in, header);
        return header;
    }
    return std::nullopt;
}

}  // namespace

std::vector<ExtensionHeader> read_extension_headers(Cursor& in) {
    std::vector<ExtensionHeader> headers;
    while (std::optional<ExtensionHeader> header = take_header(in)) {
        if (headers.size() == limits::extension_headers)
            in.fail("at most " + std::to_string(limits::extension_headers) + " extension headers");
        headers.push_back(*std::move(header));
        in.expect(":");
    }
    return headers;
}

}  // namespace skerry::pkt::syntax
