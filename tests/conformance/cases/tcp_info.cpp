#include "fixture.hpp"

#include <skerry/task/spawn.hpp>
#include <skerry/time/sleep.hpp>

namespace skerry::conformance {
namespace {

using namespace std::chrono_literals;
using net::TcpState;

TEST_CASE("info tells the state of a connection from its beginning to its end", "[net][tcp][info]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto state = [](const net::TcpStream& stream) {
            const auto info = stream.info();
            REQUIRE(info);
            return info->state;
        };
        CHECK(state(pair.client) == TcpState::established);
        CHECK(state(pair.server) == TcpState::established);
        std::array<std::byte, 16> buffer{};
        auto written = co_await pair.client.write_all(buffer);
        REQUIRE(written);
        auto read = co_await pair.server.read_exact(buffer);
        REQUIRE(read);
        REQUIRE(pair.client.shutdown());
        auto end = co_await pair.server.read(buffer);
        REQUIRE(end == 0U);
        CHECK(state(pair.server) == TcpState::close_wait);
        while (state(pair.client) == TcpState::fin_wait_1) co_await time::sleep(1ms);
        CHECK(state(pair.client) == TcpState::fin_wait_2);
    });
}

TEST_CASE("info tells what was written and is not acknowledged", "[net][tcp][info]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const std::array<std::byte, 1000> data{};
        auto written = co_await pair.client.write_all(data);
        REQUIRE(written);
        std::array<std::byte, 1000> buffer{};
        auto read = co_await pair.server.read_exact(buffer);
        REQUIRE(read);
        auto info = pair.client.info();
        for (int turns = 0; turns < 2000 && info && info->unacknowledged != 0; ++turns) {
            co_await time::sleep(1ms);
            info = pair.client.info();
        }
        REQUIRE(info);
        CHECK(info->unacknowledged == 0);
        CHECK(info->unsent == 0);
        CHECK(info->retransmitted == 0);
        CHECK(info->send_mss >= 536);
        CHECK(info->send_window > 0);
        CHECK(info->congestion_window >= info->send_mss);
        CHECK(info->slow_start_threshold == net::TcpInfo::no_threshold);
    });
}

TEST_CASE("who was asked for quick acknowledgements does not wait for a second segment", "[net][tcp][info]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        REQUIRE(pair.server.set_quickack(true));
        const std::array<std::byte, 1> byte{};
        co_await write_whole(pair.client, byte);
        const auto begin = time::Instant::now();
        while (pair.client.info().value_or(net::TcpInfo{}).unacknowledged != 0) co_await time::sleep(1ms);
        if (is_time_virtual) CHECK(time::Instant::now() - begin < 20ms);  // half of what a delayed one takes
    });
}

TEST_CASE("info tells what the peer does not take", "[net][tcp][info]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const std::vector<std::byte> data(std::size_t{32} << 20);
        auto writing = spawn([](net::TcpStream& to, std::span<const std::byte> bytes) -> Task<> {
            (void)co_await to.write_all(bytes);
        }(pair.client, data));
        net::TcpInfo info;
        for (int turns = 0; turns < 2000 && info.unsent == 0; ++turns) {
            co_await time::sleep(1ms);
            info = pair.client.info().value_or(net::TcpInfo{});
        }
        CHECK(info.unsent > 0);
        writing.abort();
        (void)co_await std::move(writing);
    });
}

}  // namespace
}  // namespace skerry::conformance
