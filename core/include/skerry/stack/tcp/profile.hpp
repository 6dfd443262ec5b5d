#pragma once

// Whose TCP ours behaves like, where the standards leave it open and a peer can see it.

#include "limits.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace skerry::stack {

/// What TcpLimits says in one word. Without one they are as they were made: Linux's times and recovery, with the bounds
/// and the windows that the standards ask for.
enum class TcpProfile : std::uint8_t {
    linux_like,  ///< as Linux, also where it leaves the standards
    freebsd,  ///< as FreeBSD 14 with its usual stack, which is not tcp_rack
    /// As linux_like, for a network of one's own: a time-out is 5 ms more than the round trip and not 200, and what is
    /// received is acknowledged within 1 ms, so that a peer with the same profile waits for it.
    lowlat,
};

inline constexpr std::array<std::string_view, 3> tcp_profile_names{"linux", "freebsd", "lowlat"};

/// From a name of tcp_profile_names.
[[nodiscard]] std::optional<TcpProfile> parse_tcp_profile(std::string_view name) noexcept;

/// Puts what the profile says into `limits`, which are as they were made.
void apply(TcpProfile profile, TcpLimits& limits) noexcept;

}  // namespace skerry::stack
