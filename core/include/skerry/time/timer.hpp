#pragma once

// Hot path. The timers of one core: a wheel of awaiter nodes, and where sleeping awaiters find it.

#include "instant.hpp"
#include "wheel.hpp"

#include "../task/scheduler.hpp"

#include <cstddef>
#include <cstdint>

namespace skerry::time {

/// The waiting part of an awaiter that a deadline wakes. 40 bytes, inside the awaiting frame.
struct TimerNode : task::WaitNode {
    std::int64_t deadline_ns = 0;
};

/// What wakes the sleepers of one core.
///
/// Threads: that core.
class CoreTimers {
public:
    explicit CoreTimers(Instant start) noexcept : wheel_(start), turn_time_(start) {}

    /// Links `node`, which is bound, until its deadline.
    void arm(TimerNode& node) noexcept {
        node.set_state(task::node_state::linked);
        wheel_.insert(node);
    }

    void disarm(TimerNode& node) noexcept {
        wheel_.remove(node);
        node.set_state(task::node_state::idle);
    }

    /// Queues every node whose deadline has come; returns how many.
    std::size_t fire(Instant now) noexcept {
        turn_time_ = now;
        return wheel_.advance(now, [](TimerNode& node) { task::current_scheduler->enqueue(node); });
    }

    /// The time of the running turn: a deadline at or before it has surely come.
    [[nodiscard]] Instant turn_time() const noexcept { return turn_time_; }

    /// When to look again: never later than the first deadline.
    [[nodiscard]] Instant next_deadline() noexcept { return wheel_.next_deadline(); }

private:
    BasicWheel<TimerNode> wheel_;
    Instant turn_time_;
};

/// The timers of this thread's core; null on a thread that is no core.
inline thread_local constinit CoreTimers* current_timers = nullptr;

}  // namespace skerry::time
