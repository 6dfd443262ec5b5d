// EXPECT: use of deleted function || call to implicitly-deleted copy constructor
// One frame has one owner.

#include <skerry/task/task.hpp>

skerry::Task<> copy(const skerry::Task<>& task) {
    auto copy = task;
    co_await std::move(copy);
}
