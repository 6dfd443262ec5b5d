// What a program asks of a connection before it begins.

#include "support/tcp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::tcp::State;

TEST_CASE("a user timeout that was asked for before ends the SYNs too", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.endpoint();
    stack::tcp::LocalEnd from;
    from.user_timeout_ms = 2500;
    REQUIRE(host.tcp().connect(endpoint, peer_ip, 80, host.now, from));
    (void)host.only();
    host.pass(2499ms);
    CHECK(host.sent().size() == 1);  // after 1 s
    CHECK(endpoint.tcb->state == State::syn_sent);
    host.pass(1ms);
    CHECK(endpoint.tcb->state == State::closed);
    CHECK(stack::tcp::Tcp::take_error(*endpoint.tcb) == Errc::timed_out);
}

TEST_CASE("a connection begins at the port it asks for, unless that is taken", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.endpoint();
    stack::tcp::LocalEnd from;
    from.port = 4321;
    REQUIRE(host.tcp().connect(endpoint, peer_ip, 80, host.now, from));
    (void)host.only();
    CHECK(endpoint.tcb->tuple.local_port == 4321);
    TestEndpoint& other = host.endpoint();
    const auto again = host.tcp().connect(other, peer_ip, 80, host.now, from);
    REQUIRE_FALSE(again);
    CHECK(again.error() == Errc::address_in_use);
    REQUIRE(host.tcp().connect(other, peer_ip, 81, host.now, from));  // towards another it is free
    from.address = peer_ip;
    const auto foreign = host.tcp().connect(host.endpoint(), peer_ip, 82, host.now, from);
    REQUIRE_FALSE(foreign);
    CHECK(foreign.error() == Errc::address_not_available);
}

}  // namespace
}  // namespace skerry
