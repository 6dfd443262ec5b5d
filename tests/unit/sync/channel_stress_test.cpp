// Two real threads, each polling a scheduler, pass messages and cancel each other's operations. Bounded in count, not
// in time; made for ThreadSanitizer and AddressSanitizer.

#include <skerry/sync/mpsc.hpp>
#include <skerry/sync/oneshot.hpp>

#include "channel_support.hpp"

#include "support/catch.hpp"

#include <skerry/task/join_handle.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/yield.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace skerry;
using skerry::test_support::TestCore;
namespace mpsc = skerry::sync::mpsc;
namespace oneshot = skerry::sync::oneshot;

namespace {

constexpr int senders = 4;

struct Ask {
    int number = 0;
    std::optional<oneshot::Sender<int>> reply;
};

/// What all tasks of a case share; results are looked at by the main thread when both threads are gone.
struct Shared {
    std::atomic<int> tasks_left{0};
    std::atomic<bool> in_order{true};
    std::int64_t received = 0;  // the receiver's
    std::atomic<std::int64_t> sent{0};
    std::atomic<std::int64_t> replies{0};
    std::atomic<std::int64_t> refused{0};
};

/// Takes part in Shared::tasks_left while it lives: also when the task is aborted.
class Present {
public:
    explicit Present(Shared& shared) noexcept : shared_(shared) {}
    Present(const Present&) = delete;
    Present& operator=(const Present&) = delete;
    ~Present() { shared_.tasks_left.fetch_sub(1); }

private:
    Shared& shared_;
};

Task<> numbers(mpsc::Sender<int> tx, int sender, int count, Shared& shared) {
    const Present present(shared);
    for (int i = 0; i != count; ++i) {
        if (i % 5 == 0) {
            // A send that is given up now and then; it may have been sent before the other branch won.
            auto winner = co_await select(tx.send(sender + senders * i), yield_now());
            if (winner.index() == 0) {
                shared.sent.fetch_add(1);
                continue;
            }
        }
        if (i % 7 == 0) {
            auto permit = co_await tx.reserve();
            if (i % 2 == 0) permit->send(sender + senders * i);
            shared.sent.fetch_add(i % 2 == 0 ? 1 : 0);
        } else if (const Result<> result = co_await tx.send(sender + senders * i); result) {
            shared.sent.fetch_add(1);
        }
    }
}

Task<> collect(mpsc::Receiver<int> rx, Shared& shared) {
    const Present present(shared);
    std::array<int, senders> last;
    last.fill(-1);
    std::vector<int> batch;
    for (unsigned turn = 0;; ++turn) {
        batch.clear();
        if (turn % 3 == 0) {
            auto winner = co_await select(rx.recv(), yield_now());
            if (winner.index() == 1) continue;
            auto& value = std::get<0>(winner);
            if (!value) break;
            batch.push_back(*value);
        } else if (turn % 3 == 1) {
            auto value = co_await rx.recv();
            if (!value) break;
            batch.push_back(*value);
        } else {
            auto count = co_await rx.recv_many(batch, 16);
            if (!count) break;
        }
        for (const int value : batch) {
            auto& previous = last[static_cast<std::size_t>(value % senders)];
            if (value / senders <= previous) shared.in_order = false;
            previous = value / senders;
            ++shared.received;
        }
    }
}

Task<> answer(mpsc::UnboundedReceiver<Ask> rx, Shared& shared) {
    const Present present(shared);
    while (auto ask = co_await rx.recv()) {
        if (ask->number % 3 == 0) co_await yield_now();
        if (ask->number % 5 == 0) continue;  // the reply's sender is dropped
        if (!ask->reply->send(ask->number + 1)) shared.refused.fetch_add(1);
    }
}

Task<> ask_many(mpsc::UnboundedSender<Ask> tx, int count, Shared& shared) {
    const Present present(shared);
    for (int i = 0; i != count; ++i) {
        auto [reply_tx, reply_rx] = oneshot::channel<int>();
        Ask ask{i, std::move(reply_tx)};
        const Result<> sent = tx.send(std::move(ask));
        if (!sent) co_return;
        if (i % 4 == 0) {
            auto winner = co_await select(reply_rx, yield_now());
            if (winner.index() == 1) {
                reply_rx.close();
                if (reply_rx.try_recv().has_value()) shared.replies.fetch_add(1);
                continue;
            }
            if (std::get<0>(winner).has_value()) shared.replies.fetch_add(1);
            continue;
        }
        auto reply = co_await reply_rx;
        if (reply.has_value()) shared.replies.fetch_add(1);
        if (reply.has_value() != (i % 5 != 0)) shared.in_order = false;
    }
}

void poll_until_done(TestCore& core, Shared& shared) {
    while (shared.tasks_left.load() != 0) {
        if (core.step() == 0) std::this_thread::yield();
    }
}

}  // namespace

TEST_CASE("two threads pass numbers through small channels and lose none", "[sync][mpsc][stress]") {
    for (const std::size_t capacity : {1U, 3U, 64U}) {
        constexpr int count = 3000;
        TestCore a;
        TestCore b(2);
        Shared shared;
        shared.tasks_left = senders + 1;
        {
            auto [tx, rx] = mpsc::channel<int>(capacity);
            a.start(collect(std::move(rx), shared)).detach();
            for (int i = 0; i != senders; ++i) (i == 0 ? a : b).start(numbers(tx, i, count, shared)).detach();
        }
        std::thread other([&] { poll_until_done(b, shared); });
        poll_until_done(a, shared);
        other.join();
        a.run_until_idle();
        b.run_until_idle();
        CHECK(shared.in_order);
        CHECK(shared.received == shared.sent);
        CHECK(shared.received > 0);
    }
}

TEST_CASE("two threads ask and answer through an unbounded channel and oneshots", "[sync][oneshot][stress]") {
    constexpr int count = 10'000;
    TestCore a;
    TestCore b(2);
    Shared shared;
    shared.tasks_left = 3;
    {
        auto [tx, rx] = mpsc::unbounded<Ask>();
        a.start(answer(std::move(rx), shared)).detach();
        b.start(ask_many(tx, count, shared)).detach();
        b.start(ask_many(tx, count, shared)).detach();
    }
    std::thread other([&] { poll_until_done(b, shared); });
    poll_until_done(a, shared);
    other.join();
    a.run_until_idle();
    b.run_until_idle();
    CHECK(shared.in_order);
    // Every answer that was not refused has arrived.
    CHECK(shared.replies + shared.refused == 2 * count - 2 * count / 5);
}
