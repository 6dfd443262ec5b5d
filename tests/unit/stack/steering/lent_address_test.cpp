// An address that a DHCP server lends, on several cores: one asks for it, all have it.

#include "support/dhcp_server.hpp"
#include "support/stack_cores.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::DhcpState;
using stack::Drop;
using stack::wire::ArpOperation;
using stack::wire::DhcpType;
using stack::wire::Ipv4Addr;

/// Two cores with a queue each, and a server that the test is.
struct LentCores : StackCores {
    LentCores() : StackCores(options(2, 2), lending_config()) {}

    DhcpSaid said(std::size_t core) {
        for (const Bytes& frame : taken(core))
            if (auto found = dhcp_said(frame, now)) return *found;
        FAIL("nothing was said");
        return {};
    }
    void answer(std::size_t core, DhcpType type, const DhcpSaid& to) {
        DhcpServerMessage message;
        message.xid = to.xid;
        message.options.type(type).address(54, peer_ip).number(51, 600).address(1, {0xffff'ff00U});
        give(core, dhcp_frame(message.bytes()));
        cross();
    }
    /// Time goes by, and what leaves is thrown away.
    void wait(std::chrono::nanoseconds time) {
        for (const time::Instant until = now + time; now < until;) {
            now = now + 10ms;
            for (auto& core : cores) (void)taken(*core);
            cross();
        }
    }
    [[nodiscard]] stack::DhcpClient& client() { return *cores[0]->stack.dhcp(); }
    Ipv4Addr address(std::size_t core) { return cores[core]->stack.config().address; }
    void be_acknowledged() {
        answer(1, DhcpType::offer, said(0));
        answer(0, DhcpType::ack, said(0));
        REQUIRE(client().state() == DhcpState::checking);
    }
};

TEST_CASE("the first core asks for the address, by whatever queue it is answered", "[stack][steering][dhcp]") {
    LentCores cores;
    CHECK(cores[1].stack.dhcp() == nullptr);
    CHECK(cores.taken(1).empty());
    cores.be_acknowledged();
    CHECK(cores.address(1) == Ipv4Addr{});
    cores.wait(8s);
    CHECK(cores.client().state() == DhcpState::bound);
    CHECK(cores.address(0) == lent_ip);
    CHECK(cores.address(1) == lent_ip);
    CHECK(cores[1].stack.config().prefix_bits == 24);
}

TEST_CASE("who has the address is heard by whatever queue the answer comes", "[stack][steering][dhcp]") {
    LentCores cores;
    cores.be_acknowledged();
    cores.give(1, arp(ArpOperation::reply, lent_ip, {{2, 0, 0, 0, 0, 9}}, {}, host_mac));
    cores.cross();
    CHECK(cores[0].stack.drops()[Drop::dhcp_conflict] == 1);
    cores.wait(8s);
    CHECK(cores.address(0) == Ipv4Addr{});
    CHECK(cores.address(1) == Ipv4Addr{});
}

TEST_CASE("when the lease is over no core has the address", "[stack][steering][dhcp]") {
    LentCores cores;
    cores.be_acknowledged();
    cores.wait(8s);
    TextSocket& bound = cores[1].bind(7000, false, lent_ip);
    cores.wait(600s);
    CHECK(cores.address(0) == Ipv4Addr{});
    CHECK(cores.address(1) == Ipv4Addr{});
    CHECK(bound.untold == Errc::address_not_available);
}

TEST_CASE("a port that was bound to an address that went is free when it is closed", "[stack][steering][dhcp]") {
    LentCores cores;
    cores.be_acknowledged();
    cores.wait(8s);
    TextSocket& bound = cores[1].bind(7000, false, lent_ip);
    stack::Ipv4Network none;
    cores[0].stack.take_network(none, cores.now);
    cores.cross();
    REQUIRE(cores.address(1) == Ipv4Addr{});
    cores[1].stack.udp().close(bound, cores.now);
    TextSocket next;
    CHECK(cores[0].stack.udp().open(next, {}, 7000));
    cores[0].stack.udp().close(next, cores.now);
    REQUIRE(cores[1].stack.udp().open(bound, {}, 7001));  // it is closed with the core
}

TEST_CASE("a core that is made late finds the address", "[stack][steering][dhcp]") {
    LentCores cores;
    cores.be_acknowledged();
    cores.wait(8s);
    cores.cores.pop_back();
    stack::StackConfig config = lending_config();
    config.seat = {cores.shared, 1};
    cores.cores.push_back(std::make_unique<StackCores::Core>(config, cores.now));
    CHECK(cores.address(1) == lent_ip);
}

TEST_CASE("messages of DHCP for another core are limited, too", "[stack][steering][dhcp][limits]") {
    LentCores cores;
    const DhcpSaid discover = cores.said(0);
    for (int i = 0; i < 5000; ++i) cores.answer(1, DhcpType::ack, discover);
    CHECK(cores[1].stack.drops()[Drop::steering_rate] > 0);
    CHECK(cores[0].stack.drops()[Drop::dhcp_unexpected] + cores[1].stack.drops()[Drop::steering_rate] == 5000);
}

TEST_CASE("what strangers send to the client's port takes no share from the server",
          "[stack][steering][dhcp][limits]") {
    LentCores cores;
    const DhcpSaid discover = cores.said(0);
    DhcpServerMessage stranger;
    stranger.xid = discover.xid;
    Bytes message = stranger.bytes();
    message[28] ^= std::byte{0x80};  // another client's hardware address
    for (int i = 0; i < 5000; ++i) cores.give(1, dhcp_frame(message));
    cores.cross();
    CHECK(cores[1].stack.drops()[Drop::dhcp_not_ours] == 5000);
    cores.answer(1, DhcpType::offer, discover);
    CHECK(cores.client().state() == DhcpState::requesting);
}

TEST_CASE("a router outside the network answers the core that asked", "[stack][steering][arp][dhcp]") {
    LentCores cores;
    stack::Ipv4Network network;
    network.address = lent_ip;
    network.prefix_bits = 32;
    network.gateway = peer_ip;
    cores[0].stack.take_network(network, cores.now);
    cores.cross();
    REQUIRE(cores.address(1) == lent_ip);
    (void)cores.taken(0);
    (void)cores.taken(1);
    TextSocket& socket = cores[1].bind(7001);
    REQUIRE(cores[1].stack.udp().send(socket, Ipv4Addr::of(8, 8, 8, 8), 9, {}, cores.now));
    REQUIRE(cores.taken(1).size() == 1);  // the question
    cores.give(0, arp(ArpOperation::reply, peer_ip, {{2, 0, 0, 0, 0, 9}}, lent_ip, host_mac));
    cores.cross();
    const auto sent = cores.taken(1);
    REQUIRE(sent.size() == 1);
    CHECK(sent.front()[13] == std::byte{0});  // IPv4
    CHECK(cores[0].stack.drops()[Drop::arp_unsolicited] == 0);
}

}  // namespace
}  // namespace skerry
