// EXPECT: select() needs a branch

#include <skerry/task/select.hpp>

skerry::Task<> wait() { co_await skerry::select(); }
