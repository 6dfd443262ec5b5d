#pragma once

// Runtime: the cores, their threads, and the door to them from other threads.

#include "config.hpp"
#include "handle.hpp"
#include "runtime_state.hpp"

#include "../backend/backend.hpp"
#include "../base/result.hpp"
#include "../task/spawn.hpp"
#include "../task/task.hpp"
#include "../time/instant.hpp"

#include <chrono>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

namespace skerry::runtime {

/// What a shutdown found. Empty lists mean that everything stopped.
struct ShutdownReport {
    std::vector<std::string> stuck;  ///< one line for each core or blocking call that did not stop in time

    [[nodiscard]] bool is_clean() const noexcept { return stuck.empty(); }
};

/// A running runtime. Made by Builder.
///
/// Dropping it shuts down with the configured grace, unless shutdown() has been called; a core whose task never returns
/// to the loop is left behind with its thread, and so is a blocking call. Not in one of its own tasks or blocking
/// calls, as shutdown(); asserted.
///
/// Threads: any; one owner. With the flavour current_thread block_on() and poll_once() belong to the thread that built
///          it, which owns its buffers (asserted); any other may shut it down or drop it when they have returned.
class Runtime {
public:
    explicit Runtime(std::shared_ptr<RuntimeState> state) noexcept : state_(std::move(state)) {}
    Runtime(Runtime&&) noexcept = default;
    Runtime& operator=(Runtime&& other) noexcept;
    ~Runtime();

    /// Runs `task` to its end and returns its value; an exception of it is rethrown.
    ///
    /// With the flavour current_thread the calling thread is the core, and every other task runs only inside
    /// block_on. With per_core the task runs on core 0 and the calling thread sleeps: sockets and others that belong to
    /// their core must not come back from there.
    ///
    /// Errors: throws std::bad_alloc when core 0 has no memory to take the task on; it has not begun then.
    ///
    /// Must not be called in a task of any runtime, whose core it would stop; asserted.
    template <class T>
    T block_on(Task<T> task, std::source_location where = std::source_location::current()) {
        auto outcome = try_block_on(std::move(task), where);
        if (!outcome && outcome.error().is_exception()) outcome.error().rethrow();
        if (!outcome && !is_stopped()) throw std::bad_alloc();  // nobody can abort it
        SKERRY_ASSERT(outcome.has_value(), "block_on: the runtime was shut down before the task ended");
        if constexpr (!std::is_void_v<T>) return std::move(*outcome);
    }

    /// block_on() that returns how the task ended.
    ///
    /// Errors: JoinError: the exception, or cancelled when the runtime was shut down meanwhile or had no memory for it.
    template <class T>
    Result<T, JoinError> try_block_on(Task<T> task, std::source_location where = std::source_location::current());

    /// A door to this runtime that may be copied anywhere.
    [[nodiscard]] Handle handle() const noexcept { return Handle(state_); }

    /// One turn of a current_thread runtime, for a program with its own loop: returns when the next turn is
    /// due. Until then wait for wake_fd() to be readable. Not in a task of this runtime; asserted. After a shutdown
    /// nothing is due any more.
    time::Instant poll_once();

    /// Readable when poll_once() has something to do; -1 when the driver cannot say, and after a shutdown.
    [[nodiscard]] int wake_fd() const noexcept;

    /// Ends every task where it waits, and the threads. Waits at most `grace`.
    ///
    /// A later call waits anew, for what those before have left behind, and reports what is still there. While another
    /// thread's call goes on, it first waits for the end of that one.
    ///
    /// Must not be called in a task or in a blocking call of this runtime, which would be waited for while it waits;
    /// asserted, and so is a call by a destructor that a shutdown runs.
    ShutdownReport shutdown(time::AnyDuration grace);

    /// The driver that runs, the way there and the cores, for a start line.
    [[nodiscard]] const std::string& driver() const noexcept { return state_->driver; }
    [[nodiscard]] const std::string& reason() const noexcept { return state_->reason; }
    /// A line for each driver that `auto` had to choose from: taken, passed over or not tried, with the reason. Empty
    /// when the driver was named.
    [[nodiscard]] const std::vector<std::string>& ladder() const noexcept { return state_->ladder; }
    [[nodiscard]] const CorePlan& plan() const noexcept { return state_->plan; }

    [[nodiscard]] RuntimeState& state() noexcept { return *state_; }

private:
    [[nodiscard]] bool is_stopped() const noexcept;
    void drive(bool (*done)(void*), void* context);
    void assert_in_its_thread() const;
    void assert_outside() const;

    std::shared_ptr<RuntimeState> state_;
};

namespace detail {

/// What the waiting thread and the root task share. The task's end is signalled by this object's guard, so
/// also when the frame is destroyed at a shutdown.
template <class T>
struct RootOutcome {
    std::optional<Result<T, JoinError>> value;
    Completion completion;
};

struct SignalOnExit {
    explicit SignalOnExit(Completion& completion) noexcept : completion_(&completion) {}
    SignalOnExit(SignalOnExit&& other) noexcept : completion_(std::exchange(other.completion_, nullptr)) {}
    SignalOnExit& operator=(SignalOnExit&&) = delete;
    ~SignalOnExit() {
        if (completion_ != nullptr) completion_->signal();
    }

private:
    Completion* completion_;
};

/// The task of a block_on and the news of its end, which comes last: when the other thread wakes, the task, which
/// may refer to that thread's variables, is gone. One parameter and not two, because g++ 12 destroys a coroutine's
/// parameters first to last; and not a task beside the root, because a shutdown might end the root first.
template <class T>
struct Root {
    Root(Completion& completion, Task<T>&& to_run) noexcept : signal(completion), task(std::move(to_run)) {}

    SignalOnExit signal;
    Task<T> task;
};

template <class T>
Task<> run_root(Root<T> root, std::optional<Result<T, JoinError>>* outcome) {
    outcome->emplace(co_await task::OutcomeAwaiter<T>(root.task));
}

}  // namespace detail

template <class T>
Result<T, JoinError> Runtime::try_block_on(Task<T> task, std::source_location where) {
    // A thread that drives several current_thread runtimes, as tests do, stands on one of their cores between tasks.
    SKERRY_ASSERT(task::current_scheduler == nullptr || (state_->config.flavour == Flavour::current_thread &&
                                                         task::current_scheduler->current_task() == nullptr),
                  "block_on on a core of a runtime would stop that core; await the task instead");
    SKERRY_DEBUG_ASSERT(task.valid(), "block_on of a moved-from Task");
    detail::RootOutcome<T> root;
    spawn_root(*state_, detail::run_root<T>(detail::Root<T>(root.completion, std::move(task)), &root.value), where);
    drive([](void* completion) { return static_cast<Completion*>(completion)->is_signalled(); }, &root.completion);
    if (!root.value) return Unexpected(JoinError());
    return std::move(*root.value);
}

}  // namespace skerry::runtime
