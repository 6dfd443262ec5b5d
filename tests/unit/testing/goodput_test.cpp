#include "support/catch.hpp"

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/testing/simulation.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t port = 80;

Task<> count_bytes(std::uint64_t* bytes) {
    auto listener = net::TcpListener::bind(net::SocketAddr(net::IpAddr::v4(0, 0, 0, 0), port));
    REQUIRE(listener);
    auto stream = co_await listener->accept();
    REQUIRE(stream);
    std::vector<std::byte> buffer(std::size_t{64} * 1024);
    for (;;) {
        auto count = co_await stream->read(buffer);
        if (!count || *count == 0) co_return;
        *bytes += *count;
    }
}

Task<> send_for_ever(net::SocketAddr to) {
    auto stream = co_await net::TcpStream::connect(to);
    REQUIRE(stream);
    const std::vector<std::byte> buffer(std::size_t{64} * 1024);
    for (;;) {
        auto written = co_await stream->write_all(buffer);
        if (!written) co_return;
    }
}

/// What one connection carries in the two seconds behind the first, in parts of what the way could.
double share_of_way(testing::Link way) {
    std::uint64_t bytes = 0;
    testing::SimulationOptions options;
    options.link = way;
    testing::Simulation sim(options);
    auto& server = sim.host("server", [&] { return count_bytes(&bytes); });
    auto& client = sim.host("client");
    auto sending = client.spawn(send_for_ever(server.at(port)));
    sim.run_for(1s);
    const std::uint64_t before = bytes;
    sim.run_for(2s);
    return static_cast<double>(bytes - before) / (2.0 * static_cast<double>(way.bytes_per_second));
}

}  // namespace

TEST_CASE("one connection fills a way of 50 ms and 100 Mbit/s that loses nothing", "[testing][goodput]") {
    testing::Link way;
    way.delay = 25ms;
    way.bytes_per_second = 12'500'000;
    CHECK(share_of_way(way) > 0.9);
}

}  // namespace skerry
