// What the wire of a simulation does to frames, one at a time.

#include "support/catch.hpp"

#include "testing/sim/frame_wire.hpp"

#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/tcp.hpp>

#include <bit>
#include <chrono>
#include <set>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using testing::FrameWire;
using testing::Link;
using testing::Station;
using Bytes = std::vector<std::byte>;

const time::Instant start = time::Instant::from_nanos(1'000'000'000);
const time::Instant soon = start + 1us;  // nothing arrives before

Bytes frame_to(const stack::wire::MacAddr& destination, std::uint32_t number = 0,
               std::uint16_t type = stack::wire::ether_type::ipv4, std::size_t bytes = 100) {
    Bytes frame(bytes);
    stack::wire::EthernetHeader header;
    header.destination = destination;
    header.ether_type = type;
    stack::wire::write(header, frame.data());
    stack::wire::store_be32(frame.data() + stack::wire::ethernet_bytes, number);
    return frame;
}

/// Two stations on a wire whose links are all alike.
struct TwoStations {
    explicit TwoStations(const Link& link, std::uint64_t seed = 1) : wire(seed, link) {}

    void send(std::uint32_t count, std::uint16_t type = stack::wire::ether_type::ipv4) {
        for (std::uint32_t i = 0; i < count; ++i) wire.send(one, frame_to(FrameWire::mac_of(two), i, type), start);
    }
    /// The numbers in what arrives, and when.
    std::vector<std::uint32_t> arrivals() {
        std::vector<std::uint32_t> numbers;
        while (const testing::WireFrame* const frame = wire.receive(two, wire.next_arrival(two))) {
            numbers.push_back(stack::wire::load_be32(frame->bytes.data() + stack::wire::ethernet_bytes));
            times.push_back(frame->at - start);
            if (wire.next_arrival(two) == time::Instant::max()) break;
        }
        return numbers;
    }

    FrameWire wire;
    Station one = wire.add("one");
    Station two = wire.add("two");
    std::vector<std::chrono::nanoseconds> times;
};

std::vector<std::uint32_t> in_order(std::uint32_t count) {
    std::vector<std::uint32_t> numbers(count);
    for (std::uint32_t i = 0; i < count; ++i) numbers[i] = i;
    return numbers;
}

TEST_CASE("a frame goes to whom it is addressed and a broadcast to all others", "[testing][wire]") {
    FrameWire wire(1, {});
    const Station one = wire.add("one");
    const Station two = wire.add("two");
    const Station three = wire.add("three");
    wire.send(one, frame_to(FrameWire::mac_of(three)), start);
    CHECK(wire.receive(two, soon) == nullptr);
    CHECK(wire.receive(three, soon) != nullptr);
    wire.send(one, frame_to(stack::wire::MacAddr::broadcast()), start);
    CHECK(wire.receive(one, soon) == nullptr);
    CHECK(wire.receive(two, soon) != nullptr);
    CHECK(wire.receive(three, soon) != nullptr);
    CHECK(wire.counters().sent == 3);
    CHECK(wire.counters().delivered == 3);
}

TEST_CASE("a frame is not there before its delay is over", "[testing][wire]") {
    TwoStations on({.delay = 5ms});
    on.send(1);
    CHECK(on.wire.next_arrival(on.two) == start + 5ms);
    CHECK(on.wire.receive(on.two, start + 5ms - 1ns) == nullptr);
    CHECK(on.wire.receive(on.two, start + 5ms) != nullptr);
    CHECK(on.wire.next_arrival(on.two) == time::Instant::max());
}

TEST_CASE("a frame takes a microsecond where the link has no delay", "[testing][wire]") {
    TwoStations on({});
    on.send(1);
    CHECK(on.wire.receive(on.two, soon - 1ns) == nullptr);
    CHECK(on.wire.receive(on.two, soon) != nullptr);
}

TEST_CASE("the given share of frames is lost, the same ones for the same seed", "[testing][wire]") {
    const auto arrived = [](std::uint64_t seed) {
        TwoStations on({.drop = 0.25}, seed);
        on.send(2000);
        return on.arrivals();
    };
    CHECK(arrived(1).size() > 1400);
    CHECK(arrived(1).size() < 1600);
    CHECK(arrived(1) == arrived(1));
    CHECK(arrived(1) != arrived(2));
}

TEST_CASE("jitter spreads frames and keeps their order", "[testing][wire]") {
    TwoStations on({.delay = 1ms, .jitter = 1ms});
    on.send(100);
    CHECK(on.arrivals() == in_order(100));
    CHECK(on.times.front() >= 1ms);
    CHECK(on.times.back() <= 2ms);
    CHECK(on.times.back() > on.times.front());
}

TEST_CASE("reordering loses nothing and is late by its delay at most", "[testing][wire]") {
    TwoStations on({.delay = 1ms, .reorder = 0.5, .reorder_delay = 7ms});
    on.send(100);
    const auto arrived = on.arrivals();
    CHECK(arrived != in_order(100));
    CHECK(std::set<std::uint32_t>(arrived.begin(), arrived.end()).size() == 100);
    CHECK(on.times.back() > 2ms);
    CHECK(on.times.back() <= 8ms);
    CHECK(on.wire.counters().reordered > 30);
    CHECK(on.wire.counters().reordered < 70);
}

TEST_CASE("a duplicate comes beside its frame", "[testing][wire]") {
    TwoStations on({.duplicate = 1});
    on.send(10);
    const auto arrived = on.arrivals();
    CHECK(arrived.size() == 20);
    CHECK(std::set<std::uint32_t>(arrived.begin(), arrived.end()).size() == 10);
    CHECK(on.wire.counters().duplicated == 10);
}

/// Data of a stream whose byte at `seq` is that number's lowest.
std::vector<std::byte> segment(std::uint32_t seq, std::size_t bytes, std::uint8_t flags) {
    namespace wire = stack::wire;
    constexpr std::size_t headers = wire::ethernet_bytes + wire::ipv4_bytes + wire::tcp_bytes;
    std::vector<std::byte> frame(headers + bytes);
    wire::EthernetHeader ethernet;
    ethernet.destination = FrameWire::mac_of(1);
    ethernet.source = FrameWire::mac_of(0);
    ethernet.ether_type = wire::ether_type::ipv4;
    wire::write(ethernet, frame.data());
    wire::Ipv4Header ip;
    ip.total_bytes = static_cast<std::uint16_t>(frame.size() - wire::ethernet_bytes);
    ip.protocol = wire::ip_protocol::tcp;
    ip.source = wire::Ipv4Addr::of(10, 0, 0, 1);
    ip.destination = wire::Ipv4Addr::of(10, 0, 0, 2);
    wire::write(ip, frame.data() + wire::ethernet_bytes);
    wire::TcpHeader tcp;
    tcp.source_port = tcp.destination_port = 80;
    tcp.seq = seq;
    tcp.flags = flags;
    wire::write(tcp, frame.data() + wire::ethernet_bytes + wire::ipv4_bytes);
    for (std::size_t i = 0; i < bytes; ++i) frame[headers + i] = static_cast<std::byte>(seq + i);
    wire::seal_tcp(std::span(frame).subspan(wire::ethernet_bytes + wire::ipv4_bytes),
                   wire::pseudo_header(ip.source, ip.destination, ip.protocol,
                                       static_cast<std::uint32_t>(wire::tcp_bytes + bytes)));
    return frame;
}

TEST_CASE("a segment that is cut anew has the end of one and the beginning of the next", "[testing][wire]") {
    namespace wire = stack::wire;
    constexpr std::uint32_t cut = 0xffff'fff0;  // and the numbers wrap
    std::set<std::pair<std::uint32_t, std::uint32_t>> cuts;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        TwoStations on({.recut = 1}, seed);
        on.wire.send(on.one, segment(cut - 10, 10, wire::tcp_flag::ack), start);
        on.wire.send(on.one, segment(cut, 30, wire::tcp_flag::ack | wire::tcp_flag::fin), start);
        REQUIRE(on.wire.counters().recut == 1);
        while (const testing::WireFrame* const frame = on.wire.receive(on.two, on.wire.next_arrival(on.two))) {
            const auto packet = std::span(frame->bytes).subspan(wire::ethernet_bytes);
            wire::Ipv4Header ip;
            REQUIRE(wire::parse(packet, ip) == stack::Drop::none);
            REQUIRE(ip.total_bytes == packet.size());
            const auto bytes = packet.subspan(ip.header_bytes);
            CHECK(wire::tcp_checksum_holds(bytes, wire::pseudo_header(ip.source, ip.destination, ip.protocol,
                                                                      static_cast<std::uint32_t>(bytes.size()))));
            wire::TcpHeader tcp;
            REQUIRE(wire::parse(bytes, tcp) == stack::Drop::none);
            const auto payload = bytes.subspan(tcp.header_bytes);
            for (std::size_t i = 0; i < payload.size(); ++i) CHECK(payload[i] == static_cast<std::byte>(tcp.seq + i));
            const std::uint32_t end = tcp.seq + static_cast<std::uint32_t>(payload.size());
            CHECK(tcp.has(wire::tcp_flag::fin) == (end == cut + 30));
            if (tcp.seq == cut || payload.size() == 10) continue;
            CHECK(cut - tcp.seq <= 10);
            CHECK(end - cut <= 30);
            cuts.emplace(cut - tcp.seq, end - cut);
        }
    }
    CHECK(cuts.size() > 50);
}

