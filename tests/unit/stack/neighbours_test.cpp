// ARP: who is asked, how often, what is believed, and what happens to the packets meanwhile.

#include "support/tcp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::ArpOperation;
using stack::wire::ArpPacket;
using stack::wire::Ipv4Addr;
using stack::wire::MacAddr;

constexpr MacAddr other_mac{{2, 0, 0, 0, 0, 9}};

struct Socket final : stack::UdpEndpoint {
    void on_ready() noexcept override {}
};

/// A host that sends datagrams, and the peer's side of ARP.
struct Fixture : StackHost {
    explicit Fixture(const stack::StackConfig& config = host_config()) : StackHost(config) {
        REQUIRE(stack.udp().open(socket, {}, 4000));
    }
    ~Fixture() { stack.udp().close(socket, now); }

    void send(Ipv4Addr to = peer_ip, std::uint8_t number = 0) {
        const std::byte payload{number};
        REQUIRE(stack.udp().send(socket, to, 7, std::span(&payload, 1), now));
    }

    Socket socket;
};

stack::wire::EthernetHeader ethernet_of(const Bytes& frame) {
    stack::wire::EthernetHeader header;
    REQUIRE(stack::wire::parse(frame, header) == Drop::none);
    return header;
}

/// The ARP packet in a frame.
ArpPacket arp_in(const Bytes& frame) {
    REQUIRE(ethernet_of(frame).ether_type == stack::wire::ether_type::arp);
    ArpPacket packet;
    REQUIRE(parse(std::span(frame).subspan(stack::wire::ethernet_bytes), packet) == Drop::none);
    return packet;
}

bool is_request_for(const Bytes& frame, Ipv4Addr address, const MacAddr& to) {
    const ArpPacket packet = arp_in(frame);
    return packet.operation == ArpOperation::request && packet.target_ip == address && packet.sender_ip == host_ip &&
           packet.sender_mac == host_mac && ethernet_of(frame).destination == to;
}

bool is_data_to(const Bytes& frame, const MacAddr& to) {
    return ethernet_of(frame).ether_type == stack::wire::ether_type::ipv4 && ethernet_of(frame).destination == to;
}

constexpr Ipv4Addr on_link(unsigned host) { return {host_ip.bits - 2 + host}; }

TEST_CASE("the first packet asks, and leaves when the answer comes", "[stack][arp]") {
    Fixture f;
    f.send(peer_ip, 1);
    f.send(peer_ip, 2);
    auto out = f.taken();
    REQUIRE(out.size() == 1);
    CHECK(is_request_for(out[0], peer_ip, MacAddr::broadcast()));
    CHECK(f.stack.neighbours().waiting() == 2);
    f.give(arp(ArpOperation::reply));
    out = f.taken();
    REQUIRE(out.size() == 2);
    for (const Bytes& each : out) CHECK(is_data_to(each, peer_mac));
    CHECK(out[0].back() == std::byte{1});
    CHECK(out[1].back() == std::byte{2});
    CHECK(f.stack.neighbours().waiting() == 0);
    f.send();
    out = f.taken();
    REQUIRE(out.size() == 1);
    CHECK(is_data_to(out[0], peer_mac));
}

TEST_CASE("what is not on the link goes to the gateway", "[stack][arp]") {
    Fixture f;
    f.send(Ipv4Addr::of(192, 0, 2, 1));
    const auto out = f.taken();
    REQUIRE(out.size() == 1);
    CHECK(is_request_for(out[0], host_config().gateway, MacAddr::broadcast()));
}

TEST_CASE("a neighbour is asked three times, a second apart, and then given up", "[stack][arp]") {
    Fixture f;
    f.send();
    CHECK(f.taken().size() == 1);
    for (int asked = 1; asked < 3; ++asked) {
        f.pass(999ms);
        CHECK(f.taken().empty());
        f.pass(1ms);
        CHECK(f.taken().size() == 1);
    }
    f.pass(1s);
    CHECK(f.taken().empty());
    CHECK(f.dropped(Drop::neighbour_unreachable) == 1);
    CHECK(f.stack.neighbours().size() == 0);
    CHECK(f.stack.next_deadline() == time::Instant::max());
    CHECK(f.frames.out() == 0);
}

