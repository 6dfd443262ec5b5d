#include "stack_port.hpp"

#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/tcp.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace skerry::dpdk {

using backend::Frame;
using backend::FrameChecksum;

namespace {

/// What the device says of a frame's checksums; both layers must be sound to be believed.
FrameChecksum checksum_of(std::uint64_t flags) noexcept {
    const std::uint64_t ip = flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
    const std::uint64_t transport = flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    if (ip == RTE_MBUF_F_RX_IP_CKSUM_BAD || transport == RTE_MBUF_F_RX_L4_CKSUM_BAD) return FrameChecksum::bad;
    if (ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD && transport == RTE_MBUF_F_RX_L4_CKSUM_GOOD) return FrameChecksum::good;
    return FrameChecksum::unknown;
}

}  // namespace

StackPort::StackPort(std::shared_ptr<PortSet> ports, std::uint16_t core, Doorbell doorbell,
                     std::unique_ptr<backend::CarriedSlowLane> lane) noexcept
    : ports_(std::move(ports)),
      port_id_(ports_->ports().front()->id()),
      queue_(core),
      has_queue_(core < ports_->ports().front()->queues()),
      to_verify_(ports_->ports().front()->hash_predicts() ? verified_frames : 0),
      frames_(ports_->ports().front()->pool(core).get()),
      doorbell_(std::move(doorbell)),
      lane_(std::move(lane)) {}

backend::PortInfo StackPort::info() const noexcept {
    backend::PortInfo info;
    rte_ether_addr mac{};
    if (rte_eth_macaddr_get(port_id_, &mac) == 0) std::memcpy(info.mac.data(), mac.addr_bytes, info.mac.size());
    std::uint16_t mtu = 0;
    if (rte_eth_dev_get_mtu(port_id_, &mtu) == 0) info.mtu = std::min<std::uint16_t>(mtu, info.mtu);
    return info;
}

// --- receiving

Frame* StackPort::take(rte_mbuf& mbuf, time::Instant now) noexcept {
    if (mbuf.nb_segs != 1) [[unlikely]] {
        ++refused_;
        rte_pktmbuf_free(&mbuf);
        return nullptr;
    }
    Frame& frame = MbufFrames::adopt(mbuf);
    frame.checksum = checksum_of(mbuf.ol_flags);
    frame.hash = (mbuf.ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0 ? mbuf.hash.rss : 0;
    if ((mbuf.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) [[unlikely]] {
        frame.flags = backend::frame_flag::has_vlan;
        frame.vlan = mbuf.vlan_tci;
    }
    frame.queue = queue_;
    frame.rx_time_ns = now.as_nanos();
    frame.time_source = backend::TimeSource::burst;
    if (to_verify_ != 0) [[unlikely]]
        verify_hash(frame);
    return &frame;
}

// The first segments of TCP that a queue gets say whether the port does as it was told. What stands is not lost when it
// does not: the owners of connections are known whatever the hash says.
void StackPort::verify_hash(const Frame& frame) noexcept {
    stack::wire::EthernetHeader ethernet;
    stack::wire::Ipv4Header ip;
    stack::wire::TcpHeader tcp;
    if (stack::wire::parse(frame.bytes(), ethernet) != stack::Drop::none || ethernet.tagged) return;
    const auto packet = frame.bytes().subspan(ethernet.header_bytes);
    if (ethernet.ether_type != stack::wire::ether_type::ipv4 || stack::wire::parse(packet, ip) != stack::Drop::none)
        return;
    if (ip.protocol != stack::wire::ip_protocol::tcp || ip.is_fragment()) return;
    if (stack::wire::parse(packet.subspan(ip.header_bytes), tcp) != stack::Drop::none) return;
    --to_verify_;
    stack::Steering& steering = *ports_->steering();
    const std::uint32_t hash =
        steering.toeplitz().hash({ip.destination, ip.source, tcp.destination_port, tcp.source_port});
    if (steering.queue_of(hash) != queue_) steering.distrust_hash();
}

std::size_t StackPort::receive(std::span<Frame*> out, time::Instant now) noexcept {
    if (lane_ != nullptr && now >= next_lane_) {
        next_lane_ = now + lane_interval;
        lane_->poll();
    }
    if (!has_queue_) return 0;
    std::array<rte_mbuf*, burst_max> mbufs;
    const std::uint16_t got = rte_eth_rx_burst(port_id_, queue_, mbufs.data(),
                                               static_cast<std::uint16_t>(std::min(out.size(), mbufs.size())));
    std::size_t count = 0;
    for (std::uint16_t i = 0; i < got; ++i)
        if (Frame* const frame = take(*mbufs[i], now); frame != nullptr) [[likely]]
            out[count++] = frame;
    if (got != 0) nap_.reset();
    return count;
}

// --- sending

// What the stack changed of a frame goes into its mbuf. One that somebody else holds too, as TCP does until its data is
// acknowledged, is copied: the device may read an mbuf long after it was handed over, and a retransmission would write
// its headers meanwhile. So is one of the heap, as a datagram that was put together from pieces.
rte_mbuf* StackPort::to_mbuf(Frame& packet) noexcept {
    if (MbufFrames::owns(packet) && !packet.is_shared()) [[likely]] {
        rte_mbuf& mbuf = mbuf_of(packet);
        mbuf.data_off = packet.headroom;
        mbuf.data_len = packet.length;
        mbuf.pkt_len = packet.length;
        mbuf.ol_flags = 0;
        return &mbuf;
    }
    Frame* const copy = frames_.allocate();
    if (copy != nullptr && copy->tailroom() >= packet.length) {
        std::memcpy(copy->data, packet.data, packet.length);
        copy->length = packet.length;
        packet.drop();
        return to_mbuf(*copy);
    }
    if (copy != nullptr) copy->drop();
    return nullptr;
}

std::size_t StackPort::transmit(std::span<Frame*> packets) noexcept {
    std::array<rte_mbuf*, burst_max> mbufs;
    std::size_t count = 0;
    for (; count < std::min(packets.size(), mbufs.size()); ++count) {
        mbufs[count] = to_mbuf(*packets[count]);
        if (mbufs[count] == nullptr) [[unlikely]]
            break;
        packets[count] = &frame_of(*mbufs[count]);
    }
    return rte_eth_tx_burst(port_id_, queue_, mbufs.data(), static_cast<std::uint16_t>(count));
}

// --- sleeping

void StackPort::park(time::Instant wake_at) noexcept {
    // The loop may put a wake-up off for the sake of its timers.
    doorbell_.wait(std::min(wake_at, next_deadline()), lane_ != nullptr ? lane_->fd() : -1);
    nap_.lengthen();
    next_lane_ = time::Instant{};
}

}  // namespace skerry::dpdk
