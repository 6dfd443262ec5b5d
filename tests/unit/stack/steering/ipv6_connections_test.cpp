// Several cores with one IPv6 address: connections, whose peers have another number on each core.

#include "support/icmp_about.hpp"
#include "support/listening_cores.hpp"

#include <algorithm>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;
using stack::wire::Ipv6Addr;

struct Net : ListeningCores {
    explicit Net(const stack::SteeringOptions& how = options(2, 1), const stack::StackConfig& config = host6_config())
        : ListeningCores(how, config) {}

    /// Makes the cores' numbers for hosts differ: each holds so many others first.
    void hold_others(std::size_t core, std::uint16_t count) {
        stack::Hosts& hosts = cores[core]->stack.hosts();
        for (std::uint16_t i = 0; i < count; ++i) REQUIRE(hosts.hold(hosts.name(near6(i))));
    }
};

TEST_CASE("one IPv6 listener gets every connection, whichever core has the queue", "[stack][steering][tcp][ipv6]") {
    Net net;
    net.hold_others(1, 5);
    REQUIRE(net.listen(1, false));
    for (int i = 0; i < 30; ++i) {
        Pair* const pair = net.connect();
        REQUIRE(pair != nullptr);
        CHECK(pair->core == net.cores[1].get());
        CHECK(net.talks(*pair));
    }
    CHECK(net.counts() == std::vector<std::size_t>{0, 30});
    CHECK(net[0].stack.drops().total() == 0);
    CHECK(net[1].stack.drops().total() == 0);
}

TEST_CASE("with one queue IPv6 connections spread over the cores that listen, and end",
          "[stack][steering][tcp][ipv6]") {
    Net net(StackCores::options(3, 1));
    net.hold_others(2, 3);
    REQUIRE(net.listen(0));
    REQUIRE(net.listen(2));
    for (int i = 0; i < 60; ++i) {
        Pair* const pair = net.connect();
        REQUIRE(pair != nullptr);
        CHECK(net.talks(*pair));
    }
    const auto counts = net.counts();
    CHECK(counts[0] > 15);
    CHECK(counts[1] == 0);
    CHECK(counts[2] > 15);
    for (Pair& pair : net.pairs) net.end(pair);
    CHECK(net.counts() == std::vector<std::size_t>{0, 0, 0});
}

TEST_CASE("the final acknowledgement of an IPv6 cookie finds the core that sent it",
          "[stack][steering][tcp][ipv6][cookie]") {
    stack::StackConfig config = host6_config();
    config.tcp.syn_cookies = stack::SynCookies::always;
    Net net(StackCores::options(3, 1), config);
    REQUIRE(net.listen(0));
    REQUIRE(net.listen(2));
    for (int i = 0; i < 40; ++i) {
        Pair* const pair = net.connect();
        REQUIRE(pair != nullptr);
        CHECK(net.talks(*pair));
    }
    CHECK(net[0].stack.tcp().cookies().accepted > 8);
    CHECK(net[2].stack.tcp().cookies().accepted > 8);
    CHECK(net[0].stack.tcp().cookies().refused + net[2].stack.tcp().cookies().refused == 0);
}

/// By which queue a NIC brings a frame.
std::size_t hashed(StackCores& cores, std::span<const std::byte> frame) {
    const auto at = frame.subspan(stack::wire::ethernet_bytes);
    if (frame[12] != std::byte{0x86} || at[6] != std::byte{stack::wire::ip_protocol::tcp}) return 0;
    const std::uint32_t hash =
        cores.shared->toeplitz().hash(stack::wire::load_ipv6(&at[8]), stack::wire::load_ipv6(&at[24]),
                                      stack::wire::load_be16(&at[40]), stack::wire::load_be16(&at[42]));
    return cores.shared->core_of(hash);
}

