// What hosts of a simulation hear from each other that is no plain exchange: groups, refusals, silence.

#include "support/catch.hpp"

#include <skerry/testing/simulation.hpp>

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace skerry {
namespace {

using namespace std::chrono_literals;

const net::IpAddr group = net::IpAddr::v4(239, 1, 2, 3);

/// The name of the error that a connect ends with; "connected" when it does not.
Task<std::string> outcome_of_connect(net::SocketAddr to) {
    auto stream = co_await net::TcpStream::connect(to);
    co_return std::string(stream ? "connected" : to_string(stream.error().code()));
}

/// How many datagrams come within ten seconds.
Task<int> count_datagrams(bool joins) {
    auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), 5000});
    if (joins && !socket->join_multicast(group)) co_return -1;
    int count = 0;
    for (;;) {
        std::array<std::byte, 64> buffer;
        auto received = co_await time::timeout(10s, socket->recv_from(buffer));
        if (!received) co_return count;
        ++count;
    }
}

Task<> send_to(net::SocketAddr to) {
    auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), 0});
    (void)co_await socket->send_to(std::as_bytes(std::span("news")), to);
}

/// Which of this host's addresses a peer reached, and which it came from.
Task<std::string> hear_a_connection(net::TcpListener listener) {
    auto stream = co_await listener.accept();
    if (!stream) co_return std::string();
    const auto local = stream->local_addr();
    co_return to_string(local ? local->ip() : net::IpAddr()) + " " + to_string(stream->peer_addr().ip());
}

TEST_CASE("hosts with several addresses reach each other by each", "[testing][simulation][addresses]") {
    testing::SimulationOptions options;
    REQUIRE(options.stack.more_addresses.add({stack::wire::Ipv4Addr::of(203, 0, 113, 1), 24}));
    REQUIRE(options.stack.more_addresses.add({stack::wire::Ipv4Addr::of(203, 0, 113, 2), 24}));
    testing::Simulation sim(options);
    auto& server = sim.host("server");
    auto& client = sim.host("client");
    const std::uint8_t way = GENERATE(std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{2});
    const net::IpAddr to = way == 0 ? server.address() : net::IpAddr::v4(203, 0, 113, way);
    const std::string from = way == 0 ? "198.18.0.2" : "203.0.113.3";
    auto heard = server.spawn([]() -> Task<std::string> {
        auto listener = net::TcpListener::bind({net::IpAddr::v4_any(), 7000});
        return hear_a_connection(std::move(*listener));
    });
    sim.run_for(1s);
    CHECK(client.run(outcome_of_connect({to, 7000})) == "connected");
    CHECK(sim.finish(heard) == to_string(to) + " " + from);
}

TEST_CASE("a datagram to a group reaches the hosts that are in it", "[testing][simulation]") {
    testing::Simulation sim;
    auto& sender = sim.host("sender");
    auto one = sim.host("one").spawn(count_datagrams(true));
    auto two = sim.host("two").spawn(count_datagrams(true));
    auto other = sim.host("other").spawn(count_datagrams(false));
    sim.run_for(1s);
    sender.run(send_to({group, 5000}));
    CHECK(sim.finish(one) == 1);
    CHECK(sim.finish(two) == 1);
    CHECK(sim.finish(other) == 0);
}

TEST_CASE("a port where nobody listens refuses a connect within a round trip", "[testing][simulation]") {
    testing::Simulation sim({.link = {.delay = 1ms}});
    auto& server = sim.host("server");
    auto& client = sim.host("client");
    CHECK(client.run(outcome_of_connect(server.at(80))) == "connection_refused");
    CHECK(sim.elapsed() == 4ms);  // one round trip for the hardware address
}

TEST_CASE("hosts have IPv6 where the network has a prefix, each an address of its own", "[testing][simulation]") {
    testing::SimulationOptions options;
    CHECK(testing::Simulation(options).host("one").address6().is_unspecified());
    options.stack.address6 = stack::wire::Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
    testing::Simulation sim(options);
    auto& server = sim.host("server", []() -> Task<> {
        auto listener = net::TcpListener::bind({net::IpAddr::v6_any(), 80});
        for (;;) (void)co_await listener->accept();
    });
    auto& client = sim.host("client");
    CHECK(server.address6() != client.address6());
    CHECK(client.run(outcome_of_connect(server.at6(80))) == "connected");
    CHECK(client.run(outcome_of_connect(server.at6(81))) == "connection_refused");
    CHECK(client.run(outcome_of_connect(server.at(80))) == "connected");
}

