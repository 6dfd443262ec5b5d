#pragma once

// Hot path. What spawn() returns: waits for a task's outcome, aborts it, or lets it go.

#include "header.hpp"
#include "join_error.hpp"
#include "promise.hpp"
#include "scheduler.hpp"

#include "../base/assert.hpp"
#include "../base/result.hpp"

#include <coroutine>
#include <utility>

namespace skerry {

namespace task {

/// Waits for the end of one task. Built in place in the awaiting frame. A task has room for one that waits; a second is
/// a bug, and asserted.
template <class T>
class JoinAwaiter : private WaitNode {
public:
    explicit JoinAwaiter(TaskHeader& task) noexcept : joined_(&task) {}
    ~JoinAwaiter() { cancel(); }

    [[nodiscard]] bool await_ready() const noexcept {
        if (current_scheduler->spend()) return false;
        return is_over();
    }

    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        Scheduler& scheduler = *current_scheduler;
        scheduler.bind(*this, awaiting);
        if (!on_home_core(*joined_)) {
            if (Scheduler::link_remote_joiner(*joined_, *this)) return true;
            if (scheduler.budget() > 0) return false;
        } else if (!joined_->has(task_state::done)) {
            SKERRY_ASSERT(joined_->joiner == nullptr, "two tasks await one JoinHandle");
            set_state(node_state::linked);
            joined_->joiner = this;
            return true;
        }
        scheduler.enqueue(*this);  // over, but out of budget: others run first
        return true;
    }

    [[nodiscard]] bool is_complete() const noexcept { return state() == node_state::idle; }

    void cancel() noexcept {
        if (state() == node_state::idle) [[likely]]
            return;
        if (state() == node_state::linked) {
            SKERRY_DEBUG_ASSERT(joined_->joiner == this, "another waits where this one was registered");
            joined_->joiner = nullptr;
            set_state(node_state::idle);
        } else if (state() == node_state::remote) {
            current_scheduler->unlink_remote_joiner(*joined_, *this);
        } else {
            current_scheduler->blank(*this);
        }
        take_claim();
    }

    [[nodiscard]] Result<T, JoinError> await_resume() noexcept {
        take_claim();
        if (joined_->has(task_state::cancelled)) [[unlikely]] {
            if (!joined_->has(task_state::panicked)) return Unexpected(JoinError());
            return Unexpected(JoinError(static_cast<StoredPanic*>(joined_->frame())->exception));
        }
        return static_cast<StoredOutcome<T>*>(joined_->frame())->take();
    }

private:
    [[nodiscard]] bool is_over() const noexcept {
        if (on_home_core(*joined_)) return joined_->has(task_state::done);
        // Acquire: pairs with complete(), so that the outcome is seen.
        return (joined_->remote.load(std::memory_order_acquire) & remote_word::done) != 0;
    }

    TaskHeader* joined_;
};

}  // namespace task

/// Aborts a task, or asks whether it is over, from anywhere; keeps neither the task nor its outcome.
///
/// Shape:   at most 32,767 handles of one task live at once.
/// Threads: any.
class AbortHandle {
public:
    explicit AbortHandle(task::TaskHeader& task) noexcept : task_(&task) { task::Scheduler::add_handle(task); }
    AbortHandle(const AbortHandle& other) noexcept : task_(other.task_) {
        if (task_ != nullptr) task::Scheduler::add_handle(*task_);
    }
    AbortHandle(AbortHandle&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
    AbortHandle& operator=(AbortHandle other) noexcept {
        std::swap(task_, other.task_);
        return *this;
    }
    ~AbortHandle() {
        if (task_ != nullptr) task::Scheduler::drop_handle(*task_);
    }

    /// As JoinHandle::abort.
    void abort() const noexcept { task::Scheduler::request_abort(*task_); }

    [[nodiscard]] bool is_finished() const noexcept {
        if (task::on_home_core(*task_)) return task_->has(task::task_state::done);
        return (task_->remote.load(std::memory_order_acquire) & task::remote_word::done) != 0;
    }
    [[nodiscard]] task::TaskId id() const noexcept { return task::id_of(*task_); }

private:
    task::TaskHeader* task_;
};

/// Owns the right to a spawned task's outcome. `co_await handle` gives `Result<T, JoinError>`.
///
/// Dropping it detaches: the task runs on and its outcome is dropped. detach() says so aloud.
///
/// Cancel:  safe: a join that is given up may be awaited again; the outcome is moved out once.
/// Threads: may move to any thread; awaited by one at a time, asserted.
/// Cost:    on the task's core a few plain stores; elsewhere one atomic operation each for join and drop.
template <class T>
class [[nodiscard]] JoinHandle {
public:
    explicit JoinHandle(task::TaskHeader& task) noexcept : task_(&task) {}
    JoinHandle(JoinHandle&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
    JoinHandle& operator=(JoinHandle&& other) noexcept {
        if (this != &other) {
            drop();
            task_ = std::exchange(other.task_, nullptr);
        }
        return *this;
    }
    ~JoinHandle() { drop(); }

    /// Waits for the end of the task. Its destructors have run when this completes.
    ///
    /// Errors: JoinError: cancelled, after abort() or at shutdown; the exception, when the task threw.
    /// Cancel: safe: the outcome stays for the next await.
    [[nodiscard]] task::JoinAwaiter<T> operator co_await() const noexcept {
        SKERRY_DEBUG_ASSERT(task_ != nullptr, "a moved-from JoinHandle is awaited");
        return task::JoinAwaiter<T>(*task_);
    }

    /// Asks for the end of the task: its frame is destroyed at the point where it waits, on its own core,
    /// before the join completes. A task that ends first keeps its value. Idempotent; returns at once.
    /// Threads: any.
    void abort() const noexcept { task::Scheduler::request_abort(*task_); }

    [[nodiscard]] AbortHandle abort_handle() const noexcept { return AbortHandle(*task_); }

    /// Lets the task run on alone.
    void detach() && noexcept { drop(); }

    /// True once the task's destructors have run. Threads: any.
    [[nodiscard]] bool is_finished() const noexcept {
        if (task::on_home_core(*task_)) return task_->has(task::task_state::done);
        return (task_->remote.load(std::memory_order_acquire) & task::remote_word::done) != 0;
    }

    [[nodiscard]] task::TaskId id() const noexcept { return task::id_of(*task_); }

    /// False after a move.
    [[nodiscard]] bool valid() const noexcept { return task_ != nullptr; }

private:
    void drop() noexcept {
        if (task_ != nullptr) task::Scheduler::drop_handle(*std::exchange(task_, nullptr));
    }

    task::TaskHeader* task_;
};

}  // namespace skerry
