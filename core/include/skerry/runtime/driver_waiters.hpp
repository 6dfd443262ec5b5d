#pragma once

// yield_to_driver: give way until this core's driver was polled.

#include "../task/scheduler.hpp"
#include "../task/wait_queue.hpp"

#include <coroutine>

namespace skerry {

namespace runtime {

/// Tasks of one core that wait for the next poll of its driver.
class DriverWaiters {
public:
    [[nodiscard]] bool empty() const noexcept { return waiters_.empty(); }
    void add(task::WaitNode& node) noexcept { waiters_.add(node); }
    [[nodiscard]] bool remove(task::WaitNode& node) noexcept { return waiters_.remove(node); }

    /// Queues them all, behind what is ready; true when there was one.
    bool release() noexcept {
        bool any = false;
        task::WaitNode* node = nullptr;
        while ((node = waiters_.take_front()) != nullptr) {
            task::current_scheduler->enqueue(*node);
            any = true;
        }
        return any;
    }

private:
    task::LocalWaiters waiters_;
};

/// The waiters of this thread's core; null on a thread that is no core.
inline thread_local constinit DriverWaiters* current_driver_waiters = nullptr;

class YieldToDriverAwaiter : private task::WaitNode {
public:
    YieldToDriverAwaiter() noexcept = default;
    ~YieldToDriverAwaiter() { cancel(); }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        task::current_scheduler->bind(*this, awaiting);
        current_driver_waiters->add(*this);
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept {
        if (state() == task::node_state::idle || current_driver_waiters->remove(*this)) return;
        task::current_scheduler->blank(*this);
    }
    void await_resume() const noexcept {}
};

struct YieldToDriver {
    [[nodiscard]] YieldToDriverAwaiter operator co_await() const noexcept { return {}; }
};

}  // namespace runtime

/// Gives way until this core's driver was polled and everything that was ready before has run. A loop that
/// waits for the outside without an operation of its own uses it.
///
/// Cancel: safe.
/// Cost:   one turn of the loop, so on a kernel backend a system call.
[[nodiscard]] inline runtime::YieldToDriver yield_to_driver() noexcept { return {}; }

}  // namespace skerry
