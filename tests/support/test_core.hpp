#pragma once

// A scheduler without a thread, a clock or a driver, stepped by hand. Two of them on one thread make every
// interleaving of two cores a matter of which one is stepped next, so cross-core cases are deterministic.

#include <skerry/task/scheduler.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/task.hpp>

#include <optional>
#include <utility>

namespace skerry::test_support {

class TestCore {
public:
    explicit TestCore(std::uint64_t seed = 1) : scheduler_(task::Scheduler::acquire()) {
        scheduler_->configure(task::CoreId{0}, {}, nullptr, seed);
    }
    TestCore(const TestCore&) = delete;
    TestCore& operator=(const TestCore&) = delete;

    /// Aborts what is left. Every other core that may still post should be destroyed after it.
    ~TestCore() {
        const Entered here(*this);
        do scheduler_->abort_all();
        while (scheduler_->drain() || scheduler_->live_tasks() != 0);
        scheduler_->retire();
    }

    /// Makes this core the thread's current one for a scope.
    class Entered {
    public:
        explicit Entered(TestCore& core) : outer_(std::exchange(task::current_scheduler, core.scheduler_)) {}
        ~Entered() { task::current_scheduler = outer_; }
        Entered(const Entered&) = delete;
        Entered& operator=(const Entered&) = delete;

    private:
        task::Scheduler* outer_;
    };

    /// Takes what was posted and runs at most `count` tasks; returns how many ran.
    unsigned step(unsigned count = 61) {
        const Entered here(*this);
        scheduler_->drain();
        return scheduler_->run(count);
    }

    /// Steps until nothing is ready and nothing posted.
    void run_until_idle() {
        const Entered here(*this);
        while (scheduler_->drain() || scheduler_->run(61) != 0 || scheduler_->has_ready()) {
        }
    }

    /// Calls `f()` as if from this core and returns what it returns: `core.in([&] { return spawn(f()); })`.
    template <class F>
    decltype(auto) in(F&& f) {
        const Entered here(*this);
        return std::forward<F>(f)();
    }

    /// Spawns `task` here.
    template <class T>
    [[nodiscard]] JoinHandle<T> start(Task<T> task) {
        const Entered here(*this);
        return spawn(std::move(task));
    }

    /// Runs `task` to its end on this core and returns its outcome. Fails the program when it never ends.
    template <class T>
    Result<T, JoinError> run(Task<T> task) {
        const Entered here(*this);
        std::optional<Result<T, JoinError>> outcome;
        JoinHandle<void> waiter = spawn(wait_for<T>(spawn(std::move(task)), &outcome));
        run_until_idle();
        SKERRY_ASSERT(outcome.has_value(), "the task under test waits for ever");
        return std::move(*outcome);
    }

    [[nodiscard]] task::Scheduler& scheduler() noexcept { return *scheduler_; }

private:
    template <class T>
    static Task<void> wait_for(JoinHandle<T> handle, std::optional<Result<T, JoinError>>* outcome) {
        outcome->emplace(co_await handle);
    }

    task::Scheduler* scheduler_;
};

}  // namespace skerry::test_support
