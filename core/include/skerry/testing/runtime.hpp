#pragma once

// A runtime for tests: one core, on the thread of the test, on virtual time and a network in memory.
//
//     testing::Runtime rt;
//     auto waiting = rt.start(rx.recv());   // runs until it waits
//     waiting.cancel();                     // its frame is gone when this returns
//     REQUIRE(tx.try_send(7));
//     CHECK(rt.run(rx.recv()) == 7);
//
// While it lives it is the thread's own runtime, also between the calls: the body of a test may spawn, bind
// sockets, read the time and use core-local objects as if it were a task that never waits.
//
// The clock stands still. Only run() and run_for() move it: they jump to the next deadline when nothing is
// left to run. step(), run_until_idle() and start() never do, and advance() jumps as far as it is told.

#include "failure.hpp"
#include "network.hpp"
#include "options.hpp"
#include "to_task.hpp"
#include "virtual_clock.hpp"

#include "../runtime/handle.hpp"
#include "../task/join_handle.hpp"
#include "../task/slab.hpp"
#include "../task/spawn.hpp"
#include "../task/task.hpp"

#include <chrono>
#include <memory>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace skerry::testing {

class Runtime;

/// Something that was started and may not have ended. Dropping it cancels it.
///
/// Lifetime: ends before its runtime does, and before whatever the started operation refers to.
template <class T>
class [[nodiscard]] Started {
public:
    Started(Runtime& runtime, JoinHandle<T> handle) noexcept : runtime_(&runtime), handle_(std::move(handle)) {}
    Started(Started&&) noexcept = default;
    Started& operator=(Started&&) = delete;
    ~Started() {
        if (handle_.valid()) cancel();
    }

    [[nodiscard]] bool is_done() const noexcept { return handle_.is_finished(); }

    /// Destroys what was started at the point where it waits, before this returns. Nothing when it is done.
    /// Inside a task, from where no frame can be destroyed, it is gone in the next turn.
    void cancel() noexcept;

    /// What it gave; an exception of it is rethrown. Once, and only when it is done: else a Failure is thrown.
    T take() {
        Result<T, JoinError> outcome = take_outcome();
        if (!outcome) rethrow(outcome.error());
        if constexpr (!std::is_void_v<T>) return std::move(*outcome);
    }

    /// How it ended. Once, and only when it is done: else a Failure is thrown.
    [[nodiscard]] Result<T, JoinError> take_outcome();

    /// Lets it run on alone.
    void detach() && noexcept { std::move(handle_).detach(); }

    [[nodiscard]] const JoinHandle<T>& handle() const noexcept { return handle_; }

private:
    [[noreturn]] void rethrow(const JoinError& error);

    Runtime* runtime_;
    JoinHandle<T> handle_;
};

/// One core on virtual time, for the length of a test.
///
/// Dropping it aborts every task and closes every socket, so that a leak checker sees what really leaks. When
/// a test fails by an exception the seed is printed, with the way to run it again.
///
/// Threads: the one that made it. Several may exist and are dropped in the reverse order; the last one made
///          is the thread's own between calls.
class Runtime {
public:
    explicit Runtime(Options options = {});
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    /// Runs a Task, an awaitable operation or a callable that returns one to its end and gives its value;
    /// other tasks run meanwhile. An exception of it is rethrown.
    ///
    /// Errors: throws Failure when it waits for something that can never come, or was aborted.
    template <class A>
    auto run(A&& what, std::source_location where = std::source_location::current()) {
        return run_task(detail::to_task(std::forward<A>(what)), where);
    }

    /// Runs what start() has started to its end and gives its value. Errors: as run().
    template <class T>
    T finish(Started<T> started) {
        drive(started.handle());
        return started.take();
    }

    /// Starts a Task, an awaitable operation or a callable that returns one, and lets it run until it waits.
    /// The clock does not move.
    template <class A>
    [[nodiscard]] auto start(A&& what, std::source_location where = std::source_location::current()) {
        return start_task(detail::to_task(std::forward<A>(what)), where);
    }

    /// Starts a task that has a life of its own; it first runs in the next turn.
    template <class T>
    JoinHandle<T> spawn(Task<T> task, std::source_location where = std::source_location::current()) {
        task::TaskHeader& header = task::make_root(std::move(task), where);
        start_root(header);
        return JoinHandle<T>(header);
    }

    /// One turn of the loop: what was posted, the network, due timers, at most 61 runs of tasks. True when
    /// there was something to do. The clock does not move.
    bool step();

    /// Turns until nothing is left to do at this instant. The clock does not move.
    void run_until_idle();

    /// Jumps ahead and runs what became due, until nothing is left to do at the new instant. Timers due later
    /// stay; those that tasks set now start from the new instant.
    void advance(time::AnyDuration duration);

    /// Lets the clock go ahead from deadline to deadline for `duration`, running what each wakes. Where that is longer
    /// than the clock can show, until nothing can come any more.
    void run_for(time::AnyDuration duration);

    [[nodiscard]] time::Instant now() const noexcept;
    [[nodiscard]] VirtualClock& clock() noexcept;

    /// The network between the sockets of this runtime: its delays, limits and faults.
    [[nodiscard]] Network& network() noexcept;

    /// Tasks that are not over.
    [[nodiscard]] std::uint64_t live_tasks() const noexcept;
    [[nodiscard]] std::vector<task::TaskInfo> tasks() const;

    [[nodiscard]] task::SlabStats slab_stats() const noexcept;
    [[nodiscard]] const task::SchedulerCounters& counters() const noexcept;
    [[nodiscard]] task::Scheduler& scheduler() noexcept;
    [[nodiscard]] std::uint64_t seed() const noexcept;

    /// The door to this runtime for other threads; see Options::woken_from_outside.
    [[nodiscard]] runtime::Handle handle() const noexcept;

private:
    template <class T>
    friend class Started;
    struct State;

    template <class T>
    T run_task(Task<T> task, std::source_location where) {
        return finish(Started<T>(*this, spawn(std::move(task), where)));
    }

    template <class T>
    Started<T> start_task(Task<T> task, std::source_location where) {
        task::TaskHeader& header = task::make_root(std::move(task), where);
        start_root(header);
        Started<T> started(*this, JoinHandle<T>(header));
        first_run(header);
        return started;
    }

    template <class T>
    void drive(const JoinHandle<T>& handle) {
        drive([](const void* until) { return static_cast<const JoinHandle<T>*>(until)->is_finished(); }, &handle);
    }

    void start_root(task::TaskHeader& header);
    void drive(bool (*is_over)(const void*), const void* context);
    void first_run(const task::TaskHeader& header);
    void abort_now(const AbortHandle& task) noexcept;
    [[noreturn]] void fail(const std::string& what) const;

    std::unique_ptr<State> state_;
};

template <class T>
void Started<T>::cancel() noexcept {
    if (!is_done()) runtime_->abort_now(handle_.abort_handle());
}

template <class T>
Result<T, JoinError> Started<T>::take_outcome() {
    if (!is_done()) runtime_->fail("what was started has not ended");
    auto awaiter = handle_.operator co_await();
    return awaiter.await_resume();
}

template <class T>
void Started<T>::rethrow(const JoinError& error) {
    if (error.is_exception()) error.rethrow();
    runtime_->fail("the task under test was aborted");
}

}  // namespace skerry::testing
