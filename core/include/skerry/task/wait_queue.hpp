#pragma once

// Hot path. The waiters of a primitive, in two kinds with one interface: LocalWaiters for a primitive that
// one core uses, SharedWaiters for one that any core may use. A primitive is written once, over a Scope that
// names its lock and its queue:
//
//   std::lock_guard guard(lock_);            // Scope::Lock: nothing for Local, a spin lock for Shared
//   Wakeups<Scope> wakeups;                  // declared before the guard: delivers after the unlock
//   waiters_.wake_one(wakeups);              // unlinks the oldest waiter and grants it a claim
//
// A wake grants a claim and carries no value; what the claim is worth is the primitive's business.
//
// The first waiter of a shared queue is kept in the primitive's own line with its header and its core: a
// waker on another core then never touches the waiter's frame, and can fetch the header and the inbox while
// it still holds the lock. That took a cross-core request and answer from 3.1 to 1.9 times bare atomics.

#include "scheduler.hpp"

#include "../base/compiler.hpp"
#include "../base/intrusive_list.hpp"
#include "../base/spin_lock.hpp"

#include <coroutine>

namespace skerry::task {

/// A lock that does nothing: one core needs none.
struct NoLock {
    void lock() noexcept {}
    void unlock() noexcept {}
    [[nodiscard]] bool try_lock() noexcept { return true; }
};

/// Asserts the rule that a core-local primitive is used on the core where its waiters are.
inline void check_local(const WaitNode& node) noexcept {
    SKERRY_DEBUG_ASSERT(on_home_core(*node.task()), "a core-local primitive is used on another core than its own");
    (void)node;
}

/// Waiters that are all on one core.
///
/// Threads: that core; a wake elsewhere is asserted in debug builds.
class LocalWaiters {
public:
    [[nodiscard]] bool empty() const noexcept { return list_.empty(); }

    /// Links `node`, which is bound, as the newest waiter.
    void add(WaitNode& node) noexcept {
        node.set_state(node_state::linked);
        list_.push_back(node);
    }

    /// Takes `node` out; false when it was woken meanwhile and is queued to run.
    [[nodiscard]] bool remove(WaitNode& node) noexcept {
        if (node.state() != node_state::linked) return false;
        node.unlink();
        node.set_state(node_state::idle);
        return true;
    }

    /// The oldest waiter, still linked; null when there is none. For primitives that look before they wake.
    [[nodiscard]] WaitNode* front() noexcept { return list_.empty() ? nullptr : &list_.front(); }

    /// Unlinks the oldest waiter without waking it; null when there is none.
    [[nodiscard]] WaitNode* take_front() noexcept { return list_.pop_front(); }

    /// Grants the oldest waiter a claim; false when nobody waits.
    bool wake_one(PendingPosts&) noexcept {
        WaitNode* node = take_front();
        if (node == nullptr) return false;
        check_local(*node);
        node->give_claim();
        current_scheduler->wake(*node);
        return true;
    }

    /// wake_one() for one of several that are woken together: it goes behind everything that is ready, so
    /// that they run in the order in which they came. wake_one() would let the last of them run first.
    bool queue_one(PendingPosts&) noexcept {
        WaitNode* node = list_.pop_front();
        if (node == nullptr) return false;
        check_local(*node);
        node->give_claim();
        current_scheduler->enqueue(*node);
        return true;
    }

    /// Grants the newest waiter a claim; false when nobody waits.
    bool wake_last(PendingPosts&) noexcept {
        if (list_.empty()) return false;
        WaitNode& node = list_.back();
        check_local(node);
        node.unlink();
        node.give_claim();
        current_scheduler->wake(node);
        return true;
    }

    /// The newest waiter, still linked; null when there is none.
    [[nodiscard]] WaitNode* back() noexcept { return list_.empty() ? nullptr : &list_.back(); }

    /// Takes every waiter of `other` over, behind those here.
    void splice_back(LocalWaiters& other) noexcept { list_.splice_back(other.list_); }

private:
    IntrusiveList<WaitNode> list_;
};

/// Waiters on any core.
///
/// Threads: any, under the lock of the primitive it is part of.
class SharedWaiters {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr && list_.empty(); }

