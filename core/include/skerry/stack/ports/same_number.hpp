#pragma once

// A port number that is free in each of several stacks.

#include "../../base/result.hpp"
#include "../../base/socket_addr.hpp"

#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// How often another number is tried where the first stack was free to choose and another has it already.
inline constexpr unsigned same_number_tries = 16;

/// Whether a port may be left out by a socket of all ports: it has nothing of that family, or is gone.
[[nodiscard]] constexpr bool is_without(Errc why) noexcept {
    return why == Errc::unsupported || why == Errc::address_not_available || why == Errc::device_gone;
}

/// Opens a socket in each of `ports` that can have it, all of one number, which is returned: `open(at, address)` gives
/// the number that it got, `close_all()` lets go of what was opened.
///
/// Errors: what the first port says that all of them refuse; what any says that refuses for another reason than
///         is_without().
template <class Open, class CloseAll>
[[nodiscard]] Result<std::uint16_t> open_same_number(std::size_t ports, const net::SocketAddr& address, Open open,
                                                     CloseAll close_all) noexcept {
    for (unsigned tries = 1;; ++tries) {
        std::uint16_t number = address.port();
        bool is_open = false;
        Error first;
        Error why;
        for (std::size_t at = 0; at < ports && why == Errc::ok; ++at) {
            const Result<std::uint16_t> got = open(at, address.with_port(number));
            if (got) number = *got;
            is_open |= got.has_value();
            if (!got && first == Errc::ok) first = got.error();
            if (!got && !is_without(got.error().code())) why = got.error();
        }
        if (why == Errc::ok && is_open) return number;
        close_all();
        if (why == Errc::ok) return first;
        if (address.port() != 0 || why != Errc::address_in_use || tries == same_number_tries) return why;
    }
}

}  // namespace skerry::stack