TEST_CASE("eight packets wait for a neighbour, and the oldest makes room", "[stack][arp]") {
    Fixture f;
    for (std::uint8_t i = 0; i < 11; ++i) f.send(peer_ip, i);
    CHECK(f.dropped(Drop::neighbour_queue_full) == 3);
    (void)f.taken();
    f.give(arp(ArpOperation::reply));
    const auto out = f.taken();
    REQUIRE(out.size() == 8);
    for (std::size_t i = 0; i < 8; ++i) CHECK(out[i].back() == std::byte(i + 3));
}

TEST_CASE("all neighbours together keep a limited number of packets", "[stack][arp]") {
    stack::StackConfig config = host_config();
    config.neighbours.waiting_max = 20;
    Fixture f(config);
    for (std::uint8_t host = 10; host < 60; ++host) f.send(on_link(host), host);
    CHECK(f.stack.neighbours().waiting() == 20);
    CHECK(f.dropped(Drop::neighbour_queue_full) == 30);
    // Those that waited longest went, each for who is new.
    for (std::uint8_t host = 10; host < 60; ++host) {
        (void)f.taken();
        f.give(arp(ArpOperation::reply, on_link(host)));
        const auto out = f.taken();
        REQUIRE(out.size() == (host < 40 ? 0 : 1));
        for (const Bytes& frame : out) CHECK(frame.back() == std::byte{host});
    }
}

TEST_CASE("a neighbour whose packets went for those of others is known by its answer, and packets wait for it again",
          "[stack][arp]") {
    stack::StackConfig config = host_config();
    config.neighbours.waiting_max = 2;
    Fixture f(config);
    for (std::uint8_t host = 10; host < 14; ++host) f.send(on_link(host), host);  // nothing waits for 10 and 11
    (void)f.taken();
    f.send(on_link(11), 99);  // which takes the place of 12's
    CHECK(f.taken().empty());  // who was asked for is not asked for again
    f.give(arp(ArpOperation::reply, on_link(10)));
    CHECK(f.taken().empty());
    f.send(on_link(10));
    CHECK(is_data_to(f.taken().at(0), peer_mac));
    f.give(arp(ArpOperation::reply, on_link(12)));
    CHECK(f.taken().empty());
    for (const std::uint8_t host : {11, 13}) {
        f.give(arp(ArpOperation::reply, on_link(host)));
        CHECK(f.taken().at(0).back() == std::byte{host == 11 ? std::uint8_t{99} : host});
    }
    CHECK(f.stack.neighbours().waiting() == 0);
    CHECK(f.stack.neighbours().unanswered() == 0);
    CHECK(f.dropped(Drop::neighbour_queue_full) == 3);
}

TEST_CASE("where none may wait for a neighbour it is asked for all the same", "[stack][arp]") {
    stack::StackConfig config = host_config();
    config.neighbours.waiting_max = 0;
    Fixture f(config);
    f.send();
    CHECK(is_request_for(f.taken().at(0), peer_ip, MacAddr::broadcast()));
    CHECK(f.dropped(Drop::neighbour_queue_full) == 1);
    f.give(arp(ArpOperation::reply));
    f.send();
    CHECK(is_data_to(f.taken().at(0), peer_mac));
}

