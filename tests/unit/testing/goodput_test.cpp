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

testing::Link long_way() {
    testing::Link way;
    way.delay = 25ms;
    way.bytes_per_second = 12'500'000;
    return way;
}

/// What one connection carries in the two seconds behind the first, in parts of what the way could.
double share_of_way(testing::Link way, std::uint64_t seed = 1) {
    std::uint64_t bytes = 0;
    testing::SimulationOptions options;
    options.seed = seed;
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
    CHECK(share_of_way(long_way()) > 0.9);
}

// The queue holds a round trip's bytes and 64 KiB: a sender that is promised more than fits loses segments there, and
// learns of it behind a hole.
TEST_CASE("one connection fills a long way on which segments overtake each other", "[testing][goodput]") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        INFO("seed " << seed);
        testing::Link way = long_way();
        way.queue_bytes = 690'000;
        way.reorder = 0.01;
        way.reorder_delay = 12500us;
        CHECK(share_of_way(way, seed) > 0.8);
    }
}

}  // namespace skerry
