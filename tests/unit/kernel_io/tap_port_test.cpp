// The TAP port, on a socket that keeps packets apart instead of a device: what crosses it in one piece.

#include "support/segment_frames.hpp"

#include "frame/tap_port.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace skerry::kernel_io::frame {
namespace {

using backend::Frame;
using tests::SegmentFrames;
using Bytes = std::vector<std::byte>;
namespace flag = stack::wire::tcp_flag;

constexpr TapOffloads both{true, true};

/// A port, and the other end of its device.
class Rig {
public:
    explicit Rig(TapOffloads offloads) {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
        far_ = OwnedFd(ends[1]);
        Tap tap;
        tap.fd = OwnedFd(ends[0]);
        tap.offloads = offloads;
        auto poller = epoll::Poller::make();
        REQUIRE(poller);
        port = std::make_unique<TapPort>(std::move(tap), std::move(*poller));
        REQUIRE(port->start());
    }

    /// The port takes them; their frames stay the test's. How many it took.
    std::size_t send(SegmentFrames& frames) {
        std::vector<Frame*> burst = frames.all;
        for (Frame* const frame : burst) ++frame->handles;
        const std::size_t sent = port->transmit(burst);
        for (std::size_t i = sent; i < burst.size(); ++i) burst[i]->drop();
        return sent;
    }
    /// What the other end gets; empty: nothing.
    Bytes got() {
        Bytes bytes(1U << 17U);
        const ssize_t count = ::read(far_.get(), bytes.data(), bytes.size());
        bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        return bytes;
    }
    void give(const VirtioHeader& header, std::span<const std::byte> packet) {
        Bytes bytes(sizeof header + packet.size());
        std::memcpy(bytes.data(), &header, sizeof header);
        std::copy(packet.begin(), packet.end(), bytes.begin() + sizeof header);
        give(bytes);
    }
    void give(std::span<const std::byte> bytes) {
        REQUIRE(::write(far_.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    }
    /// What the port receives at once, `most` packets of it.
    std::vector<Bytes> receive(std::size_t most = 32) {
        std::array<Frame*, 64> frames{};
        const std::size_t count = port->receive(std::span(frames).first(most), time::Instant::from_nanos(7));
        std::vector<Bytes> packets;
        for (std::size_t i = 0; i < count; ++i) {
            CHECK(frames[i]->rx_time_ns == 7);
            packets.emplace_back(frames[i]->bytes().begin(), frames[i]->bytes().end());
            frames[i]->drop();
        }
        return packets;
    }

    std::unique_ptr<TapPort> port;

private:
    OwnedFd far_;
};

VirtioHeader header_of(const Bytes& packet) {
    VirtioHeader header;
    REQUIRE(packet.size() > sizeof header);
    std::memcpy(&header, packet.data(), sizeof header);
    return header;
}

Bytes behind_header(const Bytes& packet) { return {packet.begin() + sizeof(VirtioHeader), packet.end()}; }

Bytes bytes_of(const Frame& frame) { return {frame.bytes().begin(), frame.bytes().end()}; }

/// Four segments of 1,000 bytes and one of 500.
void fill(SegmentFrames& frames) {
    for (int i = 0; i < 4; ++i) frames.add(1000);
    frames.add(500, flag::ack | flag::psh);
}

TEST_CASE("segments in a row leave a TAP port as one packet", "[kernel_io][tap][tso]") {
    const bool is_v6 = GENERATE(false, true);
    Rig rig(both);
    CHECK(rig.port->info().checksums_sent);
    SegmentFrames frames(is_v6);
    fill(frames);
    frames.add(10, flag::ack | flag::psh);
    std::vector<Bytes> before;
    for (const Frame* const frame : frames.all) before.push_back(bytes_of(*frame));
    REQUIRE(rig.send(frames) == 6);
    const Bytes packet = rig.got();
    const VirtioHeader header = header_of(packet);
    CHECK(header.flags == VirtioHeader::sum_missing);
    CHECK(header.kind == (is_v6 ? VirtioHeader::long_tcp6 : VirtioHeader::long_tcp4));
    CHECK(header.segment_bytes == 1000);
    CHECK(header.header_bytes == frames.header_bytes());
    CHECK(header.checksum_start == frames.tcp_at());
    CHECK(header.checksum_offset == 16);
    const Bytes whole = behind_header(packet);
    CHECK(whole.size() == frames.header_bytes() + 4500);
    CHECK(tests::holds_when_finished(whole));
    CHECK(std::equal(whole.begin() + static_cast<long>(frames.header_bytes()), whole.end(), frames.payload.begin()));
    // The last one is another run's.
    const Bytes single = rig.got();
    CHECK(header_of(single).kind == VirtioHeader::whole);
    CHECK(header_of(single).flags == VirtioHeader::sum_missing);
    CHECK(behind_header(single) == before.back());
    CHECK(rig.got().empty());
    for (std::size_t i = 0; i < before.size(); ++i) CHECK(bytes_of(*frames.all[i]) == before[i]);
    CHECK(rig.port->counters().runs_sent == 1);
    CHECK(rig.port->counters().segments_in_runs == 5);
}

TEST_CASE("without offloads a TAP port's packets are as they are, one by one", "[kernel_io][tap][tso]") {
    Rig rig({});
    CHECK_FALSE(rig.port->info().checksums_sent);
    SegmentFrames frames(false);
    fill(frames);
    REQUIRE(rig.send(frames) == 5);
    for (const Frame* const frame : frames.all) CHECK(rig.got() == bytes_of(*frame));
    rig.give(bytes_of(*frames.all[0]));
    const auto packets = rig.receive();
    REQUIRE(packets.size() == 1);
    CHECK(packets[0] == bytes_of(*frames.all[0]));
}

TEST_CASE("a run that a TAP device does not take now stays whole", "[kernel_io][tap][tso]") {
    Rig rig(both);
    SegmentFrames frames(false);
    fill(frames);
    constexpr std::size_t packets_max = 10'000;  // more than a socket holds
    std::size_t packets = 0;
    while (packets < packets_max && rig.send(frames) == 5) ++packets;
    REQUIRE(packets != 0);
    REQUIRE(packets != packets_max);
    CHECK(rig.send(frames) == 0);
    CHECK(rig.port->counters().transmit_errors == 0);
    CHECK(rig.port->counters().runs_sent == packets);
    while (!rig.got().empty()) {
    }
    CHECK(rig.send(frames) == 5);
    CHECK(tests::holds_when_finished(behind_header(rig.got())));
}

/// What the kernel would give of `frames`.
struct Long {
    explicit Long(const SegmentFrames& frames) {
        const stack::SegmentRun run = stack::run_at(frames.all, {32});
        packet.resize(run.header_bytes);
        stack::write_run_headers(packet.data(), frames.all, run);
        packet.insert(packet.end(), frames.payload.begin(), frames.payload.end());
        header.flags = VirtioHeader::sum_missing;
        header.kind = run.is_v6 ? VirtioHeader::long_tcp6 : VirtioHeader::long_tcp4;
        header.segment_bytes = static_cast<std::uint16_t>(run.segment_bytes);
        header.checksum_start = static_cast<std::uint16_t>(frames.tcp_at());
        header.checksum_offset = 16;
    }
    VirtioHeader header;
    Bytes packet;
};

TEST_CASE("a long segment comes out of a TAP port as its pieces, over several bursts", "[kernel_io][tap][tso]") {
    SegmentFrames frames(GENERATE(false, true));
    fill(frames);
    const Long whole(frames);
    Rig rig(both);
    rig.give(whole.header, whole.packet);
    rig.give({}, bytes_of(*frames.all[0]));
    auto packets = rig.receive(2);
    CHECK(packets.size() == 2);
    CHECK_FALSE(rig.port->arm());
    for (const Bytes& packet : rig.receive()) packets.push_back(packet);
    REQUIRE(packets.size() == 6);
    for (std::size_t i = 0; i < 5; ++i) CHECK(packets[i] == bytes_of(*frames.all[i]));
    CHECK(packets[5] == bytes_of(*frames.all[0]));
    CHECK(rig.port->arm());
    CHECK(rig.port->counters().long_received == 1);
    CHECK(rig.port->counters().segments_received == 5);
    CHECK(rig.port->counters().received_damaged == 0);
}

TEST_CASE("what lies in front of a packet, or is longer than a frame, is counted and dropped",
          "[kernel_io][tap][tso][lies]") {
    SegmentFrames frames(false);
    fill(frames);
    Long whole(frames);
    Rig rig(GENERATE(true, false) ? both : TapOffloads{true, false});
    whole.header.kind = VirtioHeader::long_udp;
    rig.give(whole.header, whole.packet);
    rig.give({}, whole.packet);
    rig.give(Bytes(1));
    rig.give(Bytes(sizeof(VirtioHeader)));
    whole.header = {};
    whole.header.flags = VirtioHeader::sum_missing;
    whole.header.checksum_start = 60'000;
    rig.give(whole.header, Bytes(60));
    rig.give({}, bytes_of(*frames.all[0]));
    const auto packets = rig.receive();
    REQUIRE(packets.size() == 1);
    CHECK(packets[0] == bytes_of(*frames.all[0]));
    CHECK(rig.port->counters().received_damaged == 5);
}

TEST_CASE("a long segment of which no frame is left waits for one", "[kernel_io][tap][tso][limits]") {
    SegmentFrames frames(false);
    fill(frames);
    const Long whole(frames);
    Rig rig(both);
    std::vector<Frame*> taken;
    while (Frame* const frame = rig.port->frames().allocate()) taken.push_back(frame);
    REQUIRE(taken.size() > 2);
    for (int i = 0; i < 2; ++i) {
        taken.back()->drop();
        taken.pop_back();
    }
    rig.give(whole.header, whole.packet);
    std::array<Frame*, 32> some{};
    REQUIRE(rig.port->receive(some, time::Instant::from_nanos(7)) == 2);
    CHECK(rig.receive().empty());
    CHECK_FALSE(rig.port->arm());
    for (Frame* const frame : taken) frame->drop();
    const auto packets = rig.receive();
    REQUIRE(packets.size() == 3);
    CHECK(packets.back() == bytes_of(*frames.all[4]));
    for (Frame* const frame : std::span(some).first(2)) frame->drop();
}

}  // namespace
}  // namespace skerry::kernel_io::frame
