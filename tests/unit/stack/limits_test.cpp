// What the port's frames are shared out for: whoever keeps many stops nobody else, and when they are gone, what has to
// go on goes on.

#include "support/stack_ends.hpp"
#include "support/tcp_host.hpp"

#include <skerry/stack/wire/udp.hpp>

#include <string>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;

constexpr std::uint32_t pool = 256;

struct Socket final : stack::UdpEndpoint {
    void on_ready() noexcept override {}
};

Bytes datagram_to(std::uint16_t port) {
    Bytes bytes(stack::wire::udp_bytes + 1);
    stack::wire::UdpHeader header;
    header.source_port = 5000;
    header.destination_port = port;
    header.bytes = static_cast<std::uint16_t>(bytes.size());
    stack::wire::write(header, bytes.data());
    return ipv4(stack::wire::ip_protocol::udp, bytes);
}

/// A host with few frames, and connections from different ports.
struct Crowd : TcpHost {
    struct One {
        TestEndpoint* endpoint = nullptr;
        std::uint16_t port = 0;
        std::uint32_t peer_seq = 0;
        std::uint32_t host_seq = 0;
    };
    explicit Crowd(std::uint16_t connections) : TcpHost(host_config(), 64, pool) {
        for (std::uint16_t i = 0; i < connections; ++i) all.push_back(join(static_cast<std::uint16_t>(6000 + i)));
    }
    One join(std::uint16_t port) {
        TestSegment syn;
        syn.mss = 1000;
        TestEndpoint& endpoint = establish(syn, port);
        return {&endpoint, port, peer_seq, host_seq};
    }
    /// The next data of its peer; whether it was taken.
    bool say(One& one, std::size_t bytes) {
        TestSegment segment;
        segment.flags = flag::ack;
        segment.seq = one.peer_seq;
        segment.ack = one.host_seq;
        segment.text = std::string(bytes, 'x');
        come(segment, host_port, one.port);
        if (one.endpoint->tcb->rcv_nxt == one.peer_seq) return false;
        one.peer_seq += static_cast<std::uint32_t>(bytes);
        return true;
    }
    void acknowledge(One& one, std::uint32_t bytes) {
        one.host_seq += bytes;
        TestSegment segment;
        segment.flags = flag::ack;
        segment.seq = one.peer_seq;
        segment.ack = one.host_seq;
        come(segment, host_port, one.port);
    }
    /// Nobody reads any of them.
    void fill() {
        for (int i = 0; i < 40; ++i)
            for (One& each : all) (void)say(each, 1000);
        (void)sent();
    }

    std::vector<One> all;
};

TEST_CASE("connections that nobody reads stop no other one, and no protocol", "[stack][limits]") {
    Crowd host(20);
    host.fill();
    CHECK(host.dropped(Drop::tcp_frames) > 0);
    CHECK(host.frames.available() >= pool / 8 - 8);

    Crowd::One other = host.join(7777);  // a handshake is still had
    for (int i = 0; i < 200; ++i) {
        REQUIRE(host.say(other, 1000));
        REQUIRE(host.say(other, 500));
        REQUIRE(host.read(*other.endpoint).size() == 1500);
        const auto acks = host.sent();
        REQUIRE(acks.size() == 1);
        REQUIRE(acks[0].ack == other.peer_seq);
    }
    REQUIRE(host.write(*other.endpoint, std::string(3000, 'y')) == 3000);
    CHECK(host.sent().size() == 3);
    host.acknowledge(other, 3000);
    host.give(arp(stack::wire::ArpOperation::request));
    CHECK(host.taken().size() == 1);
    Socket socket;
    REQUIRE(host.stack.udp().open(socket, {}, 53));
    for (int i = 0; i < 10; ++i) {
        host.give(datagram_to(53));
        const stack::UdpDatagram got = socket.take();
        REQUIRE(got.frame != nullptr);
        got.frame->drop();
    }
    host.stack.udp().close(socket, host.now);

    for (Crowd::One& each : host.all) (void)host.read(*each.endpoint);
    (void)host.sent();
    for (Crowd::One& each : host.all) {  // as if nothing had been
        REQUIRE(host.say(each, 1000));
        CHECK(host.read(*each.endpoint).size() == 1000);
    }
}

