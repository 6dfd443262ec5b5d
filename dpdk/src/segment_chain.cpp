#include "segment_chain.hpp"

#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ip_protocol.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>

#include <cstring>

namespace skerry::dpdk {

using backend::Frame;
namespace wire = stack::wire;

namespace {

constexpr std::size_t tcp_checksum_at = 16;

/// The sum of the pseudo header without a length: the device adds each segment's.
std::uint64_t pseudo_header_of(const std::byte* ip, bool is_v6) noexcept {
    return is_v6 ? wire::pseudo_header(wire::load_ipv6(ip + 8), wire::load_ipv6(ip + 24), wire::ip_protocol::tcp, 0)
                 : wire::pseudo_header(wire::load_ipv4(ip + 12), wire::load_ipv4(ip + 16), wire::ip_protocol::tcp, 0);
}

void ask_for_cut(rte_mbuf& mbuf, const stack::SegmentRun& run, bool finishes_ipv4) noexcept {
    mbuf.ol_flags |=
        RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM | (run.is_v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
    if (!run.is_v6 && finishes_ipv4) mbuf.ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
    mbuf.l2_len = wire::ethernet_bytes;
    mbuf.l3_len = static_cast<std::uint16_t>(run.network_bytes());
    mbuf.l4_len = static_cast<std::uint8_t>(run.tcp_bytes());
    mbuf.tso_segsz = static_cast<std::uint16_t>(run.segment_bytes);
}

}  // namespace

void join(std::span<Frame* const> packets, SegmentChain& chain, bool finishes_ipv4) noexcept {
    const stack::SegmentRun& run = chain.run;
    std::byte* const at = packets[0]->data;
    std::memcpy(chain.headers.data(), at, run.header_bytes);
    stack::write_run_headers(at, packets, run);
    std::byte* const ip = at + wire::ethernet_bytes;
    wire::store_unfinished(ip + run.network_bytes() + tcp_checksum_at, pseudo_header_of(ip, run.is_v6));
    if (!run.is_v6 && finishes_ipv4) wire::store_checksum(ip + 10, 0);
    rte_mbuf& first = mbuf_of(*packets[0]);
    rte_mbuf* last = &first;
    for (Frame* const frame : packets.subspan(1, run.segments - 1)) {
        rte_mbuf& mbuf = mbuf_of(*frame);
        mbuf.data_off = static_cast<std::uint16_t>(mbuf.data_off + run.header_bytes);
        mbuf.data_len = static_cast<std::uint16_t>(mbuf.data_len - run.header_bytes);
        mbuf.nb_segs = 2;
        last->next = &mbuf;
        last = &mbuf;
    }
    last->next = nullptr;
    first.nb_segs = static_cast<std::uint16_t>(run.segments);
    first.pkt_len = static_cast<std::uint32_t>(run.header_bytes + run.payload_bytes);
    ask_for_cut(first, run, finishes_ipv4);
}

void take_apart(std::span<Frame* const> packets, const SegmentChain& chain) noexcept {
    std::memcpy(packets[0]->data, chain.headers.data(), chain.run.header_bytes);
    for (Frame* const frame : packets.first(chain.run.segments)) unchain(mbuf_of(*frame));
}

}  // namespace skerry::dpdk
