// EXPECT: the result of a Task moves without throwing
// It is moved out of the frame after the coroutine has ended, where nobody could catch.

#include <skerry/task/task.hpp>

struct Value {
    Value() = default;
    Value(Value&&) noexcept(false) {}
};

skerry::Task<Value> work() { co_return Value(); }
