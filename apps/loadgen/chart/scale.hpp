#pragma once

// From values to places along an axis, and the round values that stand beside it.

#include <cstdint>
#include <string>
#include <vector>

namespace skerry::loadgen::chart {

/// An axis' range, widened to round values: 1, 2 or 5 times a power of ten on a logarithmic one, whole steps of that
/// kind on a linear one.
class Scale {
public:
    /// Shape: finite, lo <= hi; asserted. Equal ends get a range of their own.
    [[nodiscard]] static Scale linear(double lo, double hi);
    /// Shape: finite, 0 < lo <= hi; asserted.
    [[nodiscard]] static Scale logarithmic(double lo, double hi);

    /// Where `value` stands: 0 at lo(), 1 at hi(). What lies outside, or is no number, stands at the nearer end.
    [[nodiscard]] double place(double value) const noexcept;

    /// Round values from lo() to hi(), at most `most` of them where that leaves two. Shape: most >= 2.
    [[nodiscard]] std::vector<double> ticks(std::size_t most) const;

    [[nodiscard]] double lo() const noexcept { return lo_; }
    [[nodiscard]] double hi() const noexcept { return hi_; }

private:
    enum class Kind : std::uint8_t { linear, logarithmic };

    Scale(Kind kind, double lo, double hi) noexcept : kind_(kind), lo_(lo), hi_(hi) {}

    [[nodiscard]] std::vector<double> linear_ticks(std::size_t most) const;
    [[nodiscard]] std::vector<double> log_ticks(std::size_t most) const;

    Kind kind_;
    double lo_;
    double hi_;
};

/// What the numbers of an axis are, and so how they are written.
enum class Unit : std::uint8_t {
    number,      ///< 1,000
    seconds,     ///< 2.5 s
    duration,    ///< of microseconds: 500 ns, 20 µs, 5 ms, 1 s
    percentile,  ///< of 1 / (1 - p): 10 is 90 %, 1,000 is 99.9 %
};

/// A tick's text. Three significant digits, more only where they are left of the point.
[[nodiscard]] std::string tick_label(double value, Unit unit);

}  // namespace skerry::loadgen::chart
