#pragma once

// A start, and an end, that wait for the network: before a core runs, or when it runs no more, its driver is polled by
// hand for so long. For addresses that somebody else gives, or might have.

#include "options.hpp"
#include "stack.hpp"

#include "../base/result.hpp"
#include "../time/instant.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <utility>

namespace skerry::stack {

/// How long a start waits for a lease: four DISCOVERs (4 s, 8 s, 16 s apart), or an address that somebody has, the ten
/// seconds that a client waits then, and another one; each with up to 7 s for the probe.
inline constexpr std::chrono::nanoseconds lease_wait = std::chrono::seconds{45};

/// How long a start waits until its IPv6 addresses are known to be its own, or nobody gives it one: three questions to
/// routers take 9 s, and the checks before and after them up to 2 s each.
inline constexpr std::chrono::nanoseconds settle_wait = std::chrono::seconds{15};

/// Why a stack has no address yet, and what to do.
[[nodiscard]] std::string why_no_lease(Stack& stack);

/// Polls a driver, a look each millisecond, until `is_done` says so. False when the time is over before.
template <class Driver, class Done>
[[nodiscard]] bool poll_until(Driver& driver, std::chrono::nanoseconds limit, Done is_done) {
    constexpr auto look = std::chrono::milliseconds{1};
    for (const time::Instant start = time::Instant::now(); !is_done();) {
        const time::Instant now = time::Instant::now();
        if (now - start >= limit) return false;
        (void)driver.receive(now);
        (void)driver.transmit(now);
        std::this_thread::sleep_for(look);
    }
    return true;
}

/// Waits until a server has given the IPv4 address, where one is to, and until the IPv6 addresses are found: on each of
/// the cores that share them. Returns what was found that the options do not say, as text_of(); what comes meanwhile is
/// taken.
///
/// Errors: why they cannot be used, in one line with the next step.
template <class Driver>
[[nodiscard]] Result<std::string, backend::SetupError> wait_for_addresses(Driver& driver, Stack& stack) {
    const StackConfig& config = stack.config();
    const auto has_lease = [&] { return !config.uses_dhcp || !config.address.is_unspecified(); };
    if (!poll_until(driver, lease_wait, has_lease)) return Unexpected(backend::SetupError{why_no_lease(stack)});
    (void)poll_until(driver, settle_wait, [&] { return stack.ipv6().is_settled; });
    if (auto trouble = trouble_of(config, stack.ipv6())) return Unexpected(std::move(*trouble));
    return text_of(config, stack.ipv6());
}

/// The same of a driver that has one stack.
template <class Driver>
    requires requires(Driver& driver) { driver.stack(); }
[[nodiscard]] Result<std::string, backend::SetupError> wait_for_addresses(Driver& driver) {
    return wait_for_addresses(driver, driver.stack());
}

}  // namespace skerry::stack
