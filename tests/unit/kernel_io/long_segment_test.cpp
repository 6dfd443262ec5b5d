// What the kernel gave whole, cut: each piece is what the sender's card would have sent.

#include "support/segment_frames.hpp"

#include "frame/long_segment.hpp"

#include <skerry/stack/segment_run.hpp>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

namespace skerry::kernel_io::frame {
namespace {

using tests::SegmentFrames;
namespace wire = stack::wire;
namespace flag = stack::wire::tcp_flag;

constexpr std::size_t room = 1920;

/// A long segment in its memory, as the kernel gives it, made of the pieces that should come of it.
struct Given {
    explicit Given(bool is_v6, std::uint8_t flags = flag::ack) : frames(is_v6) {
        for (int i = 0; i < 4; ++i) frames.add(1000, flags);
        frames.add(500, flag::ack | flag::psh | flag::fin);
        run = stack::run_at(frames.all, {32});
        REQUIRE(run.segments == 5);
        stack::write_run_headers(whole.memory().data(), frames.all, run);
        std::memcpy(whole.memory().data() + run.header_bytes, frames.payload.data(), frames.payload.size());
        bytes = run.header_bytes + run.payload_bytes;
        header.flags = VirtioHeader::sum_missing;
        header.kind = is_v6 ? VirtioHeader::long_tcp6 : VirtioHeader::long_tcp4;
        header.segment_bytes = 1000;
        header.checksum_start = static_cast<std::uint16_t>(frames.tcp_at());
        header.checksum_offset = 16;
    }
    [[nodiscard]] bool begins() { return whole.begin(bytes, header, room); }
    [[nodiscard]] std::byte* at(std::size_t offset) { return whole.memory().data() + offset; }

