#pragma once

// Hot path. Room for one waiter, kept whole in the primitive's own line: its node, its header and its core. For
// primitives where at most one task waits, such as the receiver of a channel; see task/wait_queue.hpp for why a
// waker on another core must not have to look into the waiter's frame.

#include "../../task/wait_queue.hpp"

namespace skerry::sync::detail {

template <class Scope>
class OneWaiter;

/// At most one waiter of the core that uses the primitive.
///
/// Threads: that core; a wake elsewhere is asserted in debug builds.
template <>
class OneWaiter<task::LocalScope> {
public:
    [[nodiscard]] bool empty() const noexcept { return node_ == nullptr; }

    /// Registers `node`, which is bound.
    void add(task::WaitNode& node) noexcept {
        node.set_state(task::node_state::linked);
        node_ = &node;
    }

    /// Takes `node` out; false when it was woken meanwhile.
    [[nodiscard]] bool remove(task::WaitNode& node) noexcept {
        if (node_ != &node) return false;
        node_ = nullptr;
        node.set_state(task::node_state::idle);
        return true;
    }

    /// Takes the waiter out and grants it a claim. There must be one. Null: nothing is left to be pushed.
    [[nodiscard]] task::TaskHeader* wake() noexcept {
        task::WaitNode& node = *node_;
        task::check_local(node);
        node_ = nullptr;
        node.give_claim();
        task::current_scheduler->wake(node);
        return nullptr;
    }

private:
    task::WaitNode* node_ = nullptr;
};

/// At most one waiter, of any core.
///
/// Threads: any, one at a time: under the primitive's lock, or in turns that the primitive's state word decides.
template <>
class OneWaiter<task::SharedScope> {
public:
    [[nodiscard]] bool empty() const noexcept { return node_ == nullptr; }

    /// The same, and has `lines` and this one brought in as soon as it is woken.
    void add(task::WaitNode& node, const task::TouchedLines& lines) noexcept {
        add(node);
        core_->wake_lines().expect(*task_, this, lines);
    }
    /// Registers `node`, which is bound. On the waiter's core.
    void add(task::WaitNode& node) noexcept {
        node.set_state(task::node_state::remote);
        node.next = nullptr;
        task_ = node.task();
        core_ = task::current_scheduler;
        node_ = &node;
    }

    /// Takes `node` out; false when it was woken meanwhile. On the waiter's core.
    [[nodiscard]] bool remove(task::WaitNode& node) noexcept {
        if (node_ != &node) return false;
        node_ = nullptr;
        node.set_state(task::node_state::idle);
        return true;
    }

    /// Takes the waiter out and grants it a claim. There must be one. Gives the header that the caller has to push
    /// into its inbox after the unlock, or null.
    [[nodiscard]] task::TaskHeader* wake() noexcept {
        task::WaitNode& node = *node_;
        node_ = nullptr;
        if (core_ != task::current_scheduler) return fire(node);
        node.give_claim();
        core_->wake(node);
        return nullptr;
    }

private:
    SKERRY_NOINLINE task::TaskHeader* fire(task::WaitNode& node) noexcept {
        task::TaskHeader& header = *task_;
        prefetch_write(&header);
        core_->prefetch_inbox();
        return task::Scheduler::fire(header, node) ? &header : nullptr;
    }

    task::WaitNode* node_ = nullptr;
    task::TaskHeader* task_ = nullptr;
    task::Scheduler* core_ = nullptr;
};

/// Pushes what OneWaiter::wake() gave. After the unlock.
inline void push(task::TaskHeader* header) noexcept {
    if (header != nullptr) task::Scheduler::push(*header);
}

}  // namespace skerry::sync::detail
