// Hosts on a wire: that programs reach each other, what crashes and partitions do, and how the time goes.

#include "support/catch.hpp"

#include <skerry/testing/simulation.hpp>

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/spawn_blocking.hpp>
#include <skerry/stack/stack.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include "support/death.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::Contains;

constexpr std::uint16_t port = 80;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

Task<std::string> read_some(net::TcpStream& stream) {
    std::array<std::byte, 256> buffer;
    auto count = co_await stream.read(buffer);
    if (!count) co_return "!" + std::string(to_string(count.error().code()));
    co_return std::string(reinterpret_cast<const char*>(buffer.data()), *count);
}

Task<> answer(net::TcpStream stream) {
    for (;;) {
        const std::string asked = co_await read_some(stream);
        if (asked.empty() || asked.front() == '!') co_return;
        if (!co_await stream.write_all(bytes_of(asked))) co_return;
    }
}

Task<> echo_server() {
    auto listener = net::TcpListener::bind({net::IpAddr::v4_any(), port});
    for (;;) {
        auto accepted = co_await listener->accept();
        if (accepted) spawn(answer(std::move(*accepted))).detach();
    }
}

Task<std::string> ask(net::SocketAddr server, std::string question) {
    auto stream = co_await net::TcpStream::connect(server);
    if (!stream) co_return "!" + std::string(to_string(stream.error().code()));
    if (!co_await stream->write_all(bytes_of(question))) co_return "!";
    co_return co_await read_some(*stream);
}

TEST_CASE("hosts talk to each other by the usual sockets", "[testing][simulation]") {
    testing::Simulation sim;
    auto& server = sim.host("server", echo_server);
    auto& one = sim.host("one");
    auto& two = sim.host("two");
    auto first = one.spawn(ask(server.at(port), "first"));
    CHECK(two.run(ask(server.at(port), "second")) == "second");
    CHECK(sim.finish(first) == "first");
    CHECK(sim.elapsed() > 0ns);
    CHECK(sim.elapsed() < 1ms);
}

TEST_CASE("hosts have names and addresses of their own", "[testing][simulation]") {
    testing::Simulation sim;
    auto& one = sim.host("one");
    auto& two = sim.host("two");
    CHECK(&sim.host("one") == &one);
    CHECK(one.address() != two.address());
    CHECK(two.at(80) == net::SocketAddr(two.address(), 80));
    CHECK(two.name() == "two");
}

TEST_CASE("a datagram takes the time that the link says", "[testing][simulation]") {
    testing::Simulation sim;
    auto& one = sim.host("one");
    auto& two = sim.host("two");
    sim.set_link(one, two, {.delay = 3ms});
    auto received = two.spawn([]() -> Task<time::Instant> {
        auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), port});
        std::array<net::Datagram, 1> batch;
        (void)co_await socket->recv_batch(batch);  // comes behind the question for the hardware address
        (void)co_await socket->recv_batch(batch);
        co_return batch[0].received_at;
    });
    const time::Instant sent = one.run([to = two.at(port)]() -> Task<time::Instant> {
        auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), 0});
        (void)co_await socket->send_to(bytes_of("x"), to);
        co_await time::sleep(1s);
        (void)co_await socket->send_to(bytes_of("x"), to);
        co_return time::Instant::now();
    });
    CHECK(sim.finish(received) - sent == 3ms);
}

// --- faults

TEST_CASE("a partition holds up what is said and a repair lets it go on", "[testing][simulation]") {
    testing::Simulation sim;
    auto& server = sim.host("server", echo_server);
    auto& client = sim.host("client");
    auto& other = sim.host("other");
    REQUIRE(client.run(ask(server.at(port), "before")) == "before");  // a neighbour never heard of is given up sooner
    sim.partition(client, server);
    auto asking = client.spawn(ask(server.at(port), "hello"));
    sim.run_for(10s);
    CHECK_FALSE(asking.is_finished());
    CHECK(other.run(ask(server.at(port), "me")) == "me");
    sim.repair(client, server);
    CHECK(sim.link(client, server).delay == testing::SimulationOptions().link.delay);
    CHECK(sim.finish(asking) == "hello");
}