    SegmentFrames frames;
    stack::SegmentRun run;
    LongSegment whole;
    std::size_t bytes = 0;
    VirtioHeader header;
};

TEST_CASE("a long segment is cut into what its sender's card would have sent", "[kernel_io][tso]") {
    Given given(GENERATE(false, true));
    REQUIRE(given.begins());
    backend::HeapFrames pool;
    for (const backend::Frame* const wanted : given.frames.all) {
        REQUIRE_FALSE(given.whole.empty());
        backend::Frame* const frame = pool.allocate();
        REQUIRE(frame != nullptr);
        given.whole.next(*frame);
        CHECK(frame->checksum == backend::FrameChecksum::good);
        CHECK(frame->flags == 0);
        REQUIRE(frame->length == wanted->length);
        CHECK(std::equal(frame->bytes().begin(), frame->bytes().end(), wanted->bytes().begin()));
        CHECK(tests::holds_when_finished({frame->bytes().begin(), frame->bytes().end()}));
        frame->drop();
    }
    CHECK(given.whole.empty());
}

TEST_CASE("of a long segment CWR is the first one's, PSH and FIN the last one's", "[kernel_io][tso][ecn]") {
    Given given(false);
    *given.at(given.frames.tcp_at() + 13) = std::byte{flag::ack | flag::ece | flag::cwr | flag::psh | flag::fin};
    REQUIRE(given.begins());
    backend::HeapFrames pool;
    for (std::size_t i = 0; i < 5; ++i) {
        backend::Frame* const frame = pool.allocate();
        given.whole.next(*frame);
        const int flags = wire::load_8(frame->data + given.frames.tcp_at() + 13);
        const int wanted = flag::ack | flag::ece | (i == 0 ? flag::cwr : 0) | (i == 4 ? flag::psh | flag::fin : 0);
        CHECK(flags == wanted);
        frame->drop();
    }
}

TEST_CASE("a long segment whose headers lie is none", "[kernel_io][tso][lies]") {
    const bool is_v6 = GENERATE(false, true);
    REQUIRE(Given(is_v6).begins());
    Given lying(is_v6);
    VirtioHeader& header = lying.header;
    SECTION("no checksum was left out") { header.flags = 0; }
    SECTION("no such place of a checksum") { header.checksum_offset = 6; }
    SECTION("the other family") { header.kind = is_v6 ? VirtioHeader::long_tcp4 : VirtioHeader::long_tcp6; }
    SECTION("UDP") { header.kind = VirtioHeader::long_udp; }
    SECTION("pieces of nothing") { header.segment_bytes = 0; }
    SECTION("pieces that no frame holds") { header.segment_bytes = static_cast<std::uint16_t>(room); }
    SECTION("TCP begins elsewhere") { header.checksum_start = GENERATE(0, 14, 33, 53, 65'535); }
    SECTION("less than it says") { lying.bytes -= 1; }
    SECTION("more than it says") { lying.bytes += 1; }
    SECTION("hardly anything") { lying.bytes = GENERATE(0, 14, 34, 54, 60); }
    SECTION("a TCP header of nothing") { *lying.at(lying.frames.tcp_at() + 12) = std::byte{0x40}; }
    if (!is_v6) {
        SECTION("an IPv4 header whose checksum does not hold") { *lying.at(22) ^= std::byte{1}; }
        SECTION("a piece of a datagram") {
            *lying.at(20) = std::byte{0x20};
            wire::store_checksum(lying.at(24), 0);
            wire::store_checksum(lying.at(24), wire::fold(wire::sum_of_20(lying.at(14))));
        }
    }
    CHECK_FALSE(lying.begins());
    CHECK(lying.whole.empty());
}

TEST_CASE("whatever the headers of a long segment say, its pieces fit their frames and hold all of it",
          "[kernel_io][tso][lies]") {
    std::minstd_rand random(7);
    backend::HeapFrames pool;
    Given given(GENERATE(false, true));
    const VirtioHeader header = given.header;
    const std::vector<std::byte> sound(given.at(0), given.at(0) + given.bytes);
    std::size_t taken = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::copy(sound.begin(), sound.end(), given.at(0));
        given.header = header;
        const auto change = static_cast<std::byte>(1U << random() % 8);
        if (random() % 2 == 0)
            *given.at(12 + random() % (given.run.header_bytes - 12)) ^= change;
        else
            reinterpret_cast<std::byte*>(&given.header)[random() % sizeof header] ^= change;
        if (!given.begins()) continue;
        ++taken;
        std::size_t payload = 0;
        while (!given.whole.empty()) {
            backend::Frame* const frame = pool.allocate();
            given.whole.next(*frame);
            REQUIRE(frame->length <= room);
            const std::size_t tcp_at = given.header.checksum_start;
            payload += frame->length - tcp_at - (wire::load_8(frame->data + tcp_at + 12) >> 4U) * std::size_t{4};
            frame->drop();
        }
        const std::size_t header_bytes =
            given.header.checksum_start +
            (wire::load_8(given.at(given.header.checksum_start + std::size_t{12})) >> 4U) * std::size_t{4};
        REQUIRE(payload == given.bytes - header_bytes);
    }
    CHECK(taken > 1000);
}

TEST_CASE("a checksum that was left to a card is believed where it can be told, and made where not",
          "[kernel_io][tso][checksum]") {
    SegmentFrames frames(false);
    backend::Frame& frame = frames.add(100);
    VirtioHeader header;
    header.checksum_start = 34;
    header.checksum_offset = 16;
    SECTION("believed") {
        REQUIRE(settle_checksum(frame, header));
        CHECK(frame.checksum == backend::FrameChecksum::good);
    }
    SECTION("made") {
        // With an option in IPv4's header.
        std::memmove(frame.data + 38, frame.data + 34, frame.length - 34U);
        frame.length = static_cast<std::uint16_t>(frame.length + 4);
        std::memset(frame.data + 34, 1, 4);
        frame.data[14] = std::byte{0x46};
        header.checksum_start = 38;
        REQUIRE(settle_checksum(frame, header));
        CHECK(frame.checksum == backend::FrameChecksum::unknown);
        const auto segment = frame.bytes().subspan(38);
        const std::uint64_t pseudo =
            wire::pseudo_header(wire::load_ipv4(frame.data + 26), wire::load_ipv4(frame.data + 30),
                                wire::ip_protocol::tcp, static_cast<std::uint32_t>(segment.size()));
        CHECK(wire::fold(wire::sum(segment, pseudo)) == 0);
    }
    SECTION("nowhere") {
        frame.data[14] = std::byte{0x46};
        header.checksum_start = static_cast<std::uint16_t>(frame.length - 17);
        CHECK_FALSE(settle_checksum(frame, header));
    }
}

}  // namespace
}  // namespace skerry::kernel_io::frame
