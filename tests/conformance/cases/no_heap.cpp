#include "fixture.hpp"

#include <skerry/testing/no_alloc.hpp>

namespace skerry::conformance {
namespace {

constexpr int warm_up = 300;  // rounds in which queues and pools reach their size
constexpr int rounds = 500;

/// How many of the rounds came back.
Task<int> ask_by_tcp(Pair& pair, int times) {
    std::array<std::byte, 64> question{};
    std::array<std::byte, 64> heard;
    int answered = 0;
    for (int i = 0; i < times; ++i) {
        auto asked = co_await pair.client.write_all(question);
        auto came = co_await pair.server.read_exact(heard);
        auto answer = co_await pair.server.write_all(heard);
        auto back = co_await pair.client.read_exact(heard);
        answered += asked && came && answer && back ? 1 : 0;
    }
    co_return answered;
}

TEST_CASE("what goes to and fro by TCP takes nothing from the heap", "[net][tcp][cost]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        (void)co_await ask_by_tcp(pair, warm_up);
        const testing::NoAlloc guard;
        const int answered = co_await ask_by_tcp(pair, rounds);
        const auto allocations = guard.allocations();
        CHECK(answered == rounds);
        CHECK((allocations == 0 || is_network_on_heap));
    });
}

Task<int> ask_by_udp(net::UdpSocket& client, net::UdpSocket& server, int times) {
    std::array<std::byte, 64> question{};
    std::array<std::byte, 64> heard;
    int answered = 0;
    for (int i = 0; i < times; ++i) {
        auto asked = co_await client.send_to(question, server.local_addr());
        auto came = co_await server.recv_from(heard);
        if (!asked || !came) break;
        auto answer = co_await server.send_to(heard, came->peer);
        auto back = co_await client.recv_from(heard);
        answered += answer && back ? 1 : 0;
    }
    co_return answered;
}

TEST_CASE("what goes to and fro by UDP takes nothing from the heap", "[net][udp][cost]") {
    run([]() -> Task<> {
        auto client = bind_udp();
        auto server = bind_udp();
        (void)co_await ask_by_udp(client, server, warm_up);
        const testing::NoAlloc guard;
        const int answered = co_await ask_by_udp(client, server, rounds);
        const auto allocations = guard.allocations();
        CHECK(answered == rounds);
        CHECK((allocations == 0 || is_network_on_heap));
    });
}

}  // namespace
}  // namespace skerry::conformance