TEST_CASE("what does not carry on the segment before is not cut anew", "[testing][wire]") {
    namespace wire = stack::wire;
    TwoStations on({.recut = 1});
    on.wire.send(on.one, segment(100, 10, wire::tcp_flag::ack), start);
    on.wire.send(on.one, segment(111, 10, wire::tcp_flag::ack), start);                        // a gap
    on.wire.send(on.one, segment(121, 0, wire::tcp_flag::ack), start);                         // no data
    on.wire.send(on.one, segment(121, 10, wire::tcp_flag::ack | wire::tcp_flag::fin), start);  // behind none
    on.wire.send(on.one, segment(131, 10, wire::tcp_flag::ack), start);                        // behind an end
    on.send(3);
    CHECK(on.wire.counters().recut == 0);
}

TEST_CASE("corruption flips one bit behind the Ethernet header", "[testing][wire]") {
    TwoStations on({.corrupt = 1});
    for (int i = 0; i < 100; ++i) {
        const Bytes sent = frame_to(FrameWire::mac_of(on.two));
        on.wire.send(on.one, sent, start);
        const testing::WireFrame* const got = on.wire.receive(on.two, soon);
        REQUIRE(got != nullptr);
        REQUIRE(got->bytes.size() == sent.size());
        int bits = 0;
        for (std::size_t at = 0; at < sent.size(); ++at) {
            const int differing = std::popcount(std::to_integer<unsigned>(sent[at] ^ got->bytes[at]));
            bits += differing;
            if (differing != 0) CHECK(at >= stack::wire::ethernet_bytes);
        }
        CHECK(bits == 1);
    }
    on.send(1, stack::wire::ether_type::arp);  // which has no checksum
    CHECK(on.wire.receive(on.two, soon) == nullptr);
    CHECK(on.wire.counters().corrupted == 101);
}