TEST_CASE("connections whose peers acknowledge nothing stop no other one", "[stack][limits]") {
    Crowd host(20);
    const std::string text(60'000, 'x');
    std::size_t written = 0;
    for (Crowd::One& each : host.all) written += host.write(*each.endpoint, text);
    CHECK(written < 20 * text.size());
    CHECK(host.dropped(Drop::tcp_frames) > 0);
    (void)host.sent();
    CHECK(host.frames.available() >= pool / 4 - 8);

    Crowd::One other = host.join(7777);
    for (int i = 0; i < 50; ++i) {
        REQUIRE(host.write(*other.endpoint, std::string(1000, 'y')) == 1000);
        REQUIRE(host.only().text.size() == 1000);
        host.acknowledge(other, 1000);
    }
    // The peers come back: each gets all that was written, and is told of room for more.
    for (Crowd::One& each : host.all) {
        const bool waits = each.endpoint->tcb->wants_room;
        const int calls = each.endpoint->calls;
        while (!each.endpoint->tcb->queue.empty()) {
            host.acknowledge(each, each.endpoint->tcb->snd_nxt - each.host_seq);
            (void)host.sent();
        }
        CHECK((each.endpoint->calls > calls) == waits);
    }
    CHECK(host.write(*other.endpoint, text) == text.size());
    (void)host.sent();
}

TEST_CASE("a program that holds every buffer it read does not stop the rest", "[stack][limits]") {
    Crowd host(4);
    std::vector<IoBuf> held;
    for (int i = 0; i < 100; ++i)
        for (Crowd::One& each : host.all)
            if (host.say(each, 1000)) held.push_back(host.tcp().read_buf(*each.endpoint->tcb, host.now));
    (void)host.sent();
    CHECK(held.size() == 400);  // the last ones on the heap
    CHECK(host.frames.available() >= pool / 8 - 8);
    Crowd::One other = host.join(7777);
    CHECK(host.say(other, 100));
    TestSegment reset;
    reset.flags = flag::rst;
    reset.seq = other.peer_seq;
    host.come(reset, host_port, other.port);
    CHECK(other.endpoint->tcb->state == State::closed);
}

TEST_CASE("what others hold counts for those who write too", "[stack][limits]") {
    Crowd host(2);
    std::vector<stack::Frame*> held;
    for (std::uint32_t i = 0; i < pool / 2; ++i) held.push_back(host.frames.allocate());
    for (Crowd::One& each : host.all) (void)host.write(*each.endpoint, std::string(200'000, 'x'));
    CHECK(host.frames.available() >= pool / 4 - 8);
    CHECK(host.dropped(Drop::tcp_frames) > 0);
    for (stack::Frame* frame : held) frame->drop();
}

TEST_CASE("datagrams that nobody reads leave frames to others", "[stack][limits]") {
    Crowd host(1);
    std::vector<std::unique_ptr<Socket>> sockets;
    for (std::uint16_t i = 0; i < 4; ++i) {
        sockets.push_back(std::make_unique<Socket>());
        REQUIRE(host.stack.udp().open(*sockets.back(), {}, static_cast<std::uint16_t>(100 + i)));
    }
    for (int i = 0; i < 300; ++i)
        for (std::uint16_t socket = 0; socket < 3; ++socket)
            host.give(datagram_to(static_cast<std::uint16_t>(100 + socket)));
    CHECK(host.dropped(Drop::udp_frames) > 0);
    host.give(datagram_to(103));  // of the one that has nothing
    CHECK(sockets[3]->unread() == 1);
    CHECK(host.say(host.all[0], 100));
    CHECK(host.read(*host.all[0].endpoint).size() == 100);
    for (const auto& socket : sockets) host.stack.udp().close(*socket, host.now);
}

TEST_CASE("datagrams that grow piece by piece leave frames to others", "[stack][limits]") {
    Crowd host(1);
    for (std::uint16_t piece = 0; piece < 60; ++piece) {
        for (std::uint16_t id = 0; id < 4; ++id) {
            Bytes packet(stack::wire::ipv4_bytes + 8);
            stack::wire::Ipv4Header header;
            header.total_bytes = static_cast<std::uint16_t>(packet.size());
            header.id = id;
            header.protocol = stack::wire::ip_protocol::udp;
            header.source = peer_ip;
            header.destination = host_ip;
            header.more_fragments = true;
            header.fragment_offset_bytes = static_cast<std::uint16_t>(piece * 8);
            stack::wire::write(header, packet.data());
            host.give(ethernet(stack::wire::ether_type::ipv4, packet));
        }
    }
    CHECK(host.dropped(Drop::ipv4_reassembly_full) > 0);
    CHECK(host.frames.available() >= pool / 4 * 3);
    host.pass(31s);
    CHECK(host.stack.reassembly().bytes() == 0);
}

TEST_CASE("without any frame nothing is lost for good", "[stack][limits]") {
    Crowd host(1);
    Crowd::One& one = host.all[0];
    const Bytes echo = [&] {
        TestSegment segment;
        segment.flags = flag::ack;
        segment.seq = one.peer_seq;
        segment.ack = one.host_seq;
        segment.text = "hello";
        return host.packet(segment, host_port, one.port);
    }();
    stack::Frame* const for_it = host.frames.allocate();
    std::vector<stack::Frame*> held;
    while (stack::Frame* frame = host.frames.allocate()) held.push_back(frame);
    for_it->drop();
    host.give(echo);
    CHECK(host.read(*one.endpoint) == "hello");  // on the heap, or in the last frame
    one.peer_seq += 5;
    CHECK(host.write(*one.endpoint, "world") == 5);
    const auto sent = host.sent();
    CHECK(sent.at(0).text == "world");
    host.acknowledge(one, 5);
    while (stack::Frame* frame = host.frames.allocate()) held.push_back(frame);
    host.tcp().finish(*one.endpoint->tcb, host.now);  // needs one
    host.pass(10s);
    CHECK(host.sent().empty());
    for (stack::Frame* frame : held) frame->drop();
    std::vector<TestSegment> out;
    CHECK(host.until_sent(40s, out) <= 200ms);
    CHECK((out.at(0).flags & flag::fin) != 0);
}

TEST_CASE("an acknowledgement for which there was no frame is sent when there is one", "[stack][limits][tcp]") {
    Crowd host(1);
    Crowd::One& one = host.all[0];
    REQUIRE(host.say(one, 10));
    SECTION("of a second segment, which the turn's end would send") { REQUIRE(host.say(one, 10)); }
    SECTION("of one segment, which is due later") {}
    std::vector<stack::Frame*> held;
    while (stack::Frame* frame = host.frames.allocate()) held.push_back(frame);
    CHECK(host.sent().empty());  // the turn ends
    host.pass(1s);
    CHECK(host.sent().empty());
    CHECK(host.dropped(Drop::no_frame) >= 2);
    CHECK(host.dropped(Drop::no_frame) <= 30);  // tries, each 40 ms
    for (stack::Frame* frame : held) frame->drop();
    std::vector<TestSegment> out;
    CHECK(host.until_sent(1s, out) <= 40ms);
    REQUIRE(out.size() == 1);
    CHECK(out[0].ack == one.peer_seq);
    host.pass(1s);
    CHECK(host.sent().empty());
}

TEST_CASE("two stacks with hardly any frames exchange bytes too", "[stack][limits]") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        INFO("seed " << seed);
        WireFaults faults;
        faults.pool_frames = seed % 2 == 0 ? 64 : 160;
        faults.loss = seed % 3 == 0 ? 30 : 0;
        faults.reorder = seed % 4 == 0 ? 100 : 0;
        faults.hands_over = seed % 5 == 0;
        StackWire wire(seed, faults);
        exchange(wire, 300'000, 300'000, seed % 2 == 1);
    }
}

}  // namespace
}  // namespace skerry
