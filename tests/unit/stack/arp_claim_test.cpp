// Our IPv4 address, as the link hears of it: RFC 5227.

#include "support/tcp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::ArpOperation;
using stack::wire::ArpPacket;
using stack::wire::MacAddr;

constexpr MacAddr other_mac{{2, 0, 0, 0, 0, 9}};

stack::StackConfig claiming() {
    stack::StackConfig config = host_config();
    config.claims_address = true;
    return config;
}

/// How many announcements left, and that nothing else did.
std::size_t announced(StackHost& host) {
    const auto out = host.taken();
    for (const Bytes& frame : out) {
        stack::wire::EthernetHeader header;
        REQUIRE(stack::wire::parse(frame, header) == Drop::none);
        CHECK(header.destination == MacAddr::broadcast());
        REQUIRE(header.ether_type == stack::wire::ether_type::arp);
        ArpPacket packet;
        REQUIRE(parse(std::span(frame).subspan(stack::wire::ethernet_bytes), packet) == Drop::none);
        CHECK(packet.operation == ArpOperation::request);
        CHECK(packet.sender_mac == host_mac);
        CHECK(packet.target_mac == MacAddr{});
        CHECK((packet.sender_ip == host_ip && packet.target_ip == host_ip));
    }
    return out.size();
}

TEST_CASE("our address is announced when the stack starts, and once more in two seconds", "[stack][arp]") {
    StackHost host(claiming());
    CHECK(announced(host) == 1);
    host.pass(1999ms);
    CHECK(announced(host) == 0);
    host.pass(1ms);
    CHECK(announced(host) == 1);
    host.pass(1h);
    CHECK(announced(host) == 0);
    CHECK(host.frames.out() == 0);
}

TEST_CASE("another station with our address is contradicted once in ten seconds", "[stack][arp]") {
    StackHost host(claiming());
    host.pass(5s);
    (void)host.taken();
    const auto come = [&host](const MacAddr& from) {
        host.give(arp(ArpOperation::request, host_ip, from, host_ip, {}));
    };
    come(other_mac);
    CHECK(announced(host) == 1);
    for (int i = 0; i < 9; ++i) {
        come(other_mac);
        host.pass(1s);
    }
    CHECK(announced(host) == 0);
    host.pass(1s);
    come(other_mac);
    CHECK(announced(host) == 1);
    CHECK(host.dropped(Drop::arp_conflict) == 11);
    CHECK(host.stack.neighbours().size() == 0);
}

TEST_CASE("what comes back to us of our own contradicts nobody", "[stack][arp]") {
    StackHost host(claiming());
    host.pass(5s);
    (void)host.taken();
    host.give(arp(ArpOperation::request, host_ip, host_mac, host_ip, {}));
    CHECK(announced(host) == 0);
}

TEST_CASE("a host without an address contradicts nobody who looks for one", "[stack][arp]") {
    stack::StackConfig config = claiming();
    config.address = {};
    StackHost host(config);
    host.give(arp(ArpOperation::request, {}, other_mac, host_ip, {}));
    CHECK(host.taken().empty());
}

TEST_CASE("an address that nobody asked to be claimed is neither announced nor defended", "[stack][arp]") {
    StackHost host(host_config());
    host.pass(5s);
    host.give(arp(ArpOperation::request, host_ip, other_mac, host_ip, {}));
    CHECK(announced(host) == 0);
}

}  // namespace
}  // namespace skerry
