#pragma once

// Hot path. How a core runs what is ready, for the loops that compile it into their turn.

#include "scheduler.hpp"

namespace skerry::task {

// What a resume leaves for the loop: the successor to hand over to, and the end of the task.
SKERRY_ALWAYS_INLINE void Scheduler::settle() noexcept {
#if SKERRY_HAND_OVER
    while (handed_over_) std::exchange(handed_over_, nullptr).resume();
#endif
    if (finish_ != nullptr) std::exchange(finish_, nullptr)(*this, *current_);
}

SKERRY_ALWAYS_INLINE void Scheduler::resume(TaskHeader& task, std::coroutine_handle<> coroutine) noexcept {
    current_ = &task;
    budget_ = limits_.task_budget;
    if (hooks_ != nullptr) [[unlikely]]
        return resume_hooked(id_of(task), coroutine);
    coroutine.resume();
    settle();
}

// `state` is where the node has stood until now.
SKERRY_ALWAYS_INLINE void Scheduler::resume(WaitNode& node, std::uintptr_t state) noexcept {
    SKERRY_DEBUG_ASSERT(node.state() == state, "a node is resumed from where it does not stand");
    TaskHeader& task = *node.task();
    node.task_and_state -= state;  // idle, and whatever stands beside the state stays
    resume(task, node.continuation);
}

SKERRY_ALWAYS_INLINE void Scheduler::start_now(TaskHeader& task) noexcept {
    task.state &= static_cast<std::uint16_t>(~task_state::unstarted);
    if (task.has(task_state::cancelled)) [[unlikely]] {
        kill(task);
        return;
    }
    resume(task, task.coroutine());
}

SKERRY_ALWAYS_INLINE bool Scheduler::run_one() noexcept {
    WaitNode* node = next_;
    if (node != nullptr) {
        next_ = nullptr;
        if (++next_runs_ <= limits_.next_slot_runs) [[likely]] {
            resume(*node, node_state::next);
            return true;
        }
        enqueue(*node);
    }
    next_runs_ = 0;
    for (;;) {
        const bool stack_has_work = unstarted_head_ != unstarted_tail_;
        if (stack_has_work && (stack_turn_ || ring_head_ == ring_tail_)) {
            stack_turn_ = false;
            const bool oldest = ++starts_ >= limits_.oldest_interval;
            if (oldest) starts_ = 0;
            TaskHeader* task = oldest ? unstarted_[unstarted_head_++ & unstarted_mask_]
                                      : unstarted_[--unstarted_tail_ & unstarted_mask_];
            start_now(*task);
            return true;
        }
        if (ring_head_ == ring_tail_) return false;
        stack_turn_ = stack_has_work;
        node = ring_[ring_head_++ & ring_mask_];
        if (node == nullptr) [[unlikely]]
            continue;  // its awaiter was destroyed while it was queued
        resume(*node, node_state::queued);
        return true;
    }
}

// What was woken last may be all there is, as where messages come one at a time: then nothing else is looked at twice,
// nor anything but the next slot at all.
SKERRY_ALWAYS_INLINE bool Scheduler::run_inlined(unsigned count) noexcept {
    if (next_ == nullptr || next_runs_ >= limits_.next_slot_runs) return run_rest(count, 0);
    resume(*std::exchange(next_, nullptr), node_state::next);
    if (has_ready()) return run_rest(count, 1);
    next_runs_ = 0;
    SchedulerCounters::add(counters_.resumed);
    current_ = nullptr;
    return false;
}

}  // namespace skerry::task
