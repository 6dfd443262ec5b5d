#pragma once

// A start, and an end, that wait for the network: before a core runs, or when it runs no more, its driver is polled by
// hand for so long. For addresses that somebody else gives.

#include "stack.hpp"

#include "../base/result.hpp"
#include "../time/instant.hpp"

#include <chrono>
#include <string>
#include <thread>

namespace skerry::stack {

/// How long a start waits for a lease: four DISCOVERs (4 s, 8 s, 16 s apart), or an address that somebody has, the ten
/// seconds that a client waits then, and another one; each with up to 7 s for the probe.
inline constexpr std::chrono::nanoseconds lease_wait = std::chrono::seconds{45};

/// Why a stack has no address yet, and what to do.
[[nodiscard]] std::string why_no_lease(Stack& stack);

/// Polls a driver, a look each millisecond, until `is_done` says so. False when the time is over before.
template <class Driver, class Done>
[[nodiscard]] bool poll_until(Driver& driver, std::chrono::nanoseconds limit, Done is_done) {
    constexpr auto look = std::chrono::milliseconds{1};
    for (const time::Instant start = time::Instant::now(); !is_done();) {
        const time::Instant now = time::Instant::now();
        if (now - start >= limit) return false;
        driver.receive(now);
        driver.transmit(now);
        std::this_thread::sleep_for(look);
    }
    return true;
}

/// Waits until a server has given the address, where one is to: on each of the cores that share it.
///
/// Errors: why there is none, in one line with the next step.
template <class Driver>
[[nodiscard]] Result<void, std::string> wait_for_lease(Driver& driver, std::chrono::nanoseconds limit = lease_wait) {
    Stack& stack = driver.stack();
    if (!stack.config().uses_dhcp) return {};
    if (poll_until(driver, limit, [&stack] { return !stack.config().address.is_unspecified(); })) return {};
    return Unexpected(why_no_lease(stack));
}

}  // namespace skerry::stack