    /// Links `node`, which is bound, as the newest waiter. On the waiter's core.
    void add(WaitNode& node) noexcept {
        node.set_state(node_state::remote);
        if (first_ == nullptr && list_.empty()) {
            first_ = &node;
            first_task_ = node.task();
            first_core_ = current_scheduler;
            node.next = nullptr;
            node.prev = nullptr;
        } else {
            list_.push_back(node);
        }
    }

    /// Takes `node` out; false when it was woken meanwhile. On the waiter's core.
    [[nodiscard]] bool remove(WaitNode& node) noexcept {
        if (first_ == &node) {
            first_ = nullptr;
        } else if (node.state() == node_state::remote && node.prev != nullptr) {
            node.unlink();
        } else {
            return false;
        }
        node.set_state(node_state::idle);
        return true;
    }

    /// The oldest waiter, still linked; null when there is none.
    [[nodiscard]] WaitNode* front() noexcept {
        if (first_ != nullptr) return first_;
        return list_.empty() ? nullptr : &list_.front();
    }

    /// Grants the oldest waiter a claim; false when nobody waits. A waiter of another core is posted by
    /// `posts`, which is delivered after the unlock.
    bool wake_one(PendingPosts& posts) noexcept {
        WaitNode* node = first_;
        TaskHeader* task = first_task_;
        Scheduler* core = first_core_;
        if (node != nullptr) [[likely]] {
            first_ = nullptr;
        } else {
            node = list_.pop_front();
            if (node == nullptr) return false;
            task = node->task();
            core = &Scheduler::at(task->home());
        }
        if (core == current_scheduler) {
            node->give_claim();
            core->wake(*node);
            return true;
        }
        prefetch_write(task);
        core->prefetch_inbox();
        if (Scheduler::fire(*task, *node)) posts.add(*task);
        return true;
    }

    /// As LocalWaiters::queue_one.
    bool queue_one(PendingPosts& posts) noexcept {
        WaitNode* const node = take_out(front());
        if (node == nullptr) return false;
        if (on_home_core(*node->task())) {
            node->give_claim();
            current_scheduler->enqueue(*node);
        } else if (Scheduler::fire(*node->task(), *node)) {
            posts.add(*node->task());
        }
        return true;
    }

    /// Grants the newest waiter a claim; false when nobody waits.
    bool wake_last(PendingPosts& posts) noexcept {
        WaitNode* const node = take_out(back());
        if (node == nullptr) return false;
        if (on_home_core(*node->task())) {
            node->give_claim();
            current_scheduler->wake(*node);
        } else if (Scheduler::fire(*node->task(), *node)) {
            posts.add(*node->task());
        }
        return true;
    }

    /// The newest waiter, still linked; null when there is none.
    [[nodiscard]] WaitNode* back() noexcept { return list_.empty() ? first_ : &list_.back(); }

    /// Takes every waiter of `other` over, behind those here.
    void splice_back(SharedWaiters& other) noexcept {
        if (other.first_ != nullptr) {
            other.list_.push_front(*other.first_);
            other.first_ = nullptr;
        }
        list_.splice_back(other.list_);
    }

private:
    // Unlinks a waiter without touching its state, which is its home core's.
    [[nodiscard]] WaitNode* take_out(WaitNode* node) noexcept {
        if (node == nullptr) return nullptr;
        if (node == first_)
            first_ = nullptr;
        else
            node->unlink();
        return node;
    }

    WaitNode* first_ = nullptr;  // older than everything in list_
    TaskHeader* first_task_ = nullptr;
    Scheduler* first_core_ = nullptr;
    IntrusiveList<WaitNode> list_;
};

/// The primitive belongs to one core: no lock, no atomic operation.
struct LocalScope {
    using Lock = NoLock;
    using Waiters = LocalWaiters;
    static constexpr bool is_shared = false;
};

/// The primitive may be used from any core.
struct SharedScope {
    using Lock = SpinLock;
    using Waiters = SharedWaiters;
    static constexpr bool is_shared = true;
};

/// For a node whose remove() said that it was woken: takes it out of the ready queues.
/// What its claim stood for must be passed on by the caller.
inline void discard_wake(WaitNode& node) noexcept {
    Scheduler& scheduler = *current_scheduler;
    if (node.state() == node_state::remote) scheduler.take_fired(*node.task());
    scheduler.blank(node);
    node.take_claim();
}

}  // namespace skerry::task
