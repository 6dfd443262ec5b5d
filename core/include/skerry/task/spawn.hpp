#pragma once

// Hot path. Starting tasks.

#include "join_handle.hpp"
#include "task.hpp"

#include "../base/assert.hpp"

#include <source_location>
#include <string>
#include <utility>

namespace skerry {

namespace task {

/// Makes the frame of `task` the frame of a spawned task with one handle; queues nothing.
template <class T>
[[nodiscard]] TaskHeader& make_root(Task<T>&& task, std::source_location where) noexcept {
    const auto coroutine = task.release();
    SKERRY_DEBUG_ASSERT(coroutine, "a moved-from Task is spawned");
    coroutine.promise().set_root(where);
    TaskHeader& header = TaskHeader::of_frame(coroutine.address());
    // Until it is started, the core of the slab, which may be another's, must not take it for a task of its own.
    header.set_state_elsewhere(task_state::spawned | task_state::arriving);
    header.handles = 1;
    header.joiner = nullptr;
    return header;
}

/// Starts a fresh root on this core, wherever its frame was made.
inline void start_here(Scheduler& scheduler, TaskHeader& header) noexcept {
    if (header.home() == scheduler.home() && header.size_class() != heap_class) [[likely]] {
        header.state &= static_cast<std::uint16_t>(~task_state::arriving);  // it may have a name already
        scheduler.start(header);
    } else {
        Scheduler::start_on(scheduler, header);
    }
}

}  // namespace task

/// Starts `task` on this core, without waiting for it. It first runs when the running task waits or yields.
///
/// During shutdown the task is cancelled before it starts and its join says so. What a task throws that nobody joins is
/// only counted (metrics).
///
/// Lifetime: of the arguments of a coroutine its frame has copies; of a lambda it has a pointer. One that captures has
///           to outlive its task: give a function what it needs as arguments, or a lambda without captures.
/// Threads: a core of a runtime; elsewhere use runtime::Handle::spawn. Asserted.
/// Cost:    no allocation beyond the frame, which the caller has made.
template <class T>
JoinHandle<T> spawn(Task<T> task, std::source_location where = std::source_location::current()) noexcept {
    task::Scheduler* const scheduler = task::current_scheduler;
    SKERRY_ASSERT(scheduler != nullptr, "spawn() outside a runtime's core; use runtime::Handle::spawn");
    task::TaskHeader& header = task::make_root(std::move(task), where);
    task::start_here(*scheduler, header);
    return JoinHandle<T>(header);
}

/// spawn() with a name, which this_task::name() and the testing runtime's lists of tasks show. Where there is no memory
/// for the name the task has none.
///
/// Cost: one entry in the core's side table.
template <class T>
JoinHandle<T> spawn_named(std::string name, Task<T> task,
                          std::source_location where = std::source_location::current()) {
    task::Scheduler* const scheduler = task::current_scheduler;
    SKERRY_ASSERT(scheduler != nullptr, "spawn_named() outside a runtime's core");
    task::TaskHeader& header = task::make_root(std::move(task), where);
    scheduler->set_name(header, std::move(name));
    task::start_here(*scheduler, header);
    return JoinHandle<T>(header);
}

namespace this_task {

/// The running task's id; only inside a task or one of its destructors.
[[nodiscard]] inline task::TaskId id() noexcept {
    SKERRY_ASSERT(task::current_scheduler != nullptr && task::current_scheduler->current_task() != nullptr,
                  "this_task::id() outside a task");
    return task::id_of(*task::current_scheduler->current_task());
}

/// The running task's name; empty when it has none.
[[nodiscard]] inline std::string_view name() noexcept {
    return task::current_scheduler->name_of(*task::current_scheduler->current_task());
}

}  // namespace this_task

}  // namespace skerry