TEST_CASE("a rate spaces frames out and its queue takes so much and no more", "[testing][wire]") {
    TwoStations on({.bytes_per_second = 100'000, .queue_bytes = 300});
    on.send(10);  // of 100 bytes, so 1 ms each
    CHECK(on.arrivals() == in_order(4));
    CHECK(on.times == std::vector<std::chrono::nanoseconds>{1ms, 2ms, 3ms, 4ms});
    CHECK(on.wire.counters().overflowed == 6);
}

TEST_CASE("a link that is down and a station that is unplugged get nothing", "[testing][wire]") {
    TwoStations on({.is_down = true});
    on.send(1);
    CHECK(on.arrivals().empty());
    on.wire.set(on.one, on.two, {});
    on.send(1);
    on.wire.set_plugged(on.two, false);  // what is under way is lost too
    on.send(1);
    on.wire.set_plugged(on.two, true);
    CHECK(on.arrivals().empty());
    CHECK(on.wire.counters().cut_off == 3);
    on.send(1);
    CHECK(on.arrivals().size() == 1);
    on.wire.set_plugged(on.one, false);
    on.send(1);
    CHECK(on.arrivals().empty());
}

TEST_CASE("a link of one direction is not that of the other", "[testing][wire]") {
    TwoStations on({});
    on.wire.set(on.one, on.two, {.delay = 1s});
    CHECK(on.wire.link(on.one, on.two).delay == 1s);
    CHECK(on.wire.link(on.two, on.one).delay == 0s);
    on.wire.set_all({.delay = 2s});
    CHECK(on.wire.link(on.one, on.two).delay == 2s);
}

}  // namespace
}  // namespace skerry
