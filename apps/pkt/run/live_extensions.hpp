#pragma once

// The headers that IPv6 may have between its own and what it carries, as they travel: RFC 8200 section 4.

#include <skerry/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace skerry::pkt {

namespace extension_type {
inline constexpr std::uint8_t hop_by_hop = 0;
inline constexpr std::uint8_t routing = 43;
inline constexpr std::uint8_t fragment = 44;
inline constexpr std::uint8_t destination = 60;
}  // namespace extension_type

/// One of them: options and routes have octets, a fragment its place.
struct LiveExtension {
    std::uint8_t type = 0;
    std::vector<std::uint8_t> octets;  ///< behind the length; 6, 14, 22, ...
    // of a fragment
    std::uint16_t begin = 0;
    std::uint16_t end = 0;
    bool has_more = false;  ///< as it was read; as it is written it follows from the end
    std::uint32_t id = 0;

    [[nodiscard]] bool is_fragment() const { return type == extension_type::fragment; }
    /// Whether it is all there is.
    [[nodiscard]] bool is_whole() const { return begin == 0 && !has_more; }
};

/// The headers of a packet, and what follows the last one that was read.
struct ReadExtensions {
    std::vector<LiveExtension> headers;
    std::uint8_t next = 0;  ///< which protocol, or which header that cannot be read
    std::span<const std::byte> rest;
    /// A fragment with a part of what it carries: what follows cannot be read as a protocol.
    bool is_part = false;
};

/// Errors:   a header that is cut off.
[[nodiscard]] Result<ReadExtensions, std::string> read_extensions(std::uint8_t first, std::span<const std::byte> in);

struct WrittenExtensions {
    std::uint8_t first = 0;  ///< what the IP header names
    std::vector<std::byte> bytes;
};

/// `inner`, of `protocol`, with the headers before it. A fragment has the octets that it says, as far as there are any.
[[nodiscard]] WrittenExtensions write_extensions(const std::vector<LiveExtension>& headers, std::uint8_t protocol,
                                                 std::vector<std::byte> inner);

}  // namespace skerry::pkt
