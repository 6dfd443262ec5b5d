// What a program sets before there is a connection is in the first segment of each end.

#include "support/catch.hpp"
#include "support/tcp_watch.hpp"

#include <skerry/net/tcp_socket.hpp>
#include <skerry/testing/simulation.hpp>

#include <array>
#include <cstdint>

namespace skerry {
namespace {

constexpr std::uint16_t port = 80;

/// The first segment of each end.
struct Opened {
    tests::SeenSegment syn;
    tests::SeenSegment syn_ack;
};

struct Wanted {
    int client_buffer = 0;
    int server_buffer = 0;
    int client_ttl = 0;
};

net::TcpSocket socket_with(int receive_buffer) {
    net::TcpSocket socket;
    if (receive_buffer != 0) socket.set_recv_buffer_size(receive_buffer);
    return socket;
}

Task<> serve(int receive_buffer) {
    auto socket = socket_with(receive_buffer);
    auto listener = socket.bind({net::IpAddr::v4_any(), port}).listen();
    REQUIRE(listener);
    auto stream = co_await listener->accept();
    REQUIRE(stream);
    std::array<std::byte, 1> end;
    (void)co_await stream->read(end);
}

Task<> connect(net::SocketAddr to, Wanted wanted) {
    auto socket = socket_with(wanted.client_buffer);
    if (wanted.client_ttl != 0) socket.set_ttl(wanted.client_ttl);
    auto stream = co_await socket.connect(to);
    REQUIRE(stream);
}

Opened open(const Wanted& wanted) {
    testing::Simulation sim;
    Opened seen;
    sim.watch_frames([&seen](const testing::FrameEvent& event) {
        tests::SeenSegment segment;
        if (event.kind != testing::FrameEvent::Kind::sent || !segment.read(event.frame)) return;
        using namespace stack::wire;
        if (!segment.tcp.has(tcp_flag::syn)) return;
        (segment.tcp.has(tcp_flag::ack) ? seen.syn_ack : seen.syn) = segment;
    });
    auto& server = sim.host("server", [&wanted] { return serve(wanted.server_buffer); });
    sim.host("client").run(connect(server.at(port), wanted));
    return seen;
}

TEST_CASE("the window of a SYN is that of the buffer that was asked for", "[testing][tcp][options]") {
    const Opened seen = open({.client_buffer = 20'000, .server_buffer = 10'000});
    CHECK(seen.syn.tcp.window == 20'000);
    CHECK(seen.syn_ack.tcp.window == 10'000);
}

TEST_CASE("a SYN of sockets that ask for nothing has the window of the stack", "[testing][tcp][options]") {
    const Opened seen = open({});
    CHECK(seen.syn.tcp.window == seen.syn_ack.tcp.window);
    CHECK(seen.syn.tcp.window > 20'000);
}

TEST_CASE("a SYN has the time to live that was asked for", "[testing][tcp][options]") {
    const Opened seen = open({.client_ttl = 7});
    CHECK(int{seen.syn.hops_left} == 7);
    CHECK(int{seen.syn_ack.hops_left} != 7);
}

}  // namespace
}  // namespace skerry
