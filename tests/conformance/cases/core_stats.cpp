#include "fixture.hpp"

#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/core_stats.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>

#include <array>

namespace skerry::conformance {
namespace {

TEST_CASE("what a core's sockets hold is counted and given back", "[net][core_stats]") {
    run([]() -> Task<> {
        const auto before = runtime::core_stats();
        {
            auto pair = co_await connect_pair();
            const auto held = runtime::core_stats();
            CHECK(held.sockets.open == before.sockets.open + 2);
            CHECK(held.sockets.accepted == before.sockets.accepted + 1);
        }
        CHECK(runtime::core_stats().sockets.open == before.sockets.open);
    });
}

TEST_CASE("a task of the core counts, with its block, until its handle is gone", "[core_stats]") {
    run([]() -> Task<> {
        const auto before = runtime::core_stats();
        {
            auto waiting = spawn([]() -> Task<> {
                for (;;) co_await yield_now();
            }());
            const auto held = runtime::core_stats();
            CHECK(held.live_tasks == before.live_tasks + 1);
            CHECK(held.slab.live_blocks == before.slab.live_blocks + 1);
            waiting.abort();
            auto ended = co_await waiting;
            CHECK_FALSE(ended);
        }
        CHECK(runtime::core_stats().live_tasks == before.live_tasks);
        CHECK(runtime::core_stats().slab.live_blocks == before.slab.live_blocks);
    });
}

TEST_CASE("only datagrams that a program holds count as buffers that are out", "[net][udp][core_stats]") {
    run([]() -> Task<> {
        auto receiver = net::UdpSocket::bind(any_port);
        auto sender = net::UdpSocket::bind(any_port);
        REQUIRE(receiver);
        REQUIRE(sender);
        const auto before = runtime::core_stats().sockets.buffers_out;
        {
            std::array<net::Datagram, 32> batch;
            auto sent = co_await sender->send_to(bytes_of("one"), receiver->local_addr());
            REQUIRE(sent);
            auto count = co_await receiver->recv_batch(batch);
            REQUIRE(count);
            CHECK(*count == 1U);
            // The simulated network keeps its datagrams on the heap and has no pool to count.
            const auto held = runtime::core_stats().sockets.buffers_out - before;
            CHECK(held <= 1U);
        }
        CHECK(runtime::core_stats().sockets.buffers_out == before);
    });
}

}  // namespace
}  // namespace skerry::conformance
