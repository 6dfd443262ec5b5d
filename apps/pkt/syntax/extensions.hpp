#pragma once

// Headers of IPv6 between the IP header and what it carries. Other interpreters do not have them.
//
//     < dstopts [1, 4, 0, 0, 0, 0]: udp (10)     hopopts, dstopts, routing: the octets behind the header's length
//     < fragment (0:56, id 7): udp (100)         these octets of what follows, the UDP header with them

#include "cursor.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace skerry::pkt::syntax {

struct ExtensionHeader {
    Position at;
    std::uint8_t type = 0;  ///< the number by which the header before names it
    /// Of all but a fragment: what stands behind the first two octets, which say what follows and the length.
    std::vector<std::uint8_t> octets;
    /// Of a fragment: which octets of what follows it has, and its number. More follow unless those are the last ones.
    std::uint16_t begin = 0;
    std::uint16_t end = 0;
    std::optional<std::uint32_t> id;

    [[nodiscard]] bool is_fragment() const noexcept { return type == fragment; }

    static constexpr std::uint8_t hop_by_hop = 0;
    static constexpr std::uint8_t routing = 43;
    static constexpr std::uint8_t fragment = 44;
    static constexpr std::uint8_t destination = 60;
};

/// Headers with their colons, if any stand here, in the order in which they travel.
/// Source:   RFC 8200 section 4.
[[nodiscard]] std::vector<ExtensionHeader> read_extension_headers(Cursor& in);

}  // namespace skerry::pkt::syntax
