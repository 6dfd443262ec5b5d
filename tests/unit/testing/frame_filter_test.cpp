// Frames picked by hand.

#include "support/catch.hpp"

#include <skerry/testing/frame_filter.hpp>
#include <skerry/testing/simulation.hpp>

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>

#include <array>
#include <cstddef>
#include <vector>

namespace skerry {
namespace {

using testing::Fate;

constexpr std::uint16_t port = 80;

std::vector<bool> dropped(const testing::FrameFilter& filter, int frames) {
    std::vector<bool> each;
    for (int i = 0; i < frames; ++i) {
        const std::array<std::byte, 1> frame{static_cast<std::byte>(i)};
        each.push_back(filter(frame) == Fate::drop);
    }
    return each;
}

TEST_CASE("the nth frame is dropped and no other", "[testing][filter]") {
    CHECK(dropped(testing::drop_nth(3), 5) == std::vector<bool>{false, false, true, false, false});
    CHECK(dropped(testing::drop_nth(1), 2) == std::vector<bool>{true, false});
}

TEST_CASE("the first frame that is meant is dropped, its like later is not", "[testing][filter]") {
    const auto is_odd = [](std::span<const std::byte> frame) { return (std::to_integer<int>(frame[0]) & 1) != 0; };
    CHECK(dropped(testing::drop_once(is_odd), 5) == std::vector<bool>{false, true, false, false, false});
}

TEST_CASE("data that is lost once is sent again once", "[testing][filter]") {
    testing::Simulation sim;
    auto& server = sim.host("server", []() -> Task<> {
        auto listener = net::TcpListener::bind({net::IpAddr::v4_any(), port});
        auto stream = co_await listener->accept();
        std::vector<std::byte> all(1 << 16);
        for (;;) {
            auto count = co_await stream->read(all);
            if (!count || *count == 0) co_return;
        }
    });
    auto& client = sim.host("client");
    sim.set_filter(client, server, testing::drop_data_once(50'000));
    client.run([to = server.at(port)]() -> Task<> {
        auto stream = co_await net::TcpStream::connect(to);
        const std::vector<std::byte> data(100'000);
        (void)co_await stream->write_all(data);
        (void)stream->shutdown();
        std::array<std::byte, 1> end;
        auto count = co_await stream->read(end);
        CHECK((count && *count == 0));
    });
    CHECK(sim.wire().filtered == 1);
    CHECK(sim.wire().dropped == 0);
}

TEST_CASE("a filter stands on one way and is gone when it is set to none", "[testing][filter]") {
    testing::Simulation sim;
    auto& one = sim.host("one");
    auto& two = sim.host("two");
    const auto all = [](std::span<const std::byte>) { return Fate::drop; };
    const auto connects = [](testing::Host& from, testing::Host& to) {
        return from.run([at = to.at(port)]() -> Task<bool> {  // nobody listens there: a reset says so
            auto stream = co_await net::TcpStream::connect(at);
            co_return !stream && stream.error().code() == Errc::connection_refused;
        });
    };
    sim.set_filter(one, two, all);
    CHECK_FALSE(connects(one, two));
    CHECK(sim.wire().filtered > 0);
    sim.set_filter(one, two, {});
    CHECK(connects(one, two));
}

}  // namespace
}  // namespace skerry
