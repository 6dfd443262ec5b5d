// model sources: core/src/task/scheduler.cpp core/src/task/promise.cpp core/src/task/slab.cpp
//
// The word of a oneshot channel: a value arrives or stays with its sender, never both and never neither; whoever waits
// is woken or taken back; the shared object is freed once.

#include "channel_model.hpp"

#include <skerry/sync/oneshot.hpp>

#include <optional>
#include <utility>

namespace {

using namespace skerry;
using skerry::test_support::TestCore;
using Message = model::Message;
using Tx = sync::oneshot::Sender<Message>;
using Rx = sync::oneshot::Receiver<Message>;

struct State {
    TestCore a;
    TestCore b{2};
    std::optional<Tx> tx;
    std::optional<Rx> rx;
    std::optional<Result<Message>> got;
    std::optional<Result<>> sent;
    bool told_closed = false;

    State() {
        model::cores_are_per_thread();
        auto [sender, receiver] = sync::oneshot::channel<Message>();
        tx.emplace(std::move(sender));
        rx.emplace(std::move(receiver));
    }

    [[nodiscard]] bool has_got() const { return got.has_value() && got->has_value(); }
};

Task<> receive(State& s) { s.got = co_await *s.rx; }

Task<> wait_for_close(State& s) {
    co_await s.tx->closed();
    s.told_closed = true;
}

void send(State& s) {
    Message message(7);
    s.sent = s.b.in([&] { return s.tx->send(std::move(message)); });
    MODEL_ASSERT(s.sent->has_value() != message.has_value(), "a refused value stays with its sender");
}

void send_against_recv() {
    State s;
    auto reader = model::start(s.a, [&] { return receive(s); });
    model::thread([&] { model::poll(s.a); });
    model::thread([&] { send(s); });
    model::join_all();
    MODEL_ASSERT(s.has_got() && (*s.got)->value() == 7);
    MODEL_ASSERT(reader.is_finished());
}

void drop_against_recv() {
    State s;
    model::start(s.a, [&] { return receive(s); }).detach();
    model::thread([&] { model::poll(s.a); });
    model::thread([&] { s.b.in([&] { s.tx.reset(); }); });
    model::join_all();
    MODEL_ASSERT(s.got.has_value() && s.got->error() == Errc::closed);
}

/// The recv is aborted where it waits, is being woken or is queued; another one gets the value.
void send_against_cancelled_recv() {
    State s;
    model::thread([&] {
        auto reader = model::start(s.a, [&] { return receive(s); });
        s.a.step(1);
        s.a.in([&] { reader.abort(); });
        model::poll(s.a);
        if (s.has_got()) return;
        model::start(s.a, [&] { return receive(s); }).detach();
        model::poll(s.a);
    });
    model::thread([&] { send(s); });
    model::join_all();
    MODEL_ASSERT(s.has_got() && (*s.got)->value() == 7);
}

void send_against_close() {
    State s;
    model::thread([&] {
        s.a.in([&] {
            s.rx->close();
            s.got = s.rx->try_recv();
        });
    });
    model::thread([&] { send(s); });
    model::join_all();
    MODEL_ASSERT(s.sent->has_value() == s.has_got(), "after close() a value is there or was refused");
}

/// Both ends go at once, with and without a value: freed once, nothing leaks.
void end_against_end() {
    const bool sends = model::choose(2) == 1;
    State s;
    model::thread([&] { s.a.in([&] { s.rx.reset(); }); });
    model::thread([&] {
        if (sends) send(s);
        s.b.in([&] { s.tx.reset(); });
    });
    model::join_all();
}

/// closed() against the receiver's end; `cancel`: it is aborted and awaited again.
void receiver_end_against_closed() {
    const bool drop = model::choose(2) == 1;
    const bool cancel = model::choose(2) == 1;
    State s;
    model::thread([&] {
        auto watcher = model::start(s.b, [&] { return wait_for_close(s); });
        if (cancel) {
            s.b.step(1);
            s.b.in([&] { watcher.abort(); });
            model::poll(s.b);
            if (!s.told_closed) model::start(s.b, [&] { return wait_for_close(s); }).detach();
        }
        model::poll(s.b);
        s.b.in([&] { s.tx.reset(); });
    });
    model::thread([&] {
        s.a.in([&] {
            if (!drop) s.rx->close();
            s.rx.reset();
        });
    });
    model::join_all();
    MODEL_ASSERT(s.told_closed);
}

}  // namespace

int main() {
    model::Suite suite;
    suite.expect_pass("a value against a recv", {.preemptions_max = 3}, [] { send_against_recv(); });
    suite.expect_pass("a dropped sender against a recv", {.preemptions_max = 3}, [] { drop_against_recv(); });
    suite.expect_pass("a value against a cancelled recv", {.preemptions_max = 3},
                      [] { send_against_cancelled_recv(); });
    suite.expect_pass("a value against close()", {.preemptions_max = 3}, [] { send_against_close(); });
    suite.expect_pass("one end's end against the other's", {.preemptions_max = 3}, [] { end_against_end(); });
    suite.expect_pass("the receiver's end against closed()", {.preemptions_max = 3},
                      [] { receiver_end_against_closed(); });
    return suite.exit_code();
}
