// model sources: core/src/task/scheduler.cpp core/src/task/promise.cpp core/src/task/slab.cpp
//
// The shared mpsc channel: no message is lost or doubled, a waiting end is woken, a claim that is given up goes on to
// the next. What this cannot show is the pair of sequentially consistent accesses to `head` and `waiting`.

#include "channel_model.hpp"

#include <skerry/sync/mpsc.hpp>

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace {

using namespace skerry;
using skerry::test_support::TestCore;
using Message = model::Message;
using Numbers = std::vector<int>;
namespace mpsc = skerry::sync::mpsc;

struct State {
    TestCore a;  // the receiver's
    TestCore b{2};
    TestCore c{3};
    std::optional<mpsc::Sender<Message>> tx;
    std::optional<mpsc::Receiver<Message>> rx;
    Numbers got;
    int sent = 0;

    explicit State(std::size_t capacity) {
        model::cores_are_per_thread();
        auto [sender, receiver] = mpsc::channel<Message>(capacity);
        tx.emplace(std::move(sender));
        rx.emplace(std::move(receiver));
    }

    void fill(int value) {
        const Result<> done = tx->try_send(Message(value));
        MODEL_ASSERT(done.has_value());
    }

    void take_rest() {
        while (auto message = rx->try_recv()) got.push_back(message->value());
    }
};

Task<> send(mpsc::Sender<Message> tx, int first, int count, int& sent) {
    for (int i = 0; i != count; ++i) {
        const Result<> done = co_await tx.send(Message(first + i));
        if (!done) co_return;
        ++sent;
    }
}

Task<> receive(State& s, int count) {
    for (int i = 0; i != count; ++i) {
        auto message = co_await s.rx->recv();
        if (!message) co_return;
        s.got.push_back(message->value());
    }
}

/// One slot: the second send waits for it.
void two_messages_through_one_slot() {
    State s(1);
    model::start(s.a, [&] { return receive(s, 3); }).detach();
    model::start(s.b, [&] { return send(*s.tx, 1, 2, s.sent); }).detach();
    s.tx.reset();
    model::thread([&] { model::poll(s.a); });
    model::thread([&] { model::poll(s.b); });
    model::join_all();
    MODEL_ASSERT((s.got == Numbers{1, 2}));
}

void two_senders_for_one_slot() {
    State s(1);
    int also_sent = 0;
    model::start(s.a, [&] { return receive(s, 3); }).detach();
    model::start(s.b, [&] { return send(*s.tx, 1, 1, s.sent); }).detach();
    model::start(s.c, [&] { return send(*s.tx, 2, 1, also_sent); }).detach();
    s.tx.reset();
    model::thread([&] { model::poll(s.a); });
    model::thread([&] { model::poll(s.b); });
    model::thread([&] { model::poll(s.c); });
    model::join_all();
    MODEL_ASSERT((s.got == Numbers{1, 2} || s.got == Numbers{2, 1}));
}

/// A waiting recv is aborted while a message is on its way: the message stays.
void message_against_cancelled_recv() {
    State s(2);
    model::thread([&] {
        auto reader = model::start(s.a, [&] { return receive(s, 1); });
        s.a.step(1);
        s.a.in([&] { reader.abort(); });
        model::poll(s.a);
        if (!s.got.empty()) return;
        model::start(s.a, [&] { return receive(s, 1); }).detach();
        model::poll(s.a);
    });
    model::thread([&] {
        model::start(s.b, [&] { return send(*s.tx, 1, 1, s.sent); }).detach();
        model::poll(s.b);
    });
    model::join_all();
    MODEL_ASSERT((s.got == Numbers{1}));
}

/// The first of two waiting senders is aborted while the slot is freed: the second one gets it, or both.
void slot_against_cancelled_sender() {
    State s(1);
    int also_sent = 0;
    s.fill(0);
    auto doomed = model::start(s.b, [&] { return send(*s.tx, 1, 1, s.sent); });
    s.b.step(1);
    model::start(s.c, [&] { return send(*s.tx, 2, 1, also_sent); }).detach();
    s.c.step(1);
    model::start(s.a, [&] { return receive(s, 1); }).detach();
    model::thread([&] { model::poll(s.a); });
    model::thread([&] {
        s.b.in([&] { doomed.abort(); });
        model::poll(s.b);
    });
    model::join_all();
    if (s.sent != 0) s.a.in([&] { s.take_rest(); });  // it was sent before the abort: one more slot is needed
    s.c.run_until_idle();
    MODEL_ASSERT(also_sent == 1, "the slot went on to the next sender");
    s.take_rest();
    MODEL_ASSERT((s.got == (s.sent == 0 ? Numbers{0, 2} : Numbers{0, 1, 2})));
}

/// close() against a sender that waits and one that has room.
void close_against_send() {
    State s(1);
    if (model::choose(2) == 1) s.fill(0);
    model::start(s.b, [&] { return send(*s.tx, 1, 2, s.sent); }).detach();
    model::thread([&] {
        s.a.in([&] {
            auto first = s.rx->try_recv();
            if (first) s.got.push_back(first->value());
            s.rx->close();
        });
    });
    model::thread([&] { model::poll(s.b); });
    model::join_all();
    s.take_rest();
    int arrived = 0;
    for (const int value : s.got) arrived += value != 0 ? 1 : 0;
    MODEL_ASSERT(arrived == s.sent, "what was sent arrives, what was refused does not");
    MODEL_ASSERT(s.rx->try_recv().error() == Errc::closed);
}

/// The receiver goes while messages come in: all are destroyed.
void receiver_end_against_send() {
    State s(1);
    model::start(s.b, [&] { return send(*s.tx, 1, 2, s.sent); }).detach();
    model::thread([&] { s.a.in([&] { s.rx.reset(); }); });
    model::thread([&] { model::poll(s.b); });
    model::join_all();
}

/// The last permit of a closed channel, used or dropped, against a recv.
void permit_against_recv() {
    const bool use = model::choose(2) == 1;
    State s(1);
    auto reserved = s.tx->try_reserve();
    MODEL_ASSERT(reserved.has_value());
    std::optional permit(std::move(*reserved));
    s.rx->close();
    model::start(s.a, [&] { return receive(s, 2); }).detach();
    model::thread([&] { model::poll(s.a); });
    model::thread([&] {
        s.b.in([&] {
            if (use) permit->send(Message(1));
            permit.reset();
        });
    });
    model::join_all();
    MODEL_ASSERT(s.got.size() == (use ? 1U : 0U));
}

/// Messages across the edge of a block, with a block that comes back at the same time.
void unbounded_across_blocks() {
    model::cores_are_per_thread();
    TestCore a;
    TestCore b(2);
    auto made = mpsc::unbounded<Message>();
    std::optional tx(std::move(made.first));
    auto& rx = made.second;
    int next = 0;
    const auto push = [&] {
        const Result<> done = tx->send(Message(next++));
        MODEL_ASSERT(done.has_value());
    };
    for (int i = 0; i != 31; ++i) push();  // the first block is full
    int expected = 0;
    for (; expected != 30; ++expected) MODEL_ASSERT(rx.try_recv()->value() == expected);
    struct Cases {
        static Task<> receive(mpsc::UnboundedReceiver<Message>& from, int& expected) {
            while (auto message = co_await from.recv()) {
                MODEL_ASSERT(message->value() == expected, "in order");
                ++expected;
            }
        }
    };
    model::start(a, [&] { return Cases::receive(rx, expected); }).detach();
    model::thread([&] { model::poll(a); });
    model::thread([&] {
        b.in([&] {
            push();
            push();
            tx.reset();
        });
    });
    model::join_all();
    MODEL_ASSERT(expected == 33);
}

}  // namespace

int main() {
    model::Suite suite;
    suite.expect_pass("two messages through one slot", {}, [] { two_messages_through_one_slot(); });
    suite.expect_pass("two senders for one slot", {}, [] { two_senders_for_one_slot(); });
    suite.expect_pass("a message against a cancelled recv", {}, [] { message_against_cancelled_recv(); });
    suite.expect_pass("a slot against a cancelled sender", {}, [] { slot_against_cancelled_sender(); });
    suite.expect_pass("close() against sends", {}, [] { close_against_send(); });
    suite.expect_pass("the receiver's end against sends", {}, [] { receiver_end_against_send(); });
    suite.expect_pass("the last permit against a recv", {}, [] { permit_against_recv(); });
    suite.expect_pass("unbounded messages across blocks", {}, [] { unbounded_across_blocks(); });
    return suite.exit_code();
}
