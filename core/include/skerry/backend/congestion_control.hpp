#pragma once

// How TCP decides how much may be under way: the algorithms that a socket can be asked for, and their names, which are
// those that Linux has for TCP_CONGESTION.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace skerry::backend {

/// The value of SocketOption::congestion_control. A backend answers unsupported for those it lacks: our stack has the
/// first three, a kernel whatever is loaded.
enum class CongestionControl : std::uint8_t {
    reno,   ///< RFC 5681 and 6582
    cubic,  ///< RFC 9438
    fixed,  ///< a window that nothing changes: for a laboratory, or a network of one's own
    bbr,
    dctcp,  ///< RFC 8257
};

inline constexpr std::array<std::string_view, 5> congestion_control_names{"reno", "cubic", "fixed", "bbr", "dctcp"};

/// Nothing for a number that is none of them.
[[nodiscard]] constexpr std::optional<CongestionControl> to_congestion_control(int value) noexcept {
    if (value < 0 || static_cast<std::size_t>(value) >= congestion_control_names.size()) return std::nullopt;
    return static_cast<CongestionControl>(value);
}

/// Nothing for a name that is none of these.
[[nodiscard]] constexpr std::optional<CongestionControl> to_congestion_control(std::string_view name) noexcept {
    for (std::size_t i = 0; i < congestion_control_names.size(); ++i)
        if (congestion_control_names[i] == name) return static_cast<CongestionControl>(i);
    return std::nullopt;
}

[[nodiscard]] constexpr std::string_view name_of(CongestionControl algorithm) noexcept {
    return congestion_control_names[static_cast<std::size_t>(algorithm)];
}

}  // namespace skerry::backend
