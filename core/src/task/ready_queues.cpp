// The queues of what is ready, full: the ring of those that were woken and the stack of those that have not started.

#include "live_task.hpp"

#include <skerry/task/scheduler.hpp>

#include <new>
#include <utility>

namespace skerry::task {

namespace {

// A draw for a swap, splitmix64: any order of the elements may come of them.
std::uint32_t below(std::uint32_t bound, std::uint64_t& state) noexcept {
    std::uint64_t mixed = state += 0x9e37'79b9'7f4a'7c15U;
    mixed = (mixed ^ mixed >> 30U) * 0xbf58'476d'1ce4'e5b9U;
    mixed = (mixed ^ mixed >> 27U) * 0x94d0'49bb'1331'11ebU;
    return static_cast<std::uint32_t>((mixed ^ mixed >> 31U) % bound);
}

}  // namespace

// The one in the next slot is as ready as all others; those that have spilled keep their places.
void Scheduler::shuffle(std::uint64_t seed) noexcept {
    if (next_ != nullptr) enqueue(*std::exchange(next_, nullptr));
    next_runs_ = 0;
    for (std::uint32_t left = ring_tail_ - ring_head_; left > 1; --left) {
        const std::uint32_t at = ring_head_ + left - 1;
        const std::uint32_t other = ring_head_ + below(left, seed);
        std::swap(ring_[at & ring_mask_], ring_[other & ring_mask_]);
        for (const std::uint32_t place : {at, other})  // null: its awaiter was destroyed while it was queued
            if (WaitNode* const node = ring_[place & ring_mask_]; node != nullptr) node->set_ring_index(place);
    }
    for (std::uint32_t left = unstarted_tail_ - unstarted_head_; left > 1; --left)
        std::swap(unstarted_[(unstarted_head_ + left - 1) & unstarted_mask_],
                  unstarted_[(unstarted_head_ + below(left, seed)) & unstarted_mask_]);
    stack_turn_ = below(2, seed) != 0;
}

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
