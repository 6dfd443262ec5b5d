#pragma once

// The part of the seam that a core's loop calls. A backend writes one class per kind of port and
// instantiates runtime::CoreLoop with it in its own source file, so these calls are inlined.

#include "../time/instant.hpp"

#include <concepts>
#include <cstdint>

namespace skerry::backend {

/// Whether a step of the loop found something to do. more: it also left something that has come already, for the next
/// turn, and arm() answers false until that is done.
enum class Work : std::uint8_t { none, some, more };

/// What one core polls, in this order each turn; tasks run between receive and transmit.
/// One object per core; only unpark() may be called from another. One whose park() waits for what wake_fd() does not
/// show may have `time::Instant outside_deadline() noexcept`, which poll_once() then asks instead of next_deadline().
/// One that gives something back on the thread that made it has `void leave() noexcept`; see Core::leave().
/// One that wakes a task for each thing that came may have `Work receive(now, unsigned most) noexcept`, which takes in
/// `most` of them, at least 1, and leaves the others for later. The loop calls it while more tasks are ready than a
/// turn runs: what came would wait in front of them, with its buffers, and no longer be in cache when it is their turn.
/// It may besides gather what many tasks send beyond the end of a turn, for microseconds: while its `bool
/// is_gathering() const noexcept` says so they run on before it is polled, unless one waits for that, and `void flush()
/// noexcept` sends what was gathered whenever the loop is left, as no turn may follow soon.
template <class D>
concept Driver = requires(D& driver, time::Instant now, time::Instant wake_at) {
    { driver.receive(now) } noexcept -> std::same_as<Work>;  // one burst in, completions; wakes the waiters
    { driver.transmit(now) } noexcept -> std::same_as<Work>;  // acks, replies, bursts out, in the same turn
    { driver.next_deadline() } noexcept -> std::same_as<time::Instant>;
    { driver.arm() } noexcept -> std::same_as<bool>;  // false: work came while arming, do not sleep
    { driver.park(wake_at) } noexcept;  // returns after unpark(), an event, or wake_at
    { driver.unpark() } noexcept;  // from any thread; a park that follows returns at once
    driver.install();  // makes this driver's services the thread's own while the returned object lives
    { driver.wake_fd() } noexcept -> std::same_as<int>;  // readable when a parked core would wake; -1: none
    // While tasks are ready, receive() is called no more often than this: a kernel's poll costs a system
    // call, a queue in memory nothing.
    { D::busy_poll_interval_ns } -> std::convertible_to<std::int64_t>;
};

/// Whether `D` sends when a task asks for it: a driver with `static constexpr bool sends_at_once = true` has nothing to
/// do in transmit(), and the loop does not call it.
template <class D>
inline constexpr bool sends_at_once = requires { requires D::sends_at_once; };

}  // namespace skerry::backend
