// The errors of streams that need the network's help: time that runs out, room that is gone again.

#include "support/catch.hpp"

#include <skerry/testing/runtime.hpp>

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/task/join.hpp>
#include <skerry/time/sleep.hpp>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace skerry {
namespace {

using namespace std::chrono_literals;

const net::SocketAddr server_address(net::IpAddr::v4(198, 18, 0, 9), 80);
const net::IpAddr client_ip = net::IpAddr::v4(198, 18, 0, 1);

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

struct Pair {
    net::TcpStream client;
    net::TcpStream server;
};

Pair connect(testing::Runtime& rt) {
    auto listener = net::TcpListener::bind(server_address);
    REQUIRE(listener);
    auto [client, server] = rt.run(join(net::TcpStream::connect(server_address), listener->accept()));
    REQUIRE(client);
    REQUIRE(server);
    return {std::move(*client), std::move(*server)};
}

TEST_CASE("a write that waits for a peer that is gone is ended by the user timeout", "[testing][network]") {
    testing::Runtime rt;
    auto pair = connect(rt);
    REQUIRE(pair.client.set_user_timeout(3s));
    rt.network().stall(rt.network().connection_of(pair.client), true);
    const std::string much(1'000'000, 'x');
    const time::Instant before = rt.now();
    CHECK(rt.run(pair.client.write_all(bytes_of(much))).error() == Errc::timed_out);
    CHECK(rt.now() - before == 3s);
    CHECK(rt.run(pair.client.write(bytes_of("x"))).error() == Errc::broken_pipe);
}

TEST_CASE("every way to read says timed_out when the connection is given up", "[testing][network]") {
    for (int way = 0; way < 4; ++way) {
        testing::Runtime rt;
        auto pair = connect(rt);
        REQUIRE(pair.client.set_user_timeout(3s));
        rt.network().stall(rt.network().connection_of(pair.client), true);
        REQUIRE(rt.run(pair.client.write_all(bytes_of("x"))));
        std::array<std::byte, 4> buffer;
        Error error;
        switch (way) {
            case 0: error = rt.run(pair.client.read(buffer)).error(); break;
            case 1: error = rt.run(pair.client.peek(buffer)).error(); break;
            case 2: error = rt.run(pair.client.read_buf()).error(); break;
            default: error = rt.run(pair.client.read_exact(buffer)).error(); break;
        }
        INFO("way " << way);
        CHECK(error == Errc::timed_out);
    }
}

// The writer is woken because there is room; the task that runs before it takes the room away.
TEST_CASE("a write whose room is gone again when it runs says no_buffers", "[testing][network]") {
    testing::Runtime rt;
    testing::NetworkLimits limits;
    limits.receive_window_bytes = 1000;
    limits.send_buffer_bytes = 500;
    rt.network().set_limits(limits);
    auto pair = connect(rt);
    REQUIRE(rt.run(pair.client.write_all(bytes_of(std::string(1500, 'x')))));
    auto bell = net::UdpSocket::bind({client_ip, 9});
    REQUIRE(bell);
    testing::Link link;
    link.delay = 1ms;
    rt.network().set_link(link);

    auto writing = rt.start(pair.client.write(bytes_of("y")));
    REQUIRE_FALSE(writing.is_done());
    auto shrinking = rt.start([&rt, &bell, limits]() mutable -> Task<> {
        std::array<std::byte, 1> ring;
        auto rung = co_await bell->recv_from(ring);
        REQUIRE(rung);
        limits.send_buffer_bytes = 0;
        rt.network().set_limits(limits);
    });
    // What is read now comes back as credit after 1 ms, as data after 2 and as an acknowledgement, which is room,
    // after 3; the bell rings behind it.
    auto ringing = rt.start([&bell]() -> Task<> {
        co_await time::sleep(2ms);
        auto rung = co_await bell->send_to(bytes_of("!"), bell->local_addr());
        REQUIRE(rung);
    });
    std::array<std::byte, 2000> buffer;
    CHECK(rt.run(pair.server.read(buffer)).value_or(0) != 0U);
    CHECK(rt.finish(std::move(writing)).error() == Errc::no_buffers);
    CHECK(shrinking.is_done());
    CHECK(ringing.is_done());
}

}  // namespace
}  // namespace skerry
