// EXPECT: a message must not throw when it is moved or destroyed
// Where a channel moves a message, its sender may be on another core, and nobody there could catch.

#include <skerry/sync/mpsc.hpp>

struct Message {
    Message() = default;
    Message(Message&&) noexcept(false) {}
};

auto make() { return skerry::sync::mpsc::channel<Message>(8); }
