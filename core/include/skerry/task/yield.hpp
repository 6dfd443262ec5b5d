#pragma once

// Hot path. Giving way to others.

#include "scheduler.hpp"

#include <coroutine>
#include <utility>

namespace skerry {

namespace task {

/// Goes behind everything that is ready.
class YieldAwaiter : private WaitNode {
public:
    YieldAwaiter() noexcept = default;
    ~YieldAwaiter() { cancel(); }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        Scheduler& scheduler = *current_scheduler;
        scheduler.bind(*this, awaiting);
        scheduler.enqueue(*this);
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == node_state::idle; }
    void cancel() noexcept {
        if (state() != node_state::idle) [[unlikely]]
            current_scheduler->blank(*this);
    }
    void await_resume() const noexcept {}
};

struct Yield {
    [[nodiscard]] YieldAwaiter operator co_await() const noexcept { return {}; }
};

/// Takes one unit of the budget; yields when it is spent.
class ConsumeBudgetAwaiter : private WaitNode {
public:
    ConsumeBudgetAwaiter() noexcept = default;
    ~ConsumeBudgetAwaiter() { cancel(); }
    [[nodiscard]] bool await_ready() const noexcept { return !current_scheduler->spend(); }
    bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        current_scheduler->bind(*this, awaiting);
        current_scheduler->enqueue(*this);
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == node_state::idle; }
    void cancel() noexcept {
        if (state() != node_state::idle) [[unlikely]]
            current_scheduler->blank(*this);
    }
    void await_resume() const noexcept {}
};

struct ConsumeBudget {
    [[nodiscard]] ConsumeBudgetAwaiter operator co_await() const noexcept { return {}; }
};

}  // namespace task

/// Lets everything that is ready run first. The driver is polled behind a turn of at most 61 resumes and some 20 us,
/// but epoll and tap at most every 10 us, and io_uring not while it gathers answers, for 80 us; to wait for a poll, use
/// yield_to_driver().
///
/// Cancel: safe.
/// Cost:   a push and a pop of the ready ring.
[[nodiscard]] inline task::Yield yield_now() noexcept { return {}; }

/// Counts one operation against this run's budget, for long loops that touch nothing of the runtime.
/// Yields when the budget is spent.
///
/// Cancel: safe.
[[nodiscard]] inline task::ConsumeBudget consume_budget() noexcept { return {}; }

}  // namespace skerry
