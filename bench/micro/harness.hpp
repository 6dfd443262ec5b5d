#pragma once

// What every test of skerry-micro uses: runtimes of one or two cores, the clock, and the output contract
// "test,threads,metric,unit,value".

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/task.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace skerry::micro {

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

/// CPU seconds of this process.
[[nodiscard]] double cpu_seconds();

/// One run of the program: how many threads, how large, and whether figures are printed.
struct Run {
    std::size_t threads = 1;
    double scale = 1.0;
    bool quiet = false;

    [[nodiscard]] std::size_t sized(std::size_t n) const {
        const auto scaled = static_cast<std::size_t>(static_cast<double>(n) * scale);
        return scaled < 1000 ? 1000 : scaled;
    }
    void emit(std::string_view test, std::string_view metric, std::string_view unit, double value) const;
};

/// A runtime on kernel_io: current_thread for one thread, per_core for two.
[[nodiscard]] runtime::Runtime make_runtime(std::size_t threads, runtime::IdlePolicy idle = runtime::IdlePolicy::spin);

/// Runs `task` on a fresh runtime and returns its value.
template <class T>
T run_on(std::size_t threads, Task<T> task, runtime::IdlePolicy idle = runtime::IdlePolicy::spin) {
    runtime::Runtime runtime = make_runtime(threads, idle);
    return runtime.block_on(std::move(task));
}

/// The core that a second party is placed on: the other one where there are two.
[[nodiscard]] inline task::CoreId other_core(std::size_t threads) {
    return task::CoreId(static_cast<std::uint16_t>(threads > 1 ? 1 : 0));
}

void run_task_tests(const Run& run, std::string_view test);
void run_channel_tests(const Run& run, std::string_view test);
void run_timer_tests(const Run& run, std::string_view test);

}  // namespace skerry::micro
