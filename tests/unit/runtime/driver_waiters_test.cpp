#include "support/catch.hpp"

#include <skerry/runtime/driver_waiters.hpp>

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/testing/runtime.hpp>
#include <skerry/time/sleep.hpp>

#include <chrono>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;

const net::SocketAddr server_address(net::IpAddr::v4(198, 18, 0, 9), 80);

// Behaviour 4: a task that gives way sees the driver's events after a bounded number of turns.
TEST_CASE("who yields to the driver sees a connection within a few yields", "[runtime][yield_to_driver]") {
    testing::Runtime rt;
    auto listener = net::TcpListener::bind(server_address);
    REQUIRE(listener);
    auto connecting = rt.spawn([]() -> Task<bool> {
        auto stream = co_await net::TcpStream::connect(server_address);
        co_return stream.has_value();
    }());
    const int yields = rt.run([&connecting]() -> Task<int> {
        int count = 0;
        for (; !connecting.is_finished(); ++count) co_await yield_to_driver();
        co_return count;
    });
    CHECK(yields < 10);
}

TEST_CASE("a task that yields to the driver keeps the clock from jumping", "[runtime][yield_to_driver]") {
    testing::Runtime rt;
    const time::Instant before = rt.now();
    const auto sleeping = rt.start(time::sleep(1s));
    rt.run([]() -> Task<> {
        for (int i = 0; i < 100; ++i) co_await yield_to_driver();
    });
    CHECK(rt.now() == before);
}

TEST_CASE("what was ready runs before a task that yields to the driver goes on", "[runtime][yield_to_driver]") {
    testing::Runtime rt;
    std::vector<int> order;
    const auto other = [](std::vector<int>& out) -> Task<> {
        out.push_back(1);
        co_await yield_now();
        out.push_back(2);
    };
    rt.run([&]() -> Task<> {
        spawn(other(order)).detach();
        co_await yield_to_driver();
        order.push_back(3);
    });
    CHECK(order == std::vector{1, 2, 3});
}

TEST_CASE("a task that waits for the driver can be aborted", "[runtime][yield_to_driver][cancel]") {
    testing::Runtime rt;
    auto waiting = rt.spawn([]() -> Task<> {
        for (;;) co_await yield_to_driver();
    }());
    rt.step();
    waiting.abort();
    rt.step();
    CHECK(waiting.is_finished());
    CHECK(rt.live_tasks() == 0);
}

// Behaviour 1: the driver is polled although tasks are always ready.
TEST_CASE("a hundred tasks that never rest do not keep a connection from being made", "[runtime][fairness]") {
    testing::Runtime rt;
    bool stop = false;
    const auto restless = [](const bool& until) -> Task<> {
        while (!until) co_await yield_now();
    };
    for (int i = 0; i < 100; ++i) rt.spawn(restless(stop)).detach();
    auto listener = net::TcpListener::bind(server_address);
    REQUIRE(listener);
    auto [client, server] = rt.run(join(net::TcpStream::connect(server_address), listener->accept()));
    CHECK(client);
    CHECK(server);
    stop = true;
    rt.run_until_idle();
    CHECK(rt.live_tasks() == 0);
}

// --- behaviour 22: the budget

Task<> take_ready(int times, int& taken) {
    for (; taken < times; ++taken) co_await time::sleep(0s);  // always ready
}

TEST_CASE("a task that always finds its operation ready lets others run after 128", "[runtime][budget]") {
    testing::Runtime rt;
    int taken = 0;
    int seen = -1;
    auto other = rt.spawn([](int& at, int& out) -> Task<> {
        out = at;
        co_return;
    }(taken, seen));
    auto again = rt.spawn(take_ready(1000, taken));  // newer, so it starts first
    rt.run_until_idle();
    CHECK(seen == 127);  // the 128th waits until the others have run
}

TEST_CASE("the budget is the configured one", "[runtime][budget]") {
    testing::Options options;
    options.config.task_budget = 5;
    testing::Runtime rt(options);
    int taken = 0;
    auto greedy = rt.spawn(take_ready(1000, taken));
    rt.scheduler().drain();
    const std::uint64_t before = rt.counters().budget_yields.load();
    rt.run_until_idle();
    CHECK(taken == 1000);
    CHECK(rt.counters().budget_yields.load() - before >= 1000 / 6);
}

TEST_CASE("the largest budget is as good as none", "[runtime][budget]") {
    testing::Options options;
    options.config.task_budget = UINT32_MAX;
    testing::Runtime rt(options);
    int taken = 0;
    auto greedy = rt.spawn(take_ready(1000, taken));
    rt.run_until_idle();
    CHECK(taken == 1000);
    CHECK(rt.counters().budget_yields.load() == 0);
}

TEST_CASE("consume_budget yields once in 128", "[runtime][budget]") {
    testing::Runtime rt;
    const std::uint64_t before = rt.counters().resumed.load();
    rt.run([]() -> Task<> {
        for (int i = 0; i < 1280; ++i) co_await consume_budget();
    });
    const std::uint64_t runs = rt.counters().resumed.load() - before;
    CHECK(runs >= 10);
    CHECK(runs <= 12);
}

}  // namespace
}  // namespace skerry
