// What a test may do to a simulation besides its links: actions at a time, invariants, sets of hosts that are cut off,
// clocks, the order of tasks.

#include "support/catch.hpp"

#include <skerry/testing/simulation.hpp>

#include <skerry/net/udp_socket.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include <array>
#include <chrono>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::Contains;

/// Whether a datagram gets from one host to another.
bool reaches(testing::Simulation& sim, testing::Host& from, testing::Host& to) {
    bool has_come = false;
    auto listening = to.spawn([&has_come]() -> Task<> {
        auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), 9});
        std::array<net::Datagram, 1> batch;
        has_come = (co_await socket->recv_batch(batch)).has_value();
    });
    from.run([at = to.at(9)]() -> Task<> {
        auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), 0});
        const std::array<std::byte, 1> word{};
        (void)co_await socket->send_to(word, at);
    });
    sim.run_for(10ms);
    listening.abort();
    sim.run_for(0s);
    return has_come;
}

TEST_CASE("sets of hosts are cut off from each other until they heal", "[testing][simulation]") {
    testing::Simulation sim;
    auto& a = sim.host("a");
    auto& b = sim.host("b");
    auto& c = sim.host("c");
    sim.partition({a, b}, {c});
    CHECK(reaches(sim, a, b));
    CHECK_FALSE(reaches(sim, a, c));
    CHECK_FALSE(reaches(sim, c, b));
    sim.set_link({.delay = 1ms});
    CHECK_FALSE(reaches(sim, a, c));
    sim.heal();
    sim.run_for(10s);  // the neighbour that did not answer is asked again
    CHECK(reaches(sim, a, c));
}

TEST_CASE("actions come at their time, in the order of their making", "[testing][simulation]") {
    testing::Simulation sim;
    std::string order;
    const auto note = [&](const char* what) {
        return [&, what] { order += what + std::to_string(sim.elapsed() / 1s) + " "; };
    };
    sim.at(3s, note("c"));
    sim.at(1s, note("a"));
    sim.at(1s, note("b"));
    sim.run_for(2s);
    CHECK(order == "a1 b1 ");
    sim.at(1s, note("late"));
    sim.run_for(2s);
    CHECK(order == "a1 b1 late2 c3 ");
}

TEST_CASE("an invariant that is broken ends the run at that moment and is named", "[testing][simulation]") {
    testing::Simulation sim({.seed = 77});
    int value = 0;
    sim.host("a", [&value]() -> Task<> {
        for (;; ++value) co_await time::sleep(1s);
    });
    sim.invariant("below three", [&value] { return value < 3 ? "" : "it is " + std::to_string(value); });
    sim.run_for(2500ms);
    CHECK_THROWS_WITH(sim.run_for(1h),
                      Contains("\"below three\" is broken after 3.0") && Contains("it is 3") && Contains("seed 77"));
    CHECK(sim.elapsed() == 3s);
}

// The deadline is reckoned where the task runs.
Task<> sleep_a_second() { co_await time::sleep(1s); }

