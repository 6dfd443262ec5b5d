#pragma once

// What every program here uses around a body: a value that counts as used, and the time it takes.

#include <skerry/task/task.hpp>

#include <chrono>
#include <cstddef>
#include <utility>

namespace skerry::bench {

/// Keeps the compiler from seeing that a value is not used.
template <class T>
inline void keep(const T& value) {
    asm volatile("" : : "r,m"(value) : "memory");
}

using Steady = std::chrono::steady_clock;

/// Nanoseconds since `start`, per one of `count`.
[[nodiscard]] inline double per(Steady::time_point start, std::size_t count) {
    return std::chrono::duration<double, std::nano>(Steady::now() - start).count() / static_cast<double>(count);
}

/// Runs `body`, which does `count` operations, and gives the nanoseconds of one.
inline Task<double> timed(std::size_t count, Task<> body) {
    const auto start = Steady::now();
    co_await std::move(body);
    co_return per(start, count);
}

}  // namespace skerry::bench
