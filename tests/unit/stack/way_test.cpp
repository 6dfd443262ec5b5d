// The prepared way to the host that was sent to last: what leaves by it is what would leave without it, and it is used
// no longer than what is known of the neighbour.

#include "support/tcp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::ArpOperation;
using stack::wire::Ipv4Addr;
using stack::wire::MacAddr;

constexpr Ipv4Addr second_ip{peer_ip.bits + 7};
constexpr MacAddr second_mac{{2, 0, 0, 0, 0, 8}};

struct Socket final : stack::UdpEndpoint {
    void on_ready() noexcept override {}
};

/// A host that sends datagrams to neighbours that answered.
struct Fixture : StackHost {
    Fixture() {
        REQUIRE(stack.udp().open(socket, {}, 4000));
        for (const auto& [ip, mac] : {std::pair{peer_ip, peer_mac}, std::pair{second_ip, second_mac}}) {
            (void)sent(ip, "asks");
            give(arp(ArpOperation::reply, ip, mac));
            (void)taken();
        }
    }
    ~Fixture() { stack.udp().close(socket, now); }

    /// All that leaves for a datagram.
    std::vector<Bytes> sent(Ipv4Addr to, std::string_view text) {
        REQUIRE(stack.udp().send(socket, to, 7, std::as_bytes(std::span(text)), now));
        return taken();
    }
    MacAddr destination(Ipv4Addr to) {
        const auto out = sent(to, "x");
        REQUIRE(out.size() == 1);
        stack::wire::EthernetHeader header;
        REQUIRE(stack::wire::parse(out[0], header) == Drop::none);
        return header.destination;
    }

    Socket socket;
};

TEST_CASE("the second packet to a host is the first one again", "[stack][way]") {
    Fixture f;
    for (const std::string_view text : {"", "a", "a text of some length, and odd"}) {
        const auto first = f.sent(peer_ip, text);
        REQUIRE(first.size() == 1);
        CHECK(f.sent(peer_ip, text) == first);
        CHECK(f.sent(second_ip, text) != first);
        CHECK(f.sent(peer_ip, text) == first);
    }
}

TEST_CASE("packets for two hosts in turn go to each", "[stack][way]") {
    Fixture f;
    for (int i = 0; i < 3; ++i) {
        CHECK(f.destination(peer_ip) == peer_mac);
        CHECK(f.destination(second_ip) == second_mac);
    }
}

TEST_CASE("a neighbour's new hardware address is used from its word on", "[stack][way]") {
    Fixture f;
    CHECK(f.destination(peer_ip) == peer_mac);
    CHECK(f.destination(peer_ip) == peer_mac);
    f.pass(2s);
    f.give(arp(ArpOperation::request, peer_ip, second_mac, peer_ip));
    CHECK(f.destination(peer_ip) == second_mac);
    CHECK(f.destination(peer_ip) == second_mac);
}

TEST_CASE("a way in use is asked about when its neighbour was not heard for 30 s, and lost with it", "[stack][way]") {
    Fixture f;
    for (int i = 0; i < 30; ++i) {
        CHECK(f.destination(peer_ip) == peer_mac);
        f.pass(1s);
        CHECK(f.taken().empty());
    }
    f.pass(1ns);
    CHECK(f.destination(peer_ip) == peer_mac);  // begins the check
    f.pass(5s);
    CHECK(f.taken().size() == 1);  // the question
    for (int i = 0; i < 2; ++i) {
        CHECK(f.destination(peer_ip) == peer_mac);
        f.pass(1s);
        CHECK(f.taken().size() == 1);
    }
    f.pass(1s);
    CHECK(f.destination(peer_ip) == MacAddr::broadcast());  // a question again: nobody knows where it is
}

TEST_CASE("what is larger than the link takes goes in pieces on a prepared way too", "[stack][way]") {
    Fixture f;
    CHECK(f.destination(peer_ip) == peer_mac);
    const std::string most(1500 - 28, 'x');
    CHECK(f.sent(peer_ip, most).size() == 1);
    const std::string more = most + 'x';
    CHECK(f.sent(peer_ip, more).size() == 2);
}

TEST_CASE("a write goes the long way when its way is not ready, and says the same", "[stack][way][tcp]") {
    TcpHost host;
    TestSegment first;
    first.timestamps = stack::wire::TcpTimestamps{77, 0};
    TestEndpoint& endpoint = host.establish(first);
    CHECK(host.write(endpoint, "prepared") == 8);
    const TestSegment prepared = host.only();
    host.stack.neighbours().confirm(peer_ip, host.now);  // so the next packet has to look
    CHECK(host.write(endpoint, "prepared") == 8);
    const TestSegment looked = host.only();
    CHECK(prepared.seq + 8 == looked.seq);
    CHECK(prepared.text == looked.text);
    CHECK(prepared.flags == looked.flags);
    CHECK(prepared.ack == looked.ack);
    CHECK(prepared.window == looked.window);
    CHECK(prepared.timestamps == looked.timestamps);
}

}  // namespace
}  // namespace skerry
