#pragma once

// Hot path. Waiting awake for what is about to come.

#include "clock.hpp"

#include "../base/compiler.hpp"

#include <chrono>
#include <cstdint>

namespace skerry::time {

/// Calls `done()` until it says true, or until `limit` is over; gives what it said last. The time is the machine's,
/// also where a test has stopped the clock.
template <class Done>
bool spin_until(std::chrono::nanoseconds limit, Done done) noexcept {
    const std::uint64_t start = Clock::cycles();
    const std::uint64_t cycles = Clock::cycles_from(limit);
    do {
        if (done()) return true;
        cpu_relax();
    } while (Clock::cycles() - start < cycles);
    return false;
}

}  // namespace skerry::time