TEST_CASE("nothing is lost to a program over a bad link", "[testing][simulation]") {
    testing::Simulation sim(
        {.link = {.delay = 1ms, .jitter = 1ms, .drop = 0.2, .duplicate = 0.1, .reorder = 0.1, .corrupt = 0.05}});
    auto& server = sim.host("server", echo_server);
    auto& client = sim.host("client");
    for (int i = 0; i < 20; ++i) CHECK(client.run(ask(server.at(port), std::to_string(i))) == std::to_string(i));
    CHECK(sim.wire().dropped > 0);
    CHECK(sim.wire().duplicated > 0);
    CHECK(sim.wire().reordered > 0);
    CHECK(sim.wire().corrupted > 0);
}

TEST_CASE("a crash ends tasks where they wait and not one frame says so", "[testing][simulation]") {
    testing::Simulation sim;
    bool destroyed = false;
    auto& server = sim.host("server", echo_server);
    auto& client = sim.host("client");
    auto asking = client.spawn([&, to = server.at(port)]() -> Task<std::string> {
        struct OnExit {
            bool& flag;
            ~OnExit() { flag = true; }
        } const on_exit{destroyed};
        auto stream = co_await net::TcpStream::connect(to);
        co_return co_await read_some(*stream);
    });
    sim.run_for(1s);
    const auto sent = sim.wire().sent;
    client.crash();
    CHECK(destroyed);
    CHECK_FALSE(client.is_up());
    CHECK(asking.is_finished());
    sim.run_for(1s);
    CHECK(sim.wire().sent == sent);
    CHECK(server.stack().tcp().sizes().connections == 1);
}

TEST_CASE("a peer learns of a crash by a reset after the restart", "[testing][simulation]") {
    testing::Simulation sim;
    auto& server = sim.host("server", echo_server);
    auto& client = sim.host("client");
    auto asking = client.spawn([to = server.at(port)]() -> Task<std::string> {
        auto stream = co_await net::TcpStream::connect(to);
        (void)co_await stream->write_all(bytes_of("a"));
        if (co_await read_some(*stream) != "a") co_return "no echo";
        co_await time::sleep(10s);
        (void)co_await stream->write_all(bytes_of("b"));
        co_return co_await read_some(*stream);
    });
    sim.run_for(5s);
    server.crash();
    server.restart();
    CHECK(sim.finish(asking) == "!connection_reset");
    CHECK(client.run(ask(server.at(port), "again")) == "again");
}

TEST_CASE("a program is begun anew at each restart", "[testing][simulation]") {
    testing::Simulation sim;
    int begun = 0;
    auto& host = sim.host("host", [&begun]() -> Task<> {
        ++begun;
        for (;;) co_await time::sleep(1s);
    });
    sim.run_for(1s);
    CHECK(begun == 1);
    host.crash();
    sim.run_for(1s);
    CHECK(begun == 1);
    host.restart();
    sim.run_for(1s);
    CHECK(begun == 2);
    CHECK(host.live_tasks() == 1);
}

TEST_CASE("a host may be crashed by a task of another, not by one of its own", "[testing][simulation]") {
    testing::Simulation sim;
    auto& host = sim.host("host");
    auto& other = sim.host("other");
    other.run([&host]() -> Task<> {
        host.crash();
        co_return;
    });
    CHECK_FALSE(host.is_up());
    CHECK(tests::aborts([&other] {
        other.run([&other]() -> Task<> {
            other.crash();
            co_return;
        });
    }));
}

// --- running

TEST_CASE("what a program throws comes out of the run", "[testing][simulation]") {
    testing::Simulation sim;
    sim.host("host", []() -> Task<> {
        co_await time::sleep(1s);
        throw std::logic_error("broken");
    });
    CHECK_THROWS_WITH(sim.run_for(2s), "broken");
    sim.run_for(2s);
}

