// EXPECT: recv_many() into a span assigns messages, which must not throw
// In the middle of a batch there is nowhere to put the rest of it.

#include <skerry/sync/mpsc.hpp>

struct Message {
    Message() = default;
    Message(Message&&) noexcept = default;
    Message& operator=(Message&&) noexcept(false) { return *this; }
};

auto receive(skerry::sync::mpsc::Receiver<Message>& from, std::span<Message> out) { return from.recv_many(out); }