TEST_CASE("the table is limited: who was used longest ago goes", "[stack][arp]") {
    stack::StackConfig config = host_config();
    config.neighbours.entries_max = 4;
    Fixture f(config);
    for (std::uint8_t host = 10; host < 14; ++host) {
        f.send(Ipv4Addr::of(198, 18, 0, host));
        f.give(arp(ArpOperation::reply, Ipv4Addr::of(198, 18, 0, host)));
    }
    f.send(Ipv4Addr::of(198, 18, 0, 10));  // used again, so 11 is the oldest
    (void)f.taken();
    f.send(Ipv4Addr::of(198, 18, 0, 99));
    (void)f.taken();
    CHECK(f.stack.neighbours().size() == 4);
    f.send(Ipv4Addr::of(198, 18, 0, 10));
    CHECK(is_data_to(f.taken().at(0), peer_mac));
    f.send(Ipv4Addr::of(198, 18, 0, 11));
    CHECK(is_request_for(f.taken().at(0), Ipv4Addr::of(198, 18, 0, 11), MacAddr::broadcast()));
}

/// A host that knows neighbours .10 and up, of which .10 was used longest ago.
struct Acquainted : Fixture {
    Acquainted(std::size_t entries_max, std::uint8_t known) : Fixture(with(entries_max)), known_(known) {
        for (std::uint8_t i = 0; i < known; ++i) answer(on_link(10U + i));
        (void)taken();
    }
    void answer(Ipv4Addr neighbour) {
        send(neighbour);
        give(arp(ArpOperation::reply, neighbour));
    }
    /// How many of them must be asked for again.
    std::size_t forgotten() {
        std::size_t count = 0;
        (void)taken();
        for (std::uint8_t i = 0; i < known_; ++i) {
            send(on_link(10U + i));
            count += is_data_to(taken().at(0), peer_mac) ? 0 : 1;
        }
        return count;
    }

private:
    static stack::StackConfig with(std::size_t entries_max) {
        stack::StackConfig config = host_config();
        config.neighbours.entries_max = entries_max;
        return config;
    }
    std::uint8_t known_;
};

TEST_CASE("who is asked for in vain takes half of the table, and no place of a neighbour that is known",
          "[stack][arp]") {
    Acquainted f(16, 8);
    for (std::uint8_t host = 100; host < 200; ++host) {
        f.send(on_link(host));
        CHECK(f.stack.neighbours().unanswered() <= 8);
    }
    CHECK(f.stack.neighbours().size() == 16);
    CHECK(f.dropped(Drop::neighbour_table_full) == 92);  // their packets
    f.answer(on_link(3));  // amid all that
    (void)f.taken();
    f.send(on_link(3));
    CHECK(is_data_to(f.taken().at(0), peer_mac));
    CHECK(f.forgotten() == 0);
    f.pass(1s);
    f.pass(1s);
    f.pass(1s);
    CHECK(f.stack.neighbours().unanswered() == 0);
    CHECK(f.stack.neighbours().size() == 9);
}

TEST_CASE("in a full table a question comes to its end, whoever comes meanwhile", "[stack][arp]") {
    Acquainted f(8, 8);
    f.send(on_link(100));
    std::size_t asked = 0;
    for (unsigned i = 0; i < 40; ++i) {
        for (const Bytes& frame : f.taken())
            asked += ethernet_of(frame).ether_type == stack::wire::ether_type::arp &&
                     is_request_for(frame, on_link(100), MacAddr::broadcast());
        f.give(arp(ArpOperation::request, on_link(120 + i)));  // an entry that is known at once
        f.pass(100ms);
    }
    CHECK(asked == 3);
    CHECK(f.dropped(Drop::neighbour_table_full) == 0);
    CHECK(f.dropped(Drop::neighbour_unreachable) == 1);
}

TEST_CASE("in a full table who gave its packets up goes before who is known", "[stack][arp]") {
    stack::StackConfig config = host_config();
    config.neighbours.entries_max = 8;
    config.neighbours.waiting_max = 1;
    Fixture f(config);
    for (std::uint8_t host = 10; host < 16; ++host) {
        f.send(on_link(host));
        f.give(arp(ArpOperation::reply, on_link(host)));
    }
    f.send(on_link(100));
    f.send(on_link(101));  // for which 100's packet goes
    CHECK(f.stack.neighbours().size() == 8);
    f.give(arp(ArpOperation::request, on_link(50)));  // an entry that is known at once
    CHECK(f.stack.neighbours().size() == 8);
    CHECK(f.stack.neighbours().unanswered() == 1);
    (void)f.taken();
    for (std::uint8_t host = 10; host < 16; ++host) {
        f.send(on_link(host));
        CHECK(is_data_to(f.taken().at(0), peer_mac));
    }
    f.give(arp(ArpOperation::reply, on_link(101)));
    CHECK(is_data_to(f.taken().at(0), peer_mac));
}