TEST_CASE("where the port's hash of IPv6 is known, nothing of a connection crosses", "[stack][steering][tcp][ipv6]") {
    const std::uint16_t queues = GENERATE(std::uint16_t{2}, std::uint16_t{3});
    stack::SteeringOptions how = StackCores::options(2, queues);
    how.hash_predicts = true;
    Net net(how);
    net.queue_of = [&](std::span<const std::byte> frame) { return hashed(net, frame); };
    REQUIRE(net.listen(0));
    REQUIRE(net.listen(1));
    REQUIRE(net.connect() != nullptr);  // with an introduction
    const std::uint64_t before = net.crossed();
    for (int i = 0; i < 40; ++i) {
        Pair* const pair = net.connect();
        REQUIRE(pair != nullptr);
        CHECK(net.talks(*pair));
    }
    CHECK(net.crossed() == before);
    CHECK(net.counts()[0] > 8);
    CHECK(net.counts()[1] > 8);

    // And what we begin comes home too.
    TestAcceptor theirs;
    REQUIRE(net.peer->stack.tcp().listen(theirs, stack::Hosts::any_v6, 80, 64));
    for (std::size_t i = 0; i < 20; ++i) {
        TestEndpoint ours;
        REQUIRE(net[i % 2].stack.tcp().connect(ours, net.peer_of(net[i % 2]), 80, net.now));
        net.converse();
        CHECK(ours.tcb->state == State::established);
        net[i % 2].stack.tcp().close(ours, net.now);
    }
    CHECK(net.crossed() == before);
    net.peer->stack.tcp().close(theirs, net.now);
}

TEST_CASE("a port that hashes IPv4 alone brings IPv6 to its first queue, and connections spread by software",
          "[stack][steering][tcp][ipv6]") {
    stack::SteeringOptions how = StackCores::options(2, 2);
    how.hash_predicts = true;
    how.hashes_v6 = false;
    how.hashes_udp6_ports = false;
    Net net(how);
    REQUIRE(net.listen(0));
    REQUIRE(net.listen(1));
    for (int i = 0; i < 40; ++i) {
        Pair* const pair = net.connect();
        REQUIRE(pair != nullptr);
        CHECK(net.talks(*pair));
    }
    CHECK(net.counts()[0] > 8);
    CHECK(net.counts()[1] > 8);
}

TEST_CASE("an IPv6 connection stays where it is, whoever listens, until its TIME-WAIT is over",
          "[stack][steering][tcp][ipv6]") {
    Net net;
    net.hold_others(1, 2);
    REQUIRE(net.listen(1));
    Pair* const pair = net.connect();
    REQUIRE(pair != nullptr);
    REQUIRE(net.listen(0));
    net.close(1);
    CHECK(net.talks(*pair));
    const stack::tcp::Tuple tuple = pair->ours->tcb->tuple;
    const auto owner = [&] {
        return net.shared->flows().find(stack::FlowKey(tuple, net[1].stack.hosts().identity(peer6)));
    };
    CHECK(owner() == 1);
    net[1].stack.tcp().close(*pair->ours, net.now);  // first, so TIME-WAIT is ours
    net.converse();
    net.peer->stack.tcp().close(*pair->theirs, net.now);
    net.converse();
    CHECK(net[1].stack.tcp().sizes().time_wait == 1);
    CHECK(owner() == 1);
    net.pass(2min);
    CHECK(net[1].stack.tcp().sizes().time_wait == 0);
    CHECK(owner() == stack::FlowOwners::nobody);
}

TEST_CASE("cores without a queue connect by IPv6, and no two choose one number", "[stack][steering][tcp][ipv6]") {
    Net net(StackCores::options(3, 1));
    net.connect_in_turn(60);
}

TEST_CASE("a core reaches another core's listener by our own IPv6 address", "[stack][steering][tcp][ipv6]") {
    Net net;
    REQUIRE(net.listen(1, false));
    TestEndpoint near;
    REQUIRE(net[0].stack.tcp().connect(near, stack::Hosts::own_v6, listened_port, net.now));
    net.converse();
    CHECK(near.tcb->state == State::established);
    TestEndpoint far;
    REQUIRE(net[1].stack.tcp().accept(*net.acceptors[1], far));
    net[0].stack.tcp().close(near, net.now);
    net.converse();
    net[1].stack.tcp().close(far, net.now);
    net.converse();
}

