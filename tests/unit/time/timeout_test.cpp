#include "support/catch.hpp"

#include <skerry/time/timeout.hpp>

#include <skerry/sync/notify.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/testing/runtime.hpp>

#include <chrono>
#include <string>
#include <tuple>

namespace skerry {
namespace {

using namespace std::chrono_literals;

Task<int> answer_after(std::chrono::nanoseconds duration) {
    co_await time::sleep(duration);
    co_return 42;
}

Task<Result<std::string>> fails_after(std::chrono::nanoseconds duration) {
    co_await time::sleep(duration);
    co_return Errc::connection_reset;
}

struct SetOnExit {
    bool* flag;
    explicit SetOnExit(bool& f) noexcept : flag(&f) {}
    SetOnExit(const SetOnExit&) = delete;
    SetOnExit& operator=(const SetOnExit&) = delete;
    ~SetOnExit() { *flag = true; }
};

TEST_CASE("an operation that ends in time gives its value", "[time][timeout]") {
    testing::Runtime rt;
    const time::Instant before = rt.now();
    CHECK(rt.run(time::timeout(2s, answer_after(1s))).value() == 42);
    CHECK(rt.now() - before == 1s);
}

TEST_CASE("an operation that is late gives timed_out at the deadline and not before", "[time][timeout]") {
    testing::Runtime rt;
    auto timed = rt.start(time::timeout(1s, answer_after(2s)));
    rt.advance(1s - 1ns);
    CHECK_FALSE(timed.is_done());
    rt.advance(1ns);
    REQUIRE(timed.is_done());
    CHECK(timed.take().error() == Errc::timed_out);
}

TEST_CASE("an operation's own error comes through", "[time][timeout]") {
    testing::Runtime rt;
    CHECK(rt.run(time::timeout(2s, fails_after(1s))).error() == Errc::connection_reset);
}

TEST_CASE("the operation is destroyed before timed_out is returned", "[time][timeout][cancel]") {
    testing::Runtime rt;
    bool destroyed = false;
    const bool before_the_return = rt.run([&destroyed]() -> Task<bool> {
        auto slow = [](bool& flag) -> Task<> {
            const SetOnExit on_exit(flag);
            co_await time::sleep(1h);
        };
        auto outcome = co_await time::timeout(1s, slow(destroyed));
        co_return !outcome && destroyed;
    });
    CHECK(before_the_return);
}

TEST_CASE("an operation that ended in time is destroyed while others of a join go on", "[time][timeout]") {
    testing::Runtime rt;
    bool destroyed = false;
    const bool seen = rt.run([&destroyed]() -> Task<bool> {
        auto quick = [](bool& flag) -> Task<Result<int>> {
            const SetOnExit on_exit(flag);
            co_await time::sleep(1s);
            co_return co_await ok(Result<int>(Errc::closed));  // which leaves the local to whoever destroys the Task
        };
        auto look = [](const bool& flag) -> Task<bool> {
            co_await time::sleep(2s);
            co_return flag;
        };
        auto both = co_await join(time::timeout(1h, quick(destroyed)), look(destroyed));
        co_return std::get<1>(both);
    });
    CHECK(seen);
}

TEST_CASE("with no time at all a ready operation wins", "[time][timeout]") {
    testing::Runtime rt;
    CHECK(rt.run(time::timeout(0s, answer_after(0s))).value() == 42);
    CHECK(rt.run(time::timeout(-1h, answer_after(0s))).value() == 42);
    CHECK(rt.run(time::timeout_at(time::Instant::from_nanos(0), time::sleep(0s))));
    sync::Notify notify;
    notify.notify_one();
    CHECK(rt.run(time::timeout(0s, notify.notified())));
}

TEST_CASE("with no time at all an operation that waits is timed out without the clock moving", "[time][timeout]") {
    testing::Runtime rt;
    const time::Instant before = rt.now();
    CHECK(rt.run(time::timeout(0s, answer_after(1ns))).error() == Errc::timed_out);
    CHECK(rt.now() == before);
}

TEST_CASE("an operation and its deadline of one instant give the operation's value", "[time][timeout]") {
    testing::Runtime rt;
    CHECK(rt.run(time::timeout(1s, time::sleep(1s))));
}

TEST_CASE("timeout_at counts to an instant, and gives the operation's error, timed_out, or nothing when dropped",
          "[time][timeout][cancel]") {
    testing::Runtime rt;
    const time::Instant deadline = rt.now() + 2s;
    CHECK(rt.run(time::timeout_at(deadline, fails_after(1s))).error() == Errc::connection_reset);
    CHECK(rt.run(time::timeout_at(deadline, answer_after(1h))).error() == Errc::timed_out);
    CHECK(rt.now() == deadline);
    sync::Notify notify;
    auto dropped = rt.start(time::timeout_at(deadline + 1s, notify.notified()));
    dropped.cancel();
    notify.notify_one();
    CHECK(rt.run(time::timeout(0s, notify.notified())));
    CHECK(rt.live_tasks() == 0);
}

TEST_CASE("the longest timeout does not overflow", "[time][timeout]") {
    testing::Runtime rt;
    CHECK(rt.run(time::timeout(std::chrono::hours::max(), answer_after(24h))).value() == 42);
}

TEST_CASE("timeouts nest and the shorter one wins", "[time][timeout]") {
    testing::Runtime rt;
    const time::Instant before = rt.now();
    CHECK(rt.run(time::timeout(2s, time::timeout(1s, answer_after(3s)))).error() == Errc::timed_out);
    CHECK(rt.now() - before == 1s);
    CHECK(rt.run(time::timeout(1s, time::timeout(2s, answer_after(3s)))).error() == Errc::timed_out);
    CHECK(rt.now() - before == 2s);
}

TEST_CASE("a timeout can be dropped while it waits", "[time][timeout][cancel]") {
    testing::Runtime rt;
    sync::Notify notify;
    auto waiting = rt.start(time::timeout(1s, notify.notified()));
    waiting.cancel();
    notify.notify_one();  // nobody waits: the permit is kept
    CHECK(rt.run(time::timeout(0s, notify.notified())));
    rt.run_for(2s);
    CHECK(rt.live_tasks() == 0);
}

TEST_CASE("a timeout that both fired and completed keeps the value", "[time][timeout]") {
    testing::Runtime rt;
    sync::Notify notify;
    auto waiting = rt.start(time::timeout(1s, notify.notified()));
    notify.notify_one();
    rt.clock().advance(1s);
    CHECK(rt.finish(std::move(waiting)));
}

// Behaviour 23: a loop of operations that are always ready cannot outrun its deadline.
TEST_CASE("a timeout around a loop that never waits still fires", "[time][timeout]") {
    testing::Runtime rt;
    std::uint64_t rounds = 0;
    const auto busy = [](testing::VirtualClock& clock, std::uint64_t& count) -> Task<> {
        for (;;) {
            co_await time::sleep(0s);  // always ready
            ++count;
            clock.advance(10us);
        }
    };
    CHECK(rt.run(time::timeout(100ms, busy(rt.clock(), rounds))).error() == Errc::timed_out);
    CHECK(rounds >= 10'000);
    CHECK(rounds < 10'000 + 2 * 128);
}

}  // namespace
}  // namespace skerry
