// EXPECT: discards qualifiers || no member named 'await_ready' in 'skerry::Task<int>'
// A task is awaited once, so who keeps one in a variable says by std::move() that it is used up.

#include <skerry/task/task.hpp>

skerry::Task<int> work();

skerry::Task<int> twice() {
    auto task = work();
    co_return co_await task;
}
