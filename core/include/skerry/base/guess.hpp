#pragma once

// Hot path. Whether to try what costs a little and saves much when it is right, learned from how it went: one wrong
// guess among right ones changes nothing, wrong ones in a row lengthen the pause until the next.

#include <cstdint>

namespace skerry {

class Guess {
public:
    /// Whether to try now. Then right() or wrong() is to follow, where it shows.
    [[nodiscard]] bool tries() noexcept {
        if (pause_ == 0) return true;
        --pause_;
        return false;
    }
    void right() noexcept { wrong_ /= 2; }
    void wrong() noexcept {
        if (wrong_ < wrong_max) ++wrong_;
        pause_ = static_cast<std::uint8_t>((1U << wrong_) / 4);
    }

private:
    static constexpr std::uint8_t wrong_max = 7;  // in a row, that are told apart: the last makes the longest pause

    std::uint8_t wrong_ = wrong_max;
    std::uint8_t pause_ = 32;
};

}  // namespace skerry
