#pragma once

// Ports for sockets that did not ask for one.

#include "random.hpp"

#include <cstdint>

namespace skerry::stack {

// A wide range, as RFC 6056 section 3.2 asks for; this is Linux's.
inline constexpr std::uint32_t ephemeral_first = 32'768;
inline constexpr std::uint32_t ephemeral_count = 28'232;

/// The first free port from a random one on, and not the one behind the last: a stranger must not know it. 0: none.
///
/// Source: RFC 6056 section 3.3.1.
template <class IsTaken>
[[nodiscard]] std::uint16_t free_port(Random& random, IsTaken&& is_taken) noexcept {
    const std::uint32_t start = random.next() % ephemeral_count;
    for (std::uint32_t i = 0; i < ephemeral_count; ++i) {
        const auto port = static_cast<std::uint16_t>(ephemeral_first + (start + i) % ephemeral_count);
        if (!is_taken(port)) return port;
    }
    return 0;
}

}  // namespace skerry::stack
