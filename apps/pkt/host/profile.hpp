#pragma once

// The kinds of machine that a script may be written for. A profile is what of a kind the stack's configuration can say;
// README.md lists what it cannot.

#include <skerry/stack/config.hpp>
#include <skerry/stack/tcp/congestion.hpp>
#include <skerry/stack/tcp/profile.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace skerry::pkt {

using Profile = stack::TcpProfile;

/// Whose socket calls are imitated, where POSIX leaves it open.
enum class Flavour : std::uint8_t { linux_like, freebsd };

[[nodiscard]] constexpr Flavour flavour_of(Profile profile) noexcept {
    return profile == Profile::freebsd ? Flavour::freebsd : Flavour::linux_like;
}

/// An algorithm by the name that it has there; nothing for those that the stack lacks.
[[nodiscard]] std::optional<stack::tcp::CongestionControl> parse_congestion(std::string_view name,
                                                                            Flavour flavour) noexcept;
[[nodiscard]] std::string_view congestion_name(stack::tcp::CongestionControl algorithm, Flavour flavour) noexcept;

/// Puts the profile's times and limits into `limits`, which are as they were made, and what scripts take for granted.
void apply_for_scripts(Profile profile, stack::TcpLimits& limits) noexcept;

/// How many connections wait to be accepted behind listen(backlog).
///
/// Source: Linux takes one more than the backlog (sk_acceptq_is_full); FreeBSD half as much again, and one more
///         (sonewconn), and makes of a negative one the most, 128.
[[nodiscard]] std::size_t accept_queue(int backlog, Flavour flavour) noexcept;

}  // namespace skerry::pkt
