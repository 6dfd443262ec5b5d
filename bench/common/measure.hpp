#pragma once

// How the benchmarks time a body: on a polling core of kernel_io, as a program would run it, and in blocks that are
// long beside what it takes to start one. Time is that of one operation.

#include "runtimes.hpp"
#include "timed.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace skerry::bench {

/// Operations in a block: some hundred microseconds of most of them.
inline constexpr std::int64_t block = 100'000;

/// Times `body(count, arguments...)`, run again and again on `runtime`.
template <class... Parameters, class... Arguments>
void measure(benchmark::State& state, runtime::Runtime runtime, std::int64_t count,
             Task<> (*body)(std::size_t, Parameters...), Arguments... arguments) {
    while (state.KeepRunningBatch(count))
        runtime.block_on(body(static_cast<std::size_t>(count), Parameters(arguments)...));
}

/// The same on one core, a block at a time.
template <class... Parameters, class... Arguments>
void measure(benchmark::State& state, Task<> (*body)(std::size_t, Parameters...), Arguments... arguments) {
    measure(state, make_runtime(1), block, body, arguments...);
}

/// The value at `share` of the sorted values, 0.5 for the median.
template <class T>
[[nodiscard]] T quantile(std::vector<T>& values, double share) {
    const auto at = static_cast<std::ptrdiff_t>(static_cast<double>(values.size() - 1) * share);
    std::nth_element(values.begin(), values.begin() + at, values.end());
    return values[static_cast<std::size_t>(at)];
}

}  // namespace skerry::bench
