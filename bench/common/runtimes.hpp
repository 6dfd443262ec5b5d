#pragma once

// Runtimes on kernel_io, for what is timed.

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/task/scheduler.hpp>
#include <skerry/task/task.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace skerry::bench {

/// A runtime with the flavour current_thread for one core, per_core for more. Ends the program with one line when
/// it cannot be had.
[[nodiscard]] inline runtime::Runtime make_runtime(std::size_t cores,
                                                   runtime::IdlePolicy idle = runtime::IdlePolicy::spin,
                                                   task::TaskHooks hooks = {}) {
    runtime::Config config;
    config.flavour = cores > 1 ? runtime::Flavour::per_core : runtime::Flavour::current_thread;
    config.idle = idle;
    config.seed = 1;
    auto runtime = runtime::Builder(std::move(config)).hooks(std::move(hooks)).offer(kernel_io::make_backend()).build();
    if (!runtime) {
        std::fprintf(stderr, "bench: %s\n", runtime.error().message.c_str());
        std::exit(1);
    }
    if (const std::size_t have = runtime->plan().cores.size(); have < cores) {
        std::fprintf(stderr, "bench: %zu threads need as many CPUs; this process has %zu\n", cores, have);
        std::exit(1);
    }
    return std::move(*runtime);
}

/// Runs `task` on a fresh runtime and returns its value.
template <class T>
T run_on(std::size_t cores, Task<T> task, runtime::IdlePolicy idle = runtime::IdlePolicy::spin) {
    runtime::Runtime runtime = make_runtime(cores, idle);
    return runtime.block_on(std::move(task));
}

inline constexpr task::CoreId first_core{0};

/// The core that a second party is placed on: the other one where there are two.
[[nodiscard]] inline task::CoreId other_core(std::size_t cores) {
    return task::CoreId(static_cast<std::uint16_t>(cores > 1 ? 1 : 0));
}

}  // namespace skerry::bench
