// The queues of what is ready, full: the ring of those that were woken and the stack of those that have not started.

#include "live_task.hpp"

#include <skerry/task/scheduler.hpp>

#include <new>

namespace skerry::task {

// Full, or something has spilled and this must not overtake it. A wake cannot fail: whoever calls it may be a backend
// that has no one to tell. So without memory for a larger ring the node waits in a list until the ring has room.
void Scheduler::enqueue_slow(WaitNode& node) noexcept {
    take_spilled();
    if (spilled_.empty() && (ring_tail_ - ring_head_ <= ring_mask_ || grow_ring())) return push_ring(node);
    SchedulerCounters::add(counters_.spills);
    ring_limit_ = 0;
    node.set_state(node_state::queued);
    spilled_.push_back(node);
}

void Scheduler::take_spilled() noexcept {
    while (ring_tail_ - ring_head_ <= ring_mask_ && !spilled_.empty()) push_ring(*spilled_.pop_front());
}

// What had spilled goes where it belongs, as far as there is room.
void Scheduler::take_back() noexcept {
    take_spilled();
    if (unplaced_ != 0) place_unstarted();
    if (spilled_.empty() && unplaced_ == 0) ring_limit_ = ring_mask_ + 1;
}

bool Scheduler::grow_ring() noexcept {
    // Indices only ever grow and are masked on use, so those kept in nodes stay valid.
    const std::uint32_t mask = ring_mask_ * 2 + 1;
    auto** ring = new (std::nothrow) WaitNode*[std::size_t{mask} + 1];
    if (ring == nullptr) return false;
    for (std::uint32_t i = ring_head_; i != ring_tail_; ++i) ring[i & mask] = ring_[i & ring_mask_];
    delete[] ring_;
    ring_ = ring;
    ring_mask_ = mask;
    if (unplaced_ == 0) ring_limit_ = mask + 1;
    return true;
}

// Full, or tasks are unplaced and this one must not overtake them. A spawn cannot fail either: whoever calls it has the
// frame already. So without memory for a larger stack the task is marked, and found again by a walk through the slab.
void Scheduler::push_unstarted_slow(TaskHeader& task) noexcept {
    if (unplaced_ == 0 && grow_unstarted()) {
        unstarted_[unstarted_tail_++ & unstarted_mask_] = &task;
        return;
    }
    SchedulerCounters::add(counters_.spills);
    ring_limit_ = 0;
    unstarted_limit_ = 0;
    task.state |= task_state::unplaced;
    ++unplaced_;
}

void Scheduler::place_unstarted() noexcept {
    if (unstarted_tail_ - unstarted_head_ + unplaced_ > unstarted_mask_) static_cast<void>(grow_unstarted());
    const auto place = [this](TaskHeader& task) {
        if (!task.has(task_state::unplaced) || unstarted_tail_ - unstarted_head_ > unstarted_mask_) return;
        task.state &= static_cast<std::uint16_t>(~task_state::unplaced);
        --unplaced_;
        unstarted_[--unstarted_head_ & unstarted_mask_] = &task;  // where the oldest are
    };
    slab_.for_each_block([&](TaskHeader& block) {
        if (is_live_here(block, home_)) place(block);
    });
    for (TaskHeader* task : adopted_) place(*task);
    if (unplaced_ == 0) unstarted_limit_ = unstarted_mask_ + 1;
}

bool Scheduler::grow_unstarted() noexcept {
    const std::uint32_t mask = unstarted_mask_ * 2 + 1;
    auto** stack = new (std::nothrow) TaskHeader*[std::size_t{mask} + 1];
    if (stack == nullptr) return false;
    for (std::uint32_t i = unstarted_head_; i != unstarted_tail_; ++i)
        stack[i & mask] = unstarted_[i & unstarted_mask_];
    delete[] unstarted_;
    unstarted_ = stack;
    unstarted_mask_ = mask;
    if (unplaced_ == 0) unstarted_limit_ = mask + 1;
    return true;
}

}  // namespace skerry::task
