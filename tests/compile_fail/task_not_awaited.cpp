// EXPECT: ignoring returned value of type 'skerry::Task<void>' || ignoring return value
// A task that nobody awaits or spawns would never begin.

#include <skerry/task/task.hpp>

skerry::Task<> work();

skerry::Task<> forget() {
    work();
    co_return;
}
