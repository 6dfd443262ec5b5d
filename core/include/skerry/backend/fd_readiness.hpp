#pragma once

// Waiting for a descriptor of the slow lane.

#include "slow_lane.hpp"

#include "../base/assert.hpp"
#include "../task/scheduler.hpp"

#include <coroutine>

namespace skerry::backend {

/// Waits until an event has shown the descriptor readable, or writable.
class FdReadinessAwaiter : private task::WaitNode {
public:
    FdReadinessAwaiter(WatchedFd& fd, bool for_writing) noexcept : fd_(&fd), for_writing_(for_writing) {}
    ~FdReadinessAwaiter() { cancel(); }

    [[nodiscard]] bool await_ready() const noexcept { return for_writing_ ? fd_->writable : fd_->readable; }
    bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        SKERRY_ASSERT(waiter() == nullptr, "two waiters for one direction of a descriptor");
        task::current_scheduler->bind(*this, awaiting);
        set_state(task::node_state::linked);
        waiter() = this;
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept {
        if (state() == task::node_state::idle) return;
        if (state() == task::node_state::linked) {
            waiter() = nullptr;
            set_state(task::node_state::idle);
            return;
        }
        task::current_scheduler->blank(*this);  // readiness stays in the record for the next waiter
        take_claim();
    }
    void await_resume() noexcept { take_claim(); }

private:
    [[nodiscard]] task::WaitNode*& waiter() const noexcept { return for_writing_ ? fd_->writer : fd_->reader; }

    WatchedFd* fd_;
    bool for_writing_;
};

struct FdReadiness {
    WatchedFd* fd;
    bool for_writing;
    [[nodiscard]] FdReadinessAwaiter operator co_await() const noexcept { return {*fd, for_writing}; }
};

/// Waits until `fd` may be read. Whoever finds would-block clears WatchedFd::readable and waits again.
///
/// Cancel: safe.
[[nodiscard]] inline FdReadiness readable(WatchedFd& fd) noexcept { return {&fd, false}; }

/// Waits until `fd` may be written.
///
/// Cancel: safe.
[[nodiscard]] inline FdReadiness writable(WatchedFd& fd) noexcept { return {&fd, true}; }

}  // namespace skerry::backend
