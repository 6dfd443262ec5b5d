#pragma once

// Handle: a runtime from the outside.

#include "runtime_state.hpp"

#include "../base/assert.hpp"
#include "../task/spawn.hpp"

#include <memory>
#include <source_location>
#include <utility>
#include <vector>

namespace skerry::runtime {

/// A door to a runtime. Copied freely; keeps the runtime's memory, not its threads.
///
/// Threads: any.
class Handle {
public:
    explicit Handle(std::shared_ptr<RuntimeState> state) noexcept : state_(std::move(state)) {}

    /// Starts `task`: on this core when called on one of the runtime's, else on one core after the other.
    /// After a shutdown the task is destroyed unstarted and its join says cancelled.
    template <class T>
    JoinHandle<T> spawn(Task<T> task, std::source_location where = std::source_location::current()) const {
        return start(pick_core(), std::move(task), where);
    }

    /// Starts `task` on `core`. Errors: as spawn_on(); a core that does not exist is asserted.
    template <class T>
    JoinHandle<T> spawn_on(task::CoreId core, Task<T> task,
                           std::source_location where = std::source_location::current()) const {
        SKERRY_ASSERT(core.index < state_->schedulers.size(), "spawn_on: the runtime has no such core");
        return start(*state_->schedulers[core.index], std::move(task), where);
    }

    [[nodiscard]] std::size_t core_count() const noexcept { return state_->schedulers.size(); }

    /// The numbers of one core; readable while it runs.
    [[nodiscard]] const task::SchedulerCounters& counters(task::CoreId core) const noexcept {
        return state_->schedulers[core.index]->counters();
    }

    [[nodiscard]] const std::string& driver() const noexcept { return state_->driver; }

private:
    template <class T>
    JoinHandle<T> start(task::Scheduler& target, Task<T>&& task, std::source_location where) const {
        task::TaskHeader& header = task::make_root(std::move(task), where);
        if (&target == task::current_scheduler)
            task::start_here(target, header);
        else
            start_from_anywhere(*state_, target, header);
        return JoinHandle<T>(header);
    }

    [[nodiscard]] task::Scheduler& pick_core() const noexcept;

    std::shared_ptr<RuntimeState> state_;
};

/// The runtime of this core. Asserted: the caller is on one.
[[nodiscard]] RuntimeState& current_runtime() noexcept;

}  // namespace skerry::runtime

namespace skerry {

/// Starts `task` on another core of this runtime (or this one). The frame, made here, goes home to this
/// core's slab when the task is over.
///
/// Errors:  a core without memory to know the task by cancels it, and its join says so.
/// Threads: a core of a runtime; elsewhere use runtime::Handle::spawn_on.
/// Cost:    one post to the core's inbox.
template <class T>
JoinHandle<T> spawn_on(task::CoreId core, Task<T> task, std::source_location where = std::source_location::current()) {
    runtime::RuntimeState& state = runtime::current_runtime();
    SKERRY_ASSERT(core.index < state.schedulers.size(), "spawn_on: the runtime has no such core");
    task::TaskHeader& header = task::make_root(std::move(task), where);
    task::Scheduler& target = *state.schedulers[core.index];
    if (&target == task::current_scheduler)
        task::start_here(target, header);
    else
        task::Scheduler::start_on(target, header);
    return JoinHandle<T>(header);
}

/// The number of this core in its runtime.
[[nodiscard]] inline task::CoreId this_core() noexcept {
    SKERRY_ASSERT(task::current_scheduler != nullptr, "this_core() outside a runtime's core");
    return task::current_scheduler->core();
}

/// How many cores this runtime has.
[[nodiscard]] inline std::size_t core_count() noexcept { return runtime::current_runtime().schedulers.size(); }

namespace runtime::detail {

/// Calls `fn` on the core where it runs, so that the frame of what it returns is made there.
template <class T, class F, class... Args>
Task<T> call_here(F fn, Args... args) {
    co_return co_await fn(std::move(args)...);
}

}  // namespace runtime::detail

/// Runs `fn(args...)`, which returns a Task, once on every core; `args` are copied for each.
///
/// Threads: a core of a runtime.
template <class F, class... Args>
[[nodiscard]] auto on_each_core(F fn, Args... args) {
    using T = typename decltype(fn(Args(args)...))::value_type;
    std::vector<JoinHandle<T>> handles;
    const std::size_t count = core_count();
    handles.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        handles.push_back(spawn_on(task::CoreId(static_cast<std::uint16_t>(i)),
                                   runtime::detail::call_here<T, F, Args...>(fn, args...)));
    return handles;
}

}  // namespace skerry
