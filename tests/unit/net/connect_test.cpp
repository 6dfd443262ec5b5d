// RFC 8305, on virtual time: which address is tried when.

#include "support/catch.hpp"

#include <skerry/testing/runtime.hpp>

#include <skerry/net/connect.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/task/task.hpp>
#include <skerry/time/timeout.hpp>

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using testing::Answer;

constexpr std::uint16_t port = 80;

net::SocketAddr v4(std::uint8_t last) { return {net::IpAddr::v4(198, 18, 0, last), port}; }
net::SocketAddr v6(std::uint8_t last) {
    const std::string text = "fd00::" + std::to_string(last);
    return {net::IpAddr::parse(text).value(), port};
}

net::TcpListener listen(const net::SocketAddr& address) {
    auto listener = net::TcpListener::bind(address);
    REQUIRE(listener);
    return std::move(*listener);
}

// The peer, and how long it took.
struct Outcome {
    Result<net::SocketAddr> peer;
    std::chrono::nanoseconds took;
};

Outcome connect(testing::Runtime& rt, std::vector<net::SocketAddr> addresses, net::ConnectOptions options = {}) {
    const auto begin = rt.now();
    auto stream = rt.run(net::connect(std::move(addresses), options));
    const auto took = rt.now() - begin;
    if (!stream) return {stream.error(), took};
    return {stream->peer_addr(), took};
}

TEST_CASE("connect takes the first address when it answers, and asks no other", "[net][connect]") {
    testing::Runtime rt;
    auto first = listen(v4(10));
    auto second = listen(v4(11));
    const auto outcome = connect(rt, {v4(10), v4(11)});
    CHECK(outcome.peer == v4(10));
    CHECK(rt.network().counters().connections == 1);
}

TEST_CASE("connect tries the next address at once when one refuses", "[net][connect]") {
    testing::Runtime rt;
    auto second = listen(v4(11));
    const auto outcome = connect(rt, {v4(10), v4(11)});
    CHECK(outcome.peer == v4(11));
    CHECK(outcome.took < 250ms);
}

TEST_CASE("connect tries the next address after the delay when one says nothing", "[net][connect]") {
    testing::Runtime rt;
    rt.network().set_answer(v4(10), Answer::ignore);
    rt.network().set_answer(v4(11), Answer::ignore);
    auto third = listen(v4(12));
    CHECK(connect(rt, {v4(10), v4(11), v4(12)}).took >= 500ms);
    const auto quicker = connect(rt, {v4(10), v4(12)}, {.attempt_delay = 50ms});
    CHECK(quicker.peer == v4(12));
    CHECK(quicker.took >= 50ms);
    CHECK(quicker.took < 250ms);
    rt.run([]() -> Task<> { co_return; });
    CHECK(rt.network().open_sockets() == 1 + 2);  // the listener and what waits in it: the attempts that lost are gone
}

TEST_CASE("an attempt that was overtaken may still be the first to answer", "[net][connect]") {
    testing::Runtime rt;
    testing::Link slow;
    slow.delay = 200ms;
    rt.network().set_link(v4(1).ip(), v4(10).ip(), slow);
    auto first = listen(v4(10));
    rt.network().set_answer(v4(11), Answer::ignore);
    const auto outcome = connect(rt, {v4(10), v4(11)}, {.attempt_delay = 100ms});
    CHECK(outcome.peer == v4(10));
    CHECK(outcome.took >= 200ms);
}

TEST_CASE("connect lets the families take turns", "[net][connect]") {
    testing::Runtime rt;
    for (const auto& silent : {v6(10), v6(11), v6(12)}) rt.network().set_answer(silent, Answer::ignore);
    auto only = listen(v4(10));
    const auto outcome = connect(rt, {v6(10), v6(11), v6(12), v4(10)});
    CHECK(outcome.peer == v4(10));
    CHECK(outcome.took < 500ms);  // it was the second
}

TEST_CASE("connect answers with the last failure when every address fails", "[net][connect]") {
    testing::Runtime rt;
    rt.network().set_answer(v4(11), Answer::unreachable);
    CHECK(connect(rt, {v4(10), v4(11)}).peer == Errc::unreachable);
    CHECK(connect(rt, {v4(11), v4(10)}).peer == Errc::connection_refused);
    CHECK(connect(rt, {}).peer == Errc::invalid_argument);
    CHECK(rt.network().open_sockets() == 0);
}

TEST_CASE("a connect that is given up gives up its attempts", "[net][connect]") {
    testing::Runtime rt;
    rt.network().set_answer(v4(10), Answer::ignore);
    rt.network().set_answer(v4(11), Answer::ignore);
    auto outcome = rt.run(time::timeout(1s, net::connect({v4(10), v4(11)})));
    CHECK_FALSE(outcome);
    rt.run([]() -> Task<> { co_return; });
    CHECK(rt.network().open_sockets() == 0);
}

TEST_CASE("connect to a host takes its addresses from the resolver", "[net][connect]") {
    testing::Runtime rt;
    auto listener = listen(v4(10));
    auto stream = rt.run(net::connect("198.18.0.10", port));
    REQUIRE(stream);
    CHECK(stream->peer_addr() == v4(10));
}

}  // namespace
}  // namespace skerry
