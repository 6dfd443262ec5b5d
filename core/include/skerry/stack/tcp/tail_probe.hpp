#pragma once

// The tail loss probe that is under way: what was sent, so that its answer can be told from that of what was lost.
//
// Source: RFC 8985 section 7.4.

#include <cstdint>

namespace skerry::stack::tcp {

struct TailProbe {
    std::uint32_t end = 0;  ///< behind all that was sent, when the probe was
    bool is_under_way = false;
    bool is_again = false;  ///< it was sent before

    /// Whether the report of a copy that ends at `right` is about the probe.
    [[nodiscard]] bool is_told_by(std::uint32_t right) const noexcept {
        return is_under_way && is_again && right == end;
    }
};

}  // namespace skerry::stack::tcp
