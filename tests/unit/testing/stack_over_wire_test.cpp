// The stack over the wire of a simulation: what takes more than one connection to see.

#include "support/catch.hpp"

#include <skerry/testing/simulation.hpp>

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/task/spawn.hpp>

#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t port = 80;

Task<> read_all(net::TcpStream stream) {
    std::vector<std::byte> buffer(1 << 16);
    for (;;) {
        auto count = co_await stream.read(buffer);
        if (!count || *count == 0) co_return;
    }
}

Task<> serve() {
    auto listener = net::TcpListener::bind({net::IpAddr::v4_any(), port});
    for (;;) {
        auto stream = co_await listener->accept();
        if (stream) spawn(read_all(std::move(*stream))).detach();
    }
}

/// Sends so many bytes and waits until the server has had them all.
Task<> send(net::SocketAddr to) {
    auto stream = co_await net::TcpStream::connect(to);
    const std::vector<std::byte> data(50'000);
    (void)co_await stream->write_all(data);
    (void)stream->shutdown();
    std::vector<std::byte> end(1);
    (void)co_await stream->read(end);
}

TEST_CASE("each connection of a path that takes less sends shorter segments, not only the first to hear of it",
          "[testing][tcp]") {
    testing::Simulation sim({.link = {.delay = 10ms, .mtu = 1000}});
    auto& server = sim.host("server", serve);
    auto& client = sim.host("client");
    std::vector<JoinHandle<void>> sending;
    for (int i = 0; i < 3; ++i) sending.push_back(client.spawn(send(server.at(port))));
    CHECK(sim.run_until(
        [&sending] {
            for (const auto& each : sending)
                if (!each.is_finished()) return false;
            return true;
        },
        30s));
    CHECK(sim.wire().too_big > 0);
    CHECK(sim.wire().too_big < 50);
}

}  // namespace
}  // namespace skerry
