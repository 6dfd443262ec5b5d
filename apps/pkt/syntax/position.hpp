#pragma once

// Where something stands in a script. Every node of the tree has one; the name of the file is the script's.

#include <compare>
#include <cstdint>

namespace skerry::pkt::syntax {

/// Both count from 1; a column is a byte, since scripts are ASCII but for their comments.
struct Position {
    std::uint32_t line = 1;
    std::uint32_t column = 1;

    friend constexpr auto operator<=>(const Position&, const Position&) = default;
};

}  // namespace skerry::pkt::syntax