TEST_CASE("a host sleeps by its own clock", "[testing][simulation]") {
    testing::Simulation sim;
    auto& slow = sim.host("slow");
    slow.set_clock({.drift_ppm = -500'000});
    slow.run(sleep_a_second);
    CHECK(sim.elapsed() >= 2s);
    CHECK(sim.elapsed() < 2100ms);
    const auto before = sim.elapsed();
    slow.set_clock({.ahead = 1h, .drift_ppm = 0});
    slow.run(sleep_a_second);
    CHECK(sim.elapsed() - before >= 1s);
    CHECK(sim.elapsed() - before < 1100ms);
    CHECK(slow.now() - sim.now() == 1h);
}

TEST_CASE("a clock that jumps ahead wakes those who slept until then", "[testing][simulation]") {
    testing::Simulation sim;
    auto& host = sim.host("host");
    auto sleeping = host.spawn(time::sleep(1h));
    sim.run_for(1s);
    host.set_clock({.ahead = 2h});
    sim.finish(sleeping);
    CHECK(sim.elapsed() < 2s);
}

TEST_CASE("hosts whose clocks differ talk to each other as ever", "[testing][simulation]") {
    testing::Simulation sim;
    auto& a = sim.host("a");
    auto& b = sim.host("b");
    a.set_clock({.ahead = 24h, .drift_ppm = 50'000});
    b.set_clock({.drift_ppm = -50'000});
    CHECK(reaches(sim, a, b));
    CHECK(reaches(sim, b, a));
}

/// In which order five tasks run that were all woken at once.
std::string order_of_five(std::uint64_t seed, bool shuffle) {
    std::string order;
    sync::Notify begin;
    testing::Simulation sim({.seed = seed, .shuffle = shuffle});
    auto& host = sim.host("host");
    for (char name = 'a'; name <= 'e'; ++name)
        host.spawn([&order, &begin, name]() -> Task<> {
                co_await begin.notified();
                order += name;
                co_await yield_now();
                order += name;
            })
            .detach();
    sim.run_for(1s);
    begin.notify_waiters();
    sim.run_for(1s);
    return order;
}

TEST_CASE("ready tasks run in the order that the seed says, each as often as ever", "[testing][simulation]") {
    std::set<std::string> orders;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        const std::string order = order_of_five(seed, true);
        CHECK(order.size() == 10);
        CHECK(order == order_of_five(seed, true));
        orders.insert(order);
        CHECK(order_of_five(seed, false) == order_of_five(1, false));
    }
    CHECK(orders.size() > 25);
}

TEST_CASE("a wait that ends while its task is ready, and has been moved about, runs nobody", "[testing][simulation]") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        int woken = 0;
        sync::Notify begin;
        testing::Simulation sim({.seed = seed, .shuffle = true});
        auto& host = sim.host("host");
        const auto wait = [&]() -> Task<> {
            co_await begin.notified();
            ++woken;
        };
        // Whichever of the two is ready first, the other one is taken out of the queue where it stands.
        std::vector<JoinHandle<void>> all;
        for (int i = 0; i < 8; ++i)
            all.push_back(host.spawn([&wait]() -> Task<> { (void)co_await time::timeout(1s, wait()); }));
        sim.at(1s, [&begin] { begin.notify_waiters(); });  // at the very instant at which all give up
        sim.run_for(2s);
        for (const auto& each : all) CHECK(each.is_finished());
        CHECK(woken <= 8);
        CHECK(host.live_tasks() == 0);
    }
}

TEST_CASE("runs of one seed have one trace", "[testing][simulation]") {
    const auto trace = [](std::uint64_t seed) {
        testing::Simulation sim({.seed = seed, .link = {.delay = 1ms, .jitter = 1ms}, .shuffle = true});
        for (int i = 0; i < 10; ++i) (void)reaches(sim, sim.host("a"), sim.host("b"));
        return sim.trace();
    };
    CHECK(trace(1) == trace(1));
    CHECK(trace(1) != trace(2));
}

TEST_CASE("a watch is told who sends to whom", "[testing][simulation]") {
    testing::Simulation sim;
    std::set<std::string> seen;
    sim.watch_frames([&seen](const testing::FrameEvent& event) {
        const bool is_sent = event.kind == testing::FrameEvent::Kind::sent;
        seen.insert(event.from.name() + (is_sent ? " to " : " at ") + event.to.name());
    });
    CHECK(reaches(sim, sim.host("a"), sim.host("b")));
    CHECK(seen == std::set<std::string>{"a to b", "b to a", "a at b", "b at a"});
}

TEST_CASE("a watch may make hosts while frames come", "[testing][simulation]") {
    testing::Simulation sim;
    auto& a = sim.host("a");
    auto& b = sim.host("b");
    int made = 0;
    sim.watch_frames([&](const testing::FrameEvent& event) {
        if (event.kind == testing::FrameEvent::Kind::arrived && made < 3) sim.host("new " + std::to_string(made++));
    });
    CHECK(reaches(sim, a, b));
    CHECK(made == 3);
    CHECK(reaches(sim, sim.host("new 2"), b));
}

TEST_CASE("what a watch or a filter throws ends the run after the turn, and it may go on", "[testing][simulation]") {
    testing::Simulation sim;
    auto& a = sim.host("a");
    auto& b = sim.host("b");
    bool throws = true;
    const auto fail = [&throws] {
        if (std::exchange(throws, false)) throw testing::Failure("seen");
    };
    SECTION("a watch when it is sent or arrives") {
        const auto when = GENERATE(testing::FrameEvent::Kind::sent, testing::FrameEvent::Kind::arrived);
        sim.watch_frames([&fail, when](const testing::FrameEvent& event) {
            if (event.kind == when) fail();
        });
    }
    SECTION("a filter") {
        sim.set_filter(a, b, [&fail](std::span<const std::byte>) {
            fail();
            return testing::Fate::pass;
        });
    }
    a.spawn([to = b.at(9)]() -> Task<> {
         auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), 0});
         const std::array<std::byte, 1> word{};
         (void)co_await socket->send_to(word, to);
     }).detach();
    CHECK_THROWS_WITH(sim.run_for(1s), "seen");
    CHECK_FALSE(throws);
    CHECK(sim.elapsed() < 1ms);
    sim.run_for(1s);
    CHECK(reaches(sim, a, b));
}

TEST_CASE("a simulation runs for as long as any unit can say", "[testing][simulation]") {
    testing::Simulation sim;
    bool is_over = false;
    auto sleeping = sim.host("a").spawn([&is_over]() -> Task<> {
        co_await time::sleep(1h);
        is_over = true;
    });
    SECTION("by run_for()") { sim.run_for(std::chrono::hours::max()); }
    SECTION("by run_until()") {
        CHECK(sim.run_until([&is_over] { return is_over; }, std::chrono::hours::max()));
    }
    SECTION("by settle()") { CHECK(sim.settle(std::chrono::hours::max())); }
    CHECK(is_over);
    bool was_early = false;
    sim.at(std::chrono::hours::max(), [&was_early] { was_early = true; });
    sim.run_for(1h);
    CHECK_FALSE(was_early);
}

}  // namespace
}  // namespace skerry
