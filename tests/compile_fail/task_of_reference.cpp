// EXPECT: a Task gives a value; return a pointer to share an object

#include <skerry/task/task.hpp>

skerry::Task<int&> work();

skerry::Task<> await() { co_await work(); }
