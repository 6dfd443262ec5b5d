// A run of segments as one packet of several mbufs: what a card that cuts it finds, and that it can be taken apart.

#include "support/segment_frames.hpp"

#include "segment_chain.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

namespace skerry {
namespace {

using backend::Frame;
using tests::SegmentFrames;
using Bytes = std::vector<std::byte>;
namespace wire = stack::wire;
namespace flag = stack::wire::tcp_flag;

/// An mbuf with its frame behind it and its memory behind that, as a pool makes them.
struct alignas(64) Buffer {
    rte_mbuf mbuf{};
    Frame frame;
    std::array<std::byte, 2048> memory{};

    void hold(const Frame& from) {
        std::memcpy(memory.data() + 128, from.data, from.length);
        frame.data = memory.data() + 128;
        frame.headroom = 128;
        frame.length = from.length;
        frame.flags = from.flags;
        mbuf.buf_addr = memory.data();
        mbuf.data_off = 128;
        mbuf.data_len = from.length;
        mbuf.pkt_len = from.length;
        mbuf.nb_segs = 1;
    }
};

/// Four segments of 1,000 bytes and one of 500, in mbufs.
struct Rig {
    explicit Rig(bool is_v6) : segments(is_v6) {
        for (int i = 0; i < 4; ++i) segments.add(1000);
        segments.add(500, flag::ack | flag::psh);
        for (std::size_t i = 0; i < segments.all.size(); ++i) {
            buffers.push_back(std::make_unique<Buffer>());
            buffers[i]->hold(*segments.all[i]);
            packets.push_back(&buffers[i]->frame);
        }
        chain.run = stack::run_at(packets, {32});
        REQUIRE(chain.run.segments == 5);
    }
    [[nodiscard]] rte_mbuf& first() { return buffers[0]->mbuf; }

    SegmentFrames segments;
    std::vector<std::unique_ptr<Buffer>> buffers;
    std::vector<Frame*> packets;
    dpdk::SegmentChain chain;
};

/// What the device reads.
Bytes bytes_of(const rte_mbuf& first) {
    Bytes bytes;
    for (const rte_mbuf* part = &first; part != nullptr; part = part->next) {
        const auto* const at = rte_pktmbuf_mtod(part, const std::byte*);
        bytes.insert(bytes.end(), at, at + part->data_len);
    }
    return bytes;
}

TEST_CASE("a run is one chain: the headers of all, and each payload from where it lies", "[dpdk][tso]") {
    const bool is_v6 = GENERATE(false, true);
    const bool finishes_ipv4 = GENERATE(false, true);
    Rig rig(is_v6);
    dpdk::join(rig.packets, rig.chain, finishes_ipv4);
    const rte_mbuf& mbuf = rig.first();
    const std::size_t header_bytes = rig.segments.header_bytes();
    CHECK(mbuf.nb_segs == 5);
    CHECK(mbuf.pkt_len == header_bytes + 4500);
    CHECK(mbuf.tso_segsz == 1000);
    CHECK(mbuf.l2_len == 14);
    CHECK(mbuf.l3_len == (is_v6 ? 40 : 20));
    CHECK(mbuf.l4_len == 32);
    CHECK((mbuf.ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0);
    CHECK((mbuf.ol_flags & (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6)) ==
          (is_v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4));
    CHECK(((mbuf.ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0) == (finishes_ipv4 && !is_v6));
    Bytes whole = bytes_of(mbuf);
    REQUIRE(whole.size() == header_bytes + 4500);
    CHECK(std::equal(rig.segments.payload.begin(), rig.segments.payload.end(),
                     whole.begin() + static_cast<long>(header_bytes)));
    if (!is_v6) {
        CHECK(wire::load_be16(whole.data() + 16) == whole.size() - 14);
        CHECK((wire::load_checksum(whole.data() + 24) == 0) == finishes_ipv4);
        CHECK((wire::fold(wire::sum_of_20(whole.data() + 14)) == 0) == !finishes_ipv4);
    }
    // What the device adds to the field: the length of each segment, here of all.
    const std::size_t tcp = rig.segments.tcp_at();
    const std::uint64_t with_length = std::uint64_t{wire::load_checksum(whole.data() + tcp + 16)} +
                                      wire::swap_be16(static_cast<std::uint16_t>(whole.size() - tcp));
    wire::store_unfinished(whole.data() + tcp + 16, with_length);
    if (!is_v6 && finishes_ipv4)
        wire::store_checksum(whole.data() + 24, wire::fold(wire::sum_of_20(whole.data() + 14)));
    CHECK(tests::holds_when_finished(whole));
}

TEST_CASE("a chain that the device does not take is taken apart, and is as it was", "[dpdk][tso]") {
    Rig rig(GENERATE(false, true));
    dpdk::join(rig.packets, rig.chain, true);
    for (const auto& buffer : rig.buffers) CHECK(dpdk::is_chained(buffer->mbuf));
    dpdk::take_apart(rig.packets, rig.chain);
    for (std::size_t i = 0; i < rig.packets.size(); ++i) {
        const rte_mbuf& mbuf = rig.buffers[i]->mbuf;
        CHECK_FALSE(dpdk::is_chained(mbuf));
        CHECK(mbuf.next == nullptr);
        const Frame& now = *rig.packets[i];
        const Frame& before = *rig.segments.all[i];
        REQUIRE(now.length == before.length);
        CHECK(std::equal(now.bytes().begin(), now.bytes().end(), before.bytes().begin()));
    }
}

}  // namespace
}  // namespace skerry
