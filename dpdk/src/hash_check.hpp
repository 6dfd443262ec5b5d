#pragma once

// Whether a port spreads as it was told: of the first TCP segments that a core gets the hash is computed here too, and
// says by which queue they should have come. A card may do it for one family and not for the other, or not behind the
// tag of a VLAN, so each family is looked at for itself, and behind a tag.
//
// Who looks at one frame of each burst pays nothing that counts, however long no segment of IPv6 comes.

#include <skerry/stack/steering/steering.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace skerry::dpdk {

class HashCheck {
public:
    static constexpr std::uint8_t segments_of_each = 64;

    /// Of a port whose hash these cores know. Null: of one whose hash says nothing, or that is one core's.
    explicit HashCheck(const stack::Steering* steering) noexcept
        : v4_(steering != nullptr ? segments_of_each : 0),
          v6_(steering != nullptr && steering->options().hashes_v6 ? segments_of_each : 0) {}

    /// Enough was seen.
    [[nodiscard]] bool is_over() const noexcept { return (v4_ | v6_) == 0; }

    /// The queue by which this frame should have come, if it is a TCP segment of a family that is still looked at.
    [[nodiscard]] std::optional<std::uint16_t> queue_of(std::span<const std::byte> frame,
                                                        const stack::Steering& steering) noexcept;

private:
    std::uint8_t v4_;  // segments that are still to be seen
    std::uint8_t v6_;
};

}  // namespace skerry::dpdk
