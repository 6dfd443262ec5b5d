// What is asked of connections by their addresses.

#include "support/tcp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using backend::TcpState;
using stack::tcp::Tuple;

constexpr Tuple ends{host_ip, peer_ip, host_port, peer_port};

TEST_CASE("where a connection stands can be asked from its first SYN to the end of TIME-WAIT", "[stack][tcp]") {
    TcpHost host;
    CHECK_FALSE(host.tcp().state_of(ends));
    TestSegment syn;
    syn.flags = flag::syn;
    syn.seq = 999;
    host.come(syn);
    CHECK(host.only().flags == (flag::syn | flag::ack));
    CHECK(host.tcp().state_of(ends) == TcpState::syn_received);
    syn.seq = 999;
    TestEndpoint& endpoint = host.establish(syn);
    CHECK(host.tcp().state_of(ends) == TcpState::established);
    host.tcp().close(endpoint, host.now);
    CHECK(host.sent().size() == 1);
    CHECK(host.tcp().state_of(ends) == TcpState::fin_wait_1);  // nobody has it any more
    host.acknowledge(host.host_seq + 1);
    CHECK(host.tcp().state_of(ends) == TcpState::fin_wait_2);
    host.host_seq += 1;
    host.say("", flag::fin | flag::ack);
    CHECK(host.sent().size() == 1);
    CHECK(host.tcp().state_of(ends) == TcpState::time_wait);
    host.pass(60s);
    CHECK_FALSE(host.tcp().state_of(ends));
}

TEST_CASE("a connection that is ended from outside is reset, and its owner is told", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    REQUIRE(host.tcp().abort(ends, host.now));
    const TestSegment reset = host.only();
    CHECK(reset.flags == (flag::rst | flag::ack));
    CHECK(reset.seq == host.host_seq);
    CHECK(endpoint.calls == 1);
    CHECK(stack::tcp::Tcp::take_error(*endpoint.tcb) == Errc::connection_aborted);
    CHECK_FALSE(host.tcp().abort(ends, host.now));
}

TEST_CASE("one that is in TIME-WAIT can be ended, a handshake of a peer's cannot", "[stack][tcp]") {
    TcpHost host;
    TestSegment syn;
    syn.flags = flag::syn;
    syn.seq = 999;
    host.come(syn);
    (void)host.sent();
    CHECK_FALSE(host.tcp().abort(ends, host.now));
    TestEndpoint& endpoint = host.establish(syn);
    host.tcp().close(endpoint, host.now);
    host.acknowledge(host.host_seq + 1);
    host.host_seq += 1;
    host.say("", flag::fin | flag::ack);
    (void)host.sent();
    REQUIRE(host.tcp().sizes().time_wait == 1);
    CHECK(host.tcp().abort(ends, host.now));
    CHECK(host.sent().empty());
    CHECK(host.tcp().sizes().time_wait == 0);
}

TEST_CASE("a SYN of ours that is given up from outside resets nobody", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.endpoint();
    REQUIRE(host.tcp().connect(endpoint, peer_ip, peer_port, host.now));
    (void)host.sent();
    const Tuple own{host_ip, peer_ip, host.last_port, peer_port};
    REQUIRE(host.tcp().state_of(own) == TcpState::syn_sent);
    CHECK(host.tcp().abort(own, host.now));
    CHECK(host.sent().empty());
    CHECK(stack::tcp::Tcp::take_error(*endpoint.tcb) == Errc::connection_aborted);
}

}  // namespace
}  // namespace skerry
