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

std::vector<ArpPacket> arps(StackHost& host) {
    std::vector<ArpPacket> all;
    for (const Bytes& frame : host.taken()) {
        stack::wire::EthernetHeader header;
        REQUIRE(stack::wire::parse(frame, header) == Drop::none);
        CHECK(header.destination == MacAddr::broadcast());
        REQUIRE(header.ether_type == stack::wire::ether_type::arp);
        ArpPacket packet;
        REQUIRE(parse(std::span(frame).subspan(stack::wire::ethernet_bytes), packet) == Drop::none);
        CHECK(packet.operation == ArpOperation::request);
        CHECK(packet.sender_mac == host_mac);
        CHECK(packet.target_mac == MacAddr{});
        CHECK(packet.target_ip == host_ip);
        all.push_back(packet);
    }
    return all;
}

/// How many announcements left, and that nothing else did.
std::size_t announced(StackHost& host) {
    const auto all = arps(host);
    for (const ArpPacket& packet : all) CHECK(packet.sender_ip == host_ip);
    return all.size();
}

TEST_CASE("our address is announced when the stack starts, and once more in two seconds", "[stack][arp]") {
    StackHost host(claiming());
    CHECK(arps(host).size() == 2);  // with the question in front
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

TEST_CASE("RFC 5227 2.1: a configured address is asked for once, in front, and nobody waits", "[stack][arp]") {
    StackHost host(claiming());
    const auto first = arps(host);
    REQUIRE(first.size() == 2);
    CHECK(first[0].sender_ip == stack::wire::Ipv4Addr{});
    CHECK(first[1].sender_ip == host_ip);
    CHECK(host.stack.config().address == host_ip);
    // As Linux answers that: to nobody's address.
    host.give(arp(ArpOperation::reply, host_ip, other_mac, {}, host_mac));
    CHECK(host.dropped(Drop::arp_conflict) == 1);
    CHECK(announced(host) == 1);
}

// --- an address that is not ours yet

struct Probe {
    StackHost host{[] {
        stack::StackConfig config = host_config();
        config.address = {};
        return config;
    }()};
    int calls = 0;
    bool is_free = false;
    time::Instant at;

    Probe() {
        host.stack.neighbours().claim().probe(
            host_ip,
            [](void* self, bool free, time::Instant now) noexcept {
                auto& probe = *static_cast<Probe*>(self);
                ++probe.calls;
                probe.is_free = free;
                probe.at = now;
            },
            this, host.now);
    }
    /// When each question left.
    std::vector<std::chrono::nanoseconds> asked(std::chrono::nanoseconds time) {
        std::vector<std::chrono::nanoseconds> all;
        const time::Instant start = host.now;
        while (host.now - start < time) {
            host.pass(1ms);
            for (const ArpPacket& packet : arps(host)) {
                CHECK(packet.sender_ip == stack::wire::Ipv4Addr{});
                all.push_back(host.now - start);
            }
        }
        return all;
    }
};

TEST_CASE("RFC 5227 2.1.1: three questions, a second or two apart, and two seconds for an answer", "[stack][arp]") {
    Probe probe;
    const time::Instant start = probe.host.now;
    const auto asked = probe.asked(10s);
    REQUIRE(asked.size() == 3);
    CHECK(asked[0] <= 1s + 1ms);
    for (std::size_t i = 1; i < 3; ++i) CHECK((asked[i] - asked[i - 1] >= 999ms && asked[i] - asked[i - 1] <= 2001ms));
    CHECK(probe.calls == 1);
    CHECK(probe.is_free);
    CHECK(probe.at - start - asked[2] >= 1999ms);
    CHECK(probe.host.frames.out() == 0);
}

TEST_CASE("RFC 5227 2.1.1: who sends as the address has it, and who asks for it too may be first", "[stack][arp]") {
    const auto says = GENERATE(0, 1, 2);
    Probe probe;
    (void)probe.asked(1500ms);
    if (says == 0) probe.host.give(arp(ArpOperation::reply, host_ip, other_mac, {}, host_mac));
    if (says == 1) probe.host.give(arp(ArpOperation::request, host_ip, other_mac, peer_ip, {}));
    if (says == 2) probe.host.give(arp(ArpOperation::request, {}, other_mac, host_ip, {}));
    CHECK(probe.calls == 1);
    CHECK_FALSE(probe.is_free);
    CHECK(probe.asked(10s).empty());
    CHECK(probe.calls == 1);
}

TEST_CASE("RFC 5227 2.1.1: other addresses, and our own questions that come back, say nothing", "[stack][arp]") {
    Probe probe;
    (void)probe.asked(1500ms);
    probe.host.give(arp(ArpOperation::request, {}, host_mac, host_ip, {}));
    probe.host.give(arp(ArpOperation::request, peer_ip, peer_mac, host_ip, {}));  // asks who it is, and has another
    probe.host.give(arp(ArpOperation::reply, peer_ip, peer_mac, {}, host_mac));
    CHECK(probe.calls == 0);
    (void)probe.asked(10s);
    CHECK(probe.is_free);
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

TEST_CASE("a probe that could not leave is none, and is asked again a second later", "[stack][arp][limits]") {
    Probe probe;
    std::vector<stack::Frame*> all;
    while (stack::Frame* const frame = probe.host.frames.allocate()) all.push_back(frame);
    CHECK(probe.asked(10s).empty());
    CHECK(probe.calls == 0);
    for (stack::Frame* const frame : all) frame->drop();
    CHECK(probe.asked(8s).size() == 3);
    CHECK(probe.calls == 1);
    CHECK(probe.is_free);
}

}  // namespace
}  // namespace skerry
