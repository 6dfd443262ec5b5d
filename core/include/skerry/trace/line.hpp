#pragma once

// A line of text that is made without the heap, for notice() where nothing may be allocated and nothing may throw.

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <string_view>

namespace skerry::trace {

/// Texts and numbers one after the other: `Line("queue ", 3, " is full")`. What does not fit is cut off.
class Line {
public:
    static constexpr std::size_t bytes_max = 400;

    template <class... Parts>
    explicit Line(const Parts&... parts) noexcept {
        (add(parts), ...);
    }

    [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }

private:
    void add(std::string_view part) noexcept {
        const std::size_t count = std::min(part.size(), bytes_max - size_);
        std::copy_n(part.begin(), count, text_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += count;
    }
    template <std::integral Number>
    void add(Number number) noexcept {
        std::array<char, 24> digits;
        const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
        add(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
    }

    std::array<char, bytes_max> text_;
    std::size_t size_ = 0;
};

}  // namespace skerry::trace
