// EXPECT: a message must not throw when it is moved or destroyed

#include <skerry/sync/oneshot.hpp>

struct Message {
    Message() = default;
    Message(Message&&) noexcept(false) {}
};

auto make() { return skerry::sync::oneshot::channel<Message>(); }