TEST_CASE("several neighbours are found at once by a table that is full", "[stack][arp]") {
    Acquainted f(16, 16);
    for (const std::uint8_t host : {100, 101, 102}) f.send(on_link(host), host);
    CHECK(f.stack.neighbours().size() == 16);
    (void)f.taken();
    for (const std::uint8_t host : {100, 101, 102}) {
        f.give(arp(ArpOperation::reply, on_link(host)));
        CHECK(f.taken().at(0).back() == std::byte{host});
    }
}

TEST_CASE("a neighbour in use that was silent for 30 s is asked by unicast after 5 s more", "[stack][arp]") {
    Fixture f;
    f.send();
    f.give(arp(ArpOperation::reply));
    (void)f.taken();
    f.pass(31s);
    f.send();
    CHECK(is_data_to(f.taken().at(0), peer_mac));
    f.pass(5s);
    auto out = f.taken();
    REQUIRE(out.size() == 1);
    CHECK(is_request_for(out[0], peer_ip, peer_mac));
    SECTION("an answer ends it") {
        f.give(arp(ArpOperation::reply));
        f.pass(10s);
        CHECK(f.taken().empty());
        CHECK(f.stack.neighbours().size() == 1);
    }
    SECTION("no answer, and it is forgotten; the next packet asks everybody") {
        for (int i = 0; i < 3; ++i) f.pass(1s);
        (void)f.taken();
        CHECK(f.stack.neighbours().size() == 0);
        f.send();
        CHECK(is_request_for(f.taken().at(0), peer_ip, MacAddr::broadcast()));
    }
    SECTION("a protocol above that hears from it spares the rest") {
        f.stack.neighbours().confirm(peer_ip, f.now);
        f.pass(10s);
        CHECK(f.taken().empty());
    }
}

TEST_CASE("an entry that the check has begun for is spared by TCP's progress, and only by that", "[stack][arp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.pass(31s);
    (void)host.taken();
    const auto asked = [&host] {
        std::size_t requests = 0;
        host.now = host.now + 6s;
        host.stack.advance(host.now);
        for (const Bytes& frame : host.taken())
            requests += ethernet_of(frame).ether_type == stack::wire::ether_type::arp ? 1 : 0;
        return requests;
    };
    REQUIRE(host.write(endpoint, "hello") == 5);  // the entry is stale, and in use
    REQUIRE(host.only().text == "hello");
    SECTION("what we sent was acknowledged") {
        host.acknowledge(host.host_seq + 5);
        CHECK(asked() == 0);
    }
    SECTION("an acknowledgement that says nothing new") {
        host.acknowledge(host.host_seq);
        CHECK(asked() == 1);
    }
    SECTION("silence") { CHECK(asked() == 1); }
}

TEST_CASE("who asks for us is answered and remembered", "[stack][arp]") {
    Fixture f;
    f.give(arp(ArpOperation::request));
    const auto out = f.taken();
    REQUIRE(out.size() == 1);
    const ArpPacket answer = arp_in(out[0]);
    CHECK(answer.operation == ArpOperation::reply);
    CHECK(answer.sender_ip == host_ip);
    CHECK(answer.sender_mac == host_mac);
    CHECK(answer.target_ip == peer_ip);
    CHECK(answer.target_mac == peer_mac);
    CHECK(ethernet_of(out[0]).destination == peer_mac);
    f.send();
    CHECK(is_data_to(f.taken().at(0), peer_mac));
}