TEST_CASE("a task's value and exception come out of finish, an abort is a failure", "[testing][simulation]") {
    testing::Simulation sim;
    auto& host = sim.host("host");
    CHECK(host.run([]() -> Task<int> { co_return 7; }) == 7);
    CHECK_THROWS_WITH(host.run([]() -> Task<> {
        co_await time::sleep(1s);
        throw std::logic_error("broken");
    }),
                      "broken");
    auto aborted = host.spawn(time::sleep(1s));
    aborted.abort();
    CHECK_THROWS_AS(sim.finish(aborted), testing::Failure);
}

TEST_CASE("a simulation in which everything waits for ever lists the tasks of each host", "[testing][simulation]") {
    sync::Notify never;
    testing::Simulation sim;
    auto& one = sim.host("the first");
    auto& two = sim.host("the second");
    auto waiting = two.spawn([&never]() -> Task<> { co_await never.notified(); });
    CHECK_THROWS_WITH(one.run(never.notified()), Contains("waits for ever") && Contains("on the first: 1 live task") &&
                                                     Contains("on the second: 1 live task") &&
                                                     Contains("simulation_test.cpp"));
    waiting.abort();
    sim.run_for(1s);  // to wait is no failure here
    CHECK(waiting.is_finished());
}

TEST_CASE("a run ends at its limit and at nothing else", "[testing][simulation]") {
    testing::Simulation sim;
    auto& host = sim.host("host");
    bool done = false;
    auto sleeping = host.spawn([&done]() -> Task<> {
        co_await time::sleep(5s);
        done = true;
    });
    CHECK_FALSE(sim.run_until([&done] { return done; }, 3s));
    CHECK(sim.elapsed() == 3s);
    CHECK(time::Instant::now() == sim.now());
    CHECK(sim.run_until([&done] { return done; }, 3s));
    CHECK(sim.elapsed() == 5s);
    sim.run_for(0s);
    CHECK(sim.elapsed() == 5s);
    CHECK(sleeping.is_finished());
}

TEST_CASE("a simulation has settled when the stacks have forgotten what was closed", "[testing][simulation]") {
    testing::Simulation sim;
    auto& server = sim.host("server", echo_server);
    auto& client = sim.host("client");
    CHECK(client.run(ask(server.at(port), "x")) == "x");
    CHECK_FALSE(sim.settle(1s));
    CHECK(sim.settle());
    CHECK(client.stack().tcp().sizes().time_wait == 0);
    CHECK(client.frames_out() == 0);
    CHECK(server.frames_out() == 0);
    CHECK(server.live_tasks() == 1);
    CHECK(sim.elapsed() < 5min);
}

TEST_CASE("an instant that never ends is a failure", "[testing][simulation]") {
    testing::Simulation sim;
    auto& host = sim.host("host");
    CHECK_THROWS_WITH(host.run([]() -> Task<> {
        for (;;) co_await yield_now();
    }),
                      Contains("the time stands still"));
}

TEST_CASE("tasks of one host wake those of another", "[testing][simulation]") {
    testing::Simulation sim;
    auto& one = sim.host("one");
    auto& two = sim.host("two");
    sync::Notify notify;
    auto waiting = one.spawn([&notify]() -> Task<> { co_await notify.notified(); });
    two.run([&notify]() -> Task<> {
        co_await time::sleep(1s);
        notify.notify_one();
    });
    sim.finish(waiting);
    CHECK(sim.elapsed() == 1s);
}

TEST_CASE("the clock of a simulation does not jump while a blocking call runs", "[testing][simulation]") {
    testing::Simulation sim;
    auto& host = sim.host("host");
    auto sleeping = host.spawn(time::sleep(1h));
    const int value = host.run([]() -> Task<int> {
        auto call = spawn_blocking([] {
            for (int i = 0; i < 1000; ++i) std::this_thread::yield();
            return 5;
        });
        auto outcome = co_await call;
        co_return *outcome;
    });
    CHECK(value == 5);
    CHECK(sim.elapsed() == 0s);
}

}  // namespace
}  // namespace skerry
