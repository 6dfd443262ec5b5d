// A host that talks to itself: a dialogue in the steady state, without a wire.

#include "support/tcp_host.hpp"

#include <skerry/testing/no_alloc.hpp>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;

void turn(TcpHost& host) {
    host.now = host.now + 1ms;
    host.stack.input({}, host.now);
    host.stack.advance(host.now);
}

TEST_CASE("a dialogue allocates nothing, and each end reads what the other wrote", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& client = host.endpoint();
    REQUIRE(host.tcp().connect(client, host_ip, host_port, host.now));
    for (int i = 0; i < 4; ++i) turn(host);
    TestEndpoint& server = host.endpoint();
    REQUIRE(host.tcp().accept(host.acceptor, server));
    std::array<std::byte, 64> question;
    std::array<std::byte, 128> seen{};
    bool is_intact = true;
    const auto say = [&](TestEndpoint& from, TestEndpoint& to, int number) {
        question.fill(static_cast<std::byte>(number));
        is_intact &= host.tcp().write(*from.tcb, question, host.now) == question.size();
        turn(host);
        const std::size_t count = host.tcp().read(*to.tcb, seen, host.now);
        is_intact &= count == question.size() && std::equal(question.begin(), question.end(), seen.begin());
    };
    for (int i = 0; i < 10; ++i) {
        say(client, server, i);
        say(server, client, i + 1);
    }
    const testing::NoAlloc guard;
    for (int i = 0; i < 1000; ++i) {
        say(client, server, i);
        say(server, client, i + 1);
    }
    const auto allocations = guard.allocations();
    CHECK(allocations == 0);
    CHECK(is_intact);
    CHECK(host.stack.drops().total() == 0);
}

}  // namespace
}  // namespace skerry