TEST_CASE("a flood of questions for us pushes out no neighbour in use", "[stack][arp]") {
    stack::StackConfig config = host_config();
    config.neighbours.entries_max = 4;
    Fixture f(config);
    for (const std::uint8_t host : {10, 11, 12}) {
        f.send(Ipv4Addr::of(198, 18, 0, host));
        f.give(arp(ArpOperation::reply, Ipv4Addr::of(198, 18, 0, host)));
    }
    for (std::uint8_t host = 100; host < 200; ++host)
        f.give(arp(ArpOperation::request, Ipv4Addr::of(198, 18, 0, host)));
    CHECK(f.stack.neighbours().size() == 4);
    (void)f.taken();
    for (const std::uint8_t host : {10, 11, 12, 199}) {
        f.send(Ipv4Addr::of(198, 18, 0, host));
        CHECK(is_data_to(f.taken().at(0), peer_mac));
    }
}

TEST_CASE("who asks for others is neither answered nor remembered", "[stack][arp]") {
    Fixture f;
    f.give(arp(ArpOperation::request, peer_ip, peer_mac, Ipv4Addr::of(198, 18, 0, 77), {}));
    CHECK(f.taken().empty());
    CHECK(f.stack.neighbours().size() == 0);
    CHECK(f.dropped(Drop::arp_unsolicited) == 1);
}

TEST_CASE("an answer that nobody asked for makes no entry", "[stack][arp]") {
    Fixture f;
    f.give(arp(ArpOperation::reply));
    CHECK(f.stack.neighbours().size() == 0);
    CHECK(f.dropped(Drop::arp_unsolicited) == 1);
}

TEST_CASE("a fresh answer is not overwritten by one that nobody asked for; an old one is", "[stack][arp]") {
    Fixture f;
    f.send();
    f.give(arp(ArpOperation::reply));
    (void)f.taken();
    f.give(arp(ArpOperation::reply, peer_ip, other_mac));
    f.send();
    CHECK(is_data_to(f.taken().at(0), peer_mac));
    f.pass(2s);
    f.give(arp(ArpOperation::reply, peer_ip, other_mac));  // the service moved
    f.send();
    CHECK(is_data_to(f.taken().at(0), other_mac));
}

TEST_CASE("who asks for us under a new hardware address is believed at once", "[stack][arp]") {
    Fixture f;
    f.send();
    f.give(arp(ArpOperation::reply));
    (void)f.taken();
    f.give(arp(ArpOperation::request, peer_ip, other_mac));  // the same host, started again with another card
    CHECK(f.taken().size() == 1);
    f.send();
    CHECK(is_data_to(f.taken().at(0), other_mac));
}

TEST_CASE("another station with our address is counted and not believed", "[stack][arp]") {
    Fixture f;
    f.give(arp(ArpOperation::request, host_ip, other_mac));
    CHECK(f.taken().empty());
    CHECK(f.dropped(Drop::arp_conflict) == 1);
    CHECK(f.stack.neighbours().size() == 0);
}

TEST_CASE("a probe for our address is answered, and nothing is learned from it", "[stack][arp]") {
    Fixture f;
    f.give(arp(ArpOperation::request, {}, other_mac, host_ip, {}));
    const auto out = f.taken();
    REQUIRE(out.size() == 1);
    CHECK(arp_in(out[0]).operation == ArpOperation::reply);
    CHECK(f.stack.neighbours().size() == 0);
}

TEST_CASE("a scan of the network by others fills no table", "[stack][arp]") {
    Fixture f;
    for (unsigned i = 0; i < 10'000; ++i)
        f.give(arp(ArpOperation::request, {0xc612'0000U + (i & 0xffU)},
                   {{2, 0, 0, 1, static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)}},
                   Ipv4Addr::of(198, 18, 0, 200), {}));
    CHECK(f.stack.neighbours().size() == 0);
    CHECK(f.taken().empty());
}

}  // namespace
}  // namespace skerry