/// A server of one connection, which reads to its end.
Task<> count_bytes(net::IpAddr at, std::size_t& received) {
    auto listener = net::TcpListener::bind({at, 80});
    auto stream = co_await listener->accept();
    std::array<std::byte, 4096> buffer;
    for (;;) {
        auto count = co_await stream->read(buffer);
        if (!count || *count == 0) co_return;
        received += *count;
    }
}

TEST_CASE("a connection by IPv6 gets its data through a way that takes less", "[testing][simulation]") {
    testing::SimulationOptions options;
    options.stack.address6 = stack::wire::Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
    testing::Simulation sim(options);
    std::size_t received = 0;
    auto& server = sim.host("server", [&received] { return count_bytes(net::IpAddr::v6_any(), received); });
    auto& client = sim.host("client");
    sim.set_link(client, server, {.delay = 1ms, .mtu = 1400});
    auto sending = client.spawn([to = server.at6(80)]() -> Task<bool> {
        auto stream = co_await net::TcpStream::connect(to);
        const std::array<std::byte, 50'000> bytes{};
        co_return (co_await stream->write_all(bytes)).has_value();
    });
    CHECK(sim.finish(sending));
    CHECK(sim.run_until([&received] { return received == 50'000; }, 10s));
    CHECK(sim.wire().too_big > 0);
}

TEST_CASE("a connected datagram socket learns that nobody has the port on another host", "[testing][simulation]") {
    testing::Simulation sim;
    auto& server = sim.host("server");
    auto& client = sim.host("client");
    CHECK(client.run([to = server.at(7)]() -> Task<std::string> {
        auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), 0});
        std::array<std::byte, 8> buffer;
        if (!socket->connect(to) || !co_await socket->send(std::as_bytes(std::span("x")))) co_return "not sent";
        auto received = co_await socket->recv_from(buffer);
        co_return std::string(received ? "received" : to_string(received.error().code()));
    }) == "connection_refused");
}

TEST_CASE("a host that crashed does not answer, and its peer gives up", "[testing][simulation]") {
    testing::Simulation sim;
    auto& server = sim.host("server");
    auto& client = sim.host("client");
    CHECK(client.run(outcome_of_connect(server.at(80))) == "connection_refused");
    server.crash();
    auto asking = client.spawn(outcome_of_connect(server.at(80)));
    CHECK(sim.run_until([&asking] { return asking.is_finished(); }, 10min));
    CHECK(sim.finish(asking) != "connected");
    CHECK(sim.wire().cut_off > 0);
}

/// Sends back whatever comes, and begins with a datagram of its own when it knows the other.
Task<> play_ball(std::optional<net::SocketAddr> other) {
    auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), 7});
    std::array<std::byte, 8> ball{};
    if (other) (void)co_await socket->send_to(ball, *other);
    for (;;) {
        auto caught = co_await socket->recv_from(ball);
        if (caught) (void)co_await socket->send_to(ball, caught->peer);
    }
}

TEST_CASE("hosts that answer each other for ever do not stop the time", "[testing][simulation]") {
    testing::Simulation sim({.link = {}});
    auto& one = sim.host("one", [] { return play_ball(std::nullopt); });
    sim.host("two", [to = one.at(7)] { return play_ball(to); });
    sim.run_for(1ms);
    CHECK(sim.elapsed() == 1ms);
    CHECK(sim.wire().delivered > 900);
}

TEST_CASE("a rate makes a transfer take its time", "[testing][simulation]") {
    testing::Simulation sim;
    std::size_t received = 0;
    auto& server = sim.host("server", [&received] { return count_bytes(net::IpAddr::v4_any(), received); });
    auto& client = sim.host("client");
    sim.set_link(client, server, {.delay = 1ms, .bytes_per_second = 100'000, .queue_bytes = 50'000});
    auto sending = client.spawn([to = server.at(80)]() -> Task<bool> {
        auto stream = co_await net::TcpStream::connect(to);
        std::array<std::byte, 10'000> bytes{};
        for (int i = 0; i < 100; ++i)
            if (!co_await stream->write_all(bytes)) co_return false;
        co_return true;
    });
    CHECK(sim.run_until([&received] { return received == 1'000'000; }, 1min));
    CHECK(sim.finish(sending));
    CHECK(sim.elapsed() > 10s);
    CHECK(sim.elapsed() < 20s);
}

}  // namespace
}  // namespace skerry
