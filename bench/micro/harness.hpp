#pragma once

// What every test of skerry-micro uses: its size, and the output contract "test,threads,metric,unit,value".

#include "../common/runtimes.hpp"
#include "../common/timed.hpp"

#include <cstddef>
#include <string_view>

namespace skerry::micro {

using namespace bench;

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

    /// Runs `body`, which does `count` operations, on a fresh runtime and emits the time of one.
    void time(std::string_view test, std::string_view unit, std::size_t count, Task<> body,
              runtime::IdlePolicy idle = runtime::IdlePolicy::spin) const {
        emit(test, "time", unit, run_on(threads, timed(count, std::move(body)), idle));
    }
};

void run_task_tests(const Run& run, std::string_view test);
void run_channel_tests(const Run& run, std::string_view test);
void run_timer_tests(const Run& run, std::string_view test);

}  // namespace skerry::micro
