// What stands between a port and a stack: captures.

#include "support/catch.hpp"

#include "support/pcapng_file.hpp"
#include "support/scripted_port.hpp"
#include "support/stack_host.hpp"

#include <skerry/stack/driver.hpp>
#include <skerry/stack/port_edge.hpp>
#include <skerry/stack/wire/udp.hpp>
#include <skerry/trace/capture_tap.hpp>

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace tests;
using backend::Frame;
using stack::Drop;
using trace::pcapng::Direction;

/// What a tap has by now.
std::vector<PcapngPacket> recorded(trace::CaptureTap& tap) {
    const auto pending = tap.pending();
    std::string bytes;
    for (const auto part : tap.bytes(pending)) bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
    return pcapng_packets(bytes);
}

bool is_same(const PcapngPacket& packet, const Bytes& frame) {
    return packet.bytes.size() == frame.size() && std::memcmp(packet.bytes.data(), frame.data(), frame.size()) == 0;
}

Frame* frame_of(TestFrames& frames, const Bytes& bytes) {
    Frame* const frame = frames.allocate();
    REQUIRE(frame != nullptr);
    std::memcpy(frame->data, bytes.data(), bytes.size());
    frame->length = static_cast<std::uint16_t>(bytes.size());
    return frame;
}

TEST_CASE("what comes and what leaves is recorded as it is on the wire", "[stack][capture]") {
    StackHost host;
    trace::CaptureTap tap(0, "port", std::size_t{1} << 16U, 0, 0);
    stack::PortEdge edge(0);
    edge.set_capture(tap);
    const Bytes question = arp(stack::wire::ArpOperation::request);
    Frame* frame = frame_of(host.frames, question);
    frame->rx_time_ns = 77;
    REQUIRE(edge.received(std::span(&frame, 1), host.stack.link()) == 1);
    host.stack.input(std::span(&frame, 1), host.now);
    const auto burst = host.stack.backlog().oldest(32);
    REQUIRE(burst.size() == 1);
    const Bytes answer(burst[0]->bytes().begin(), burst[0]->bytes().end());
    edge.leaving(burst, host.now);
    edge.left(burst, 1);

    const auto packets = recorded(tap);
    REQUIRE(packets.size() == 2);
    CHECK(is_same(packets[0], question));
    CHECK(packets[0].direction == Direction::in);
    CHECK(packets[0].at_ns == 77);
    CHECK(is_same(packets[1], answer));
    CHECK(packets[1].direction == Direction::out);
    CHECK(packets[1].at_ns == host.now.as_nanos());
}

TEST_CASE("a frame is recorded once, however often a port is asked to take it", "[stack][capture]") {
    StackHost host;
    trace::CaptureTap tap(0, "port", std::size_t{1} << 16U, 0, 0);
    stack::PortEdge edge(0);
    edge.set_capture(tap);
    std::vector<Frame*> burst;
    for (int i = 0; i < 3; ++i) burst.push_back(frame_of(host.frames, Bytes(60, static_cast<std::byte>(i))));
    edge.leaving(burst, host.now);
    edge.left(burst, 0);
    edge.leaving(burst, host.now);
    edge.left(burst, 2);
    const std::span rest = std::span(burst).subspan(2);
    edge.leaving(rest, host.now);
    edge.left(rest, 1);
    const auto packets = recorded(tap);
    REQUIRE(packets.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(static_cast<std::size_t>(packets[i].bytes[0]) == i);
    CHECK(tap.passed() == 3);
    CHECK(tap.missing() == 0);
    for (Frame* const frame : burst) frame->drop();
}

TEST_CASE("frames that a full ring does not take are counted when they pass", "[stack][capture][limits]") {
    StackHost host;
    trace::CaptureTap tap(0, "port", 256, 0, 0);  // two of them
    stack::PortEdge edge(0);
    edge.set_capture(tap);
    std::vector<Frame*> burst;
    for (int i = 0; i < 4; ++i) burst.push_back(frame_of(host.frames, Bytes(60)));
    edge.leaving(burst, host.now);
    edge.left(burst, 3);
    CHECK(recorded(tap).size() == 2);
    CHECK(tap.passed() == 3);
    CHECK(tap.missing() == 1);
    for (Frame* const frame : burst) frame->drop();
}

TEST_CASE("a checksum that the port finishes is recorded finished", "[stack][capture]") {
    StackHost host;
    trace::CaptureTap tap(0, "port", std::size_t{1} << 16U, 0, 0);
    stack::PortEdge edge(0);
    edge.set_capture(tap);
    Bytes segment(stack::wire::udp_bytes + 5, std::byte{'x'});
    stack::wire::UdpHeader header;
    header.source_port = 53;
    header.destination_port = 9;
    header.bytes = static_cast<std::uint16_t>(segment.size());
    stack::wire::write(header, segment.data());
    const auto pseudo = stack::wire::pseudo_header(host_ip, peer_ip, stack::wire::ip_protocol::udp, header.bytes);
    const auto partial = static_cast<std::uint16_t>(~stack::wire::fold(pseudo));
    std::memcpy(segment.data() + 6, &partial, sizeof partial);
    Frame* frame = frame_of(host.frames, ipv4(stack::wire::ip_protocol::udp, segment, peer_ip, host_ip));
    frame->flags = backend::frame_flag::sum_missing;
    edge.leaving(std::span(&frame, 1), host.now);
    edge.left(std::span(&frame, 1), 1);
    frame->drop();
    const auto packets = recorded(tap);
    REQUIRE(packets.size() == 1);
    const auto bytes = std::as_bytes(std::span(packets[0].bytes)).subspan(34);
    CHECK(stack::wire::fold(stack::wire::sum(bytes, pseudo)) == 0);
}

TEST_CASE("a driver records its port, and without a capture nothing stands in the way", "[stack][capture]") {
    const bool is_captured = GENERATE(true, false);
    stack::Driver<ScriptedPort> driver(host_config(), 0);
    trace::CaptureOptions options;
    options.file = "/dev/null";
    auto capture = trace::Capture::open(options);
    REQUIRE(capture);
    driver.begin_capture(is_captured ? capture->get() : nullptr, "port");
    CHECK((*capture)->taps() == (is_captured ? 1 : 0));
    time::Instant now = time::Instant::from_nanos(1'000'000'000);
    driver.port().arriving.push_back(arp(stack::wire::ArpOperation::request));
    driver.receive(now);
    driver.transmit(now);
    CHECK(driver.port().sent.size() == 1);
}

}  // namespace
}  // namespace skerry
