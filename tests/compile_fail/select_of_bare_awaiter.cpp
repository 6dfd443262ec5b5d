// EXPECT: this awaitable cannot be a branch: its awaiter has no is_complete() and cancel()
// What cannot be taken back must not lose to another branch.

#include <skerry/task/select.hpp>

#include <coroutine>

struct Forever {
    std::suspend_always operator co_await() const noexcept { return {}; }
};

skerry::Task<> wait() { co_await skerry::select(Forever()); }
