#pragma once

// Which #ifdef a place in a script stands in. A value, copied when the reader marks a place it may return to.

#include "limits.hpp"
#include "position.hpp"

#include <array>
#include <cstddef>

namespace skerry::pkt::syntax {

class Conditionals {
public:
    [[nodiscard]] std::size_t depth() const noexcept { return depth_; }
    [[nodiscard]] bool is_full() const noexcept { return depth_ == limits::conditionals; }

    /// `at` is where it begins. There must be room.
    void open(Position at) noexcept { levels_[depth_++] = {at, false}; }
    /// One must be open.
    void close() noexcept { --depth_; }
    [[nodiscard]] bool has_else() const noexcept { return levels_[depth_ - 1].has_else; }
    void set_else() noexcept { levels_[depth_ - 1].has_else = true; }
    /// Where the innermost one begins; one must be open.
    [[nodiscard]] Position opened_at() const noexcept { return levels_[depth_ - 1].at; }

private:
    struct Level {
        Position at;
        bool has_else = false;
    };

    std::array<Level, limits::conditionals> levels_;
    std::size_t depth_ = 0;
};

}  // namespace skerry::pkt::syntax