TEST_CASE("the families of a port may be two cores'", "[stack][steering][tcp][ipv6]") {
    Net net;
    TestAcceptor of_v4;
    TestAcceptor of_v6;
    of_v6.v6_only = true;
    REQUIRE(net[0].stack.tcp().listen(of_v4, {}, 80, 16));
    REQUIRE(net[1].stack.tcp().listen(of_v6, stack::Hosts::any_v6, 80, 16));
    TestAcceptor refused;
    CHECK(net[0].stack.tcp().listen(refused, stack::Hosts::own_v6, 80, 16).error() == Errc::address_in_use);
    TestEndpoint by_v4;
    TestEndpoint by_v6;
    REQUIRE(net.peer->stack.tcp().connect(by_v4, host_ip, 80, net.now));
    REQUIRE(net.peer->stack.tcp().connect(by_v6, net.host_of(*net.peer), 80, net.now));
    net.converse();
    CHECK(net.counts() == std::vector<std::size_t>{1, 1});
    net.peer->stack.tcp().close(by_v4, net.now);
    net.peer->stack.tcp().close(by_v6, net.now);
    net.converse();
    net[0].stack.tcp().close(of_v4, net.now);
    net[1].stack.tcp().close(of_v6, net.now);
}

TEST_CASE("an ICMPv6 error about a SYN reaches the core that connects", "[stack][steering][tcp][ipv6][icmp]") {
    Net net(StackCores::options(2, 1));
    REQUIRE(net.listen(1));
    REQUIRE(net.connect() != nullptr);  // all know each other
    TestEndpoint ours;
    REQUIRE(net[1].stack.tcp().connect(ours, net.peer_of(net[1]), 80, net.now));
    const std::vector<Bytes> sent = net.taken(1);
    REQUIRE(sent.size() == 1);
    net.give(0, error6(stack::wire::Icmpv6Type::unreachable, stack::wire::icmpv6_code::port_unreachable,
                       std::span(sent.front()).subspan(stack::wire::ethernet_bytes)));
    net.cross();
    CHECK(ours.tcb->error == Errc::connection_refused);
    net[1].stack.tcp().close(ours, net.now);
}

TEST_CASE("a packet too big about an IPv6 connection reaches its core", "[stack][steering][tcp][ipv6][icmp]") {
    Net net;
    REQUIRE(net.listen(1, false));
    Pair* const pair = net.connect();
    REQUIRE(pair != nullptr);
    const std::string text(3000, 'x');
    net[1].stack.tcp().write(*pair->ours->tcb, bytes_of(text), net.now);
    const std::vector<Bytes> sent = net.taken(1);
    REQUIRE(!sent.empty());
    REQUIRE(sent.front().size() > 1414);
    net.give(0, error6(stack::wire::Icmpv6Type::packet_too_big, 0,
                       std::span(sent.front()).subspan(stack::wire::ethernet_bytes).first(1200)));
    net.cross();
    std::string got;
    for (int i = 0; i < 20 && got.size() < text.size(); ++i) {
        for (const Bytes& frame : net.taken(1)) {
            CHECK(frame.size() <= 1414);  // what it said, and Ethernet's header
            stack::Frame* const copy = net.peer->frames.allocate();
            std::memcpy(copy->data, frame.data(), frame.size());
            copy->length = static_cast<std::uint16_t>(frame.size());
            net.peer->stack.input(std::span(&copy, 1), net.now);
        }
        for (const Bytes& frame : net.taken(*net.peer)) net.give(0, frame);
        net.cross();
        got += read(net, *net.peer, *pair->theirs);
        net.now = net.now + 100ms;
    }
    CHECK(got == text);
}

}  // namespace
}  // namespace skerry
