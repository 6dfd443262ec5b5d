#include "stack_port.hpp"

#include "checksums.hpp"
#include "segment_chain.hpp"

#include <skerry/stack/unfinished_checksum.hpp>
#include <skerry/trace/line.hpp>
#include <skerry/trace/notice.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace skerry::dpdk {

using backend::Frame;

StackPort::StackPort(std::shared_ptr<PortSet> ports, std::size_t port, std::uint16_t core, Doorbell doorbell,
                     std::unique_ptr<backend::CarriedSlowLane> lane) noexcept
    : ports_(std::move(ports)),
      port_(*ports_->ports()[port]),
      steering_(ports_->steering(port).get()),
      port_id_(port_.id()),
      core_(core),
      queues_(port_.queues_of(core)),
      next_queue_(core),
      below_(KernelDevice::below(port_id_)),
      sends_shared_(port_.sends_shared()),
      hash_check_(port_.hash_predicts() ? steering_ : nullptr),
      run_limits_(port_.run_limits()),
      frames_(port_.pool(core).get()),
      doorbell_(std::move(doorbell)),
      lane_(std::move(lane)),
      interrupt_(queues_.any() && port_.has_interrupts() ? RxInterrupt(port_id_, queues_) : RxInterrupt()),
      nap_(!interrupt_.exists()      ? Nap::without_interrupt
           : port_.interrupts_late() ? Nap::with_late_interrupt
                                     : Nap::endless) {
    port_.events().add(doorbell_);
}

StackPort::~StackPort() {
    port_.events().remove(doorbell_);
    rte_pktmbuf_free_bulk(seen_.data(), seen_count_);
    if (runs_sent_ == 0) return;
    const trace::Line line("dpdk: ", port_.name(), ": ", segments_in_runs_, " segments left as ", runs_sent_,
                           " packets");
    trace::notice(line.text());
}

backend::PortInfo StackPort::info() const noexcept {
    backend::PortInfo info;
    rte_ether_addr mac{};
    if (rte_eth_macaddr_get(port_id_, &mac) == 0) std::memcpy(info.mac.data(), mac.addr_bytes, info.mac.size());
    info.mtu = port_.mtu();
    if (below_) info.mtu = std::min(below_->mtu, info.mtu);
    info.checksums_sent = port_.sends_checksums();
    return info;
}

// --- receiving

// A ring hands out the very mbuf that was sent, and its sender may have kept it for a retransmission: its frame is the
// sender's then, and nothing is written to it here.
rte_mbuf* StackPort::copy_of_shared(rte_mbuf& mbuf) noexcept {
    rte_mbuf* const copy = rte_pktmbuf_copy(&mbuf, port_.pool(core_).get(), 0, UINT32_MAX);
    rte_pktmbuf_free(&mbuf);
    return copy;
}

Frame* StackPort::take(rte_mbuf& received, time::Instant now) noexcept {
    // A clone counts its own handles; the memory that it shows is somebody else's.
    const bool is_own = rte_mbuf_refcnt_read(&received) == 1 && RTE_MBUF_DIRECT(&received);
    rte_mbuf* const own = is_own ? &received : copy_of_shared(received);
    if (own == nullptr || own->nb_segs != 1) [[unlikely]] {
        ++refused_;
        rte_pktmbuf_free(own);
        return nullptr;
    }
    rte_mbuf& mbuf = *own;
    Frame& frame = MbufFrames::adopt(mbuf);
    frame.checksum = below_ && below_->is_cable ? stack::checksum_of_cable(frame.bytes()) : checksum_of(mbuf);
    frame.hash = (mbuf.ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0 ? mbuf.hash.rss : 0;
    if ((mbuf.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) [[unlikely]] {
        frame.flags = backend::frame_flag::has_vlan;
        frame.vlan = mbuf.vlan_tci;
    }
    frame.set_arrival(now, came_by_);
    return &frame;
}

// What stands is not lost when the port does not as it was told: the owners of connections are known whatever the hash
// says.
void StackPort::verify_hash(const Frame& frame) noexcept {
    const auto queue = hash_check_.queue_of(frame.bytes(), *steering_);
    if (!queue || *queue == came_by_ || !steering_->hash_predicts()) return;
    steering_->distrust_hash();
    const trace::Line line("dpdk: ", port_.name(), ": a packet came by queue ", came_by_, ", and its hash says queue ",
                           *queue, ": the cores steer by software from now on");
    trace::notice(line.text());
}

// The first queue that has some, each looked at once.
std::uint16_t StackPort::look(std::span<rte_mbuf*> out) noexcept {
    const std::uint16_t begin = next_queue_;
    do {
        came_by_ = next_queue_;
        next_queue_ = queues_.after(came_by_);
        const auto room = static_cast<std::uint16_t>(out.size());
        const std::uint16_t count = rte_eth_rx_burst(port_id_, came_by_, out.data(), room);
        if (count != 0) return count;
    } while (next_queue_ != begin);
    return 0;
}

std::uint16_t StackPort::take_burst(std::span<rte_mbuf*> out) noexcept {
    if (seen_count_ != 0) [[unlikely]] {
        const auto count = static_cast<std::uint16_t>(std::min<std::size_t>(seen_count_, out.size()));
        std::copy_n(seen_.begin(), count, out.begin());
        std::copy(seen_.begin() + count, seen_.begin() + seen_count_, seen_.begin());
        seen_count_ = static_cast<std::uint16_t>(seen_count_ - count);
        return count;
    }
    return look(out);
}

// The device is being taken away: this core uses its queue no more, and the last core that says so closes it. The
// kernel waits for that.
void StackPort::leave() noexcept {
    is_lost_ = true;
    rte_pktmbuf_free_bulk(seen_.data(), std::exchange(seen_count_, std::uint16_t{0}));
    interrupt_.forget();
    port_.leave();
}

std::size_t StackPort::receive(std::span<Frame*> out, time::Instant now) noexcept {
    if (lane_ != nullptr && now >= next_lane_) {
        next_lane_ = now + lane_interval;
        lane_->poll();
    }
    if (port_.events().is_gone()) [[unlikely]] {
        if (!is_lost_) leave();
        return 0;
    }
    if (!queues_.any()) return 0;
    std::array<rte_mbuf*, burst_max> mbufs;
    const std::uint16_t got = take_burst(std::span(mbufs).first(std::min(out.size(), mbufs.size())));
    std::size_t count = 0;
    for (std::uint16_t i = 0; i < got; ++i)
        if (Frame* const frame = take(*mbufs[i], now); frame != nullptr) [[likely]]
            out[count++] = frame;
    if (got != 0) nap_.reset();
    if (!hash_check_.is_over() && count != 0) [[unlikely]]
        verify_hash(*out[0]);
    return count;
}

// --- sending

// What the stack changed of a frame goes into its mbuf. One that its sender keeps until it is acknowledged is sent
// itself, with a reference of the device's own: the stack writes nothing to it until that is gone. What is shared
// otherwise, or kept from a device that does not send such, is copied, and so is what is not an mbuf, as a datagram
// that was put together from pieces.
rte_mbuf* StackPort::to_mbuf(Frame& packet) noexcept {
    const bool is_kept = (packet.flags & backend::frame_flag::kept) != 0 && sends_shared_;
    if (MbufFrames::owns(packet) && (!packet.is_shared() || is_kept)) [[likely]] {
        rte_mbuf& mbuf = mbuf_of(packet);
        mbuf.data_off = packet.headroom;
        mbuf.data_len = packet.length;
        mbuf.pkt_len = packet.length;
        if (is_chained(mbuf)) [[unlikely]]
            unchain(mbuf);
        mbuf.ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;  // whose memory it is decides how it is freed
        if ((packet.flags & backend::frame_flag::sum_missing) != 0) ask_for_checksum(mbuf);
        if (packet.is_shared()) rte_mbuf_refcnt_update(&mbuf, 1);
        return &mbuf;
    }
    Frame* const copy = frames_.allocate();
    if (copy != nullptr && copy->tailroom() >= packet.length) {
        std::memcpy(copy->data, packet.data, packet.length);
        copy->length = packet.length;
        copy->flags = packet.flags & backend::frame_flag::sum_missing;
        packet.drop();
        return to_mbuf(*copy);
    }
    if (copy != nullptr) copy->drop();
    return nullptr;
}

// As many as there is memory for. Where a copy leaves, it stands in `packets`.
StackPort::Ready StackPort::make_ready(std::span<Frame*> packets) noexcept {
    Ready ready;
    for (std::size_t& count = ready.count; count < std::min(packets.size(), ready.mbufs.size()); ++count) {
        ready.mbufs[count] = to_mbuf(*packets[count]);
        if (ready.mbufs[count] == nullptr) [[unlikely]]
            break;
        packets[count] = &frame_of(*ready.mbufs[count]);
        ready.is_kept[count] = packets[count]->is_shared();
    }
    return ready;
}

// Of one that is not kept and was sent nothing may be touched any more.
void StackPort::settle(std::span<Frame* const> packets, const Ready& ready, std::size_t sent) noexcept {
    for (std::size_t i = 0; i < ready.count; ++i) {
        if (!ready.is_kept[i]) continue;
        if (i < sent)
            --packets[i]->handles;
        else
            rte_mbuf_refcnt_update(ready.mbufs[i], -1);
    }
}

std::size_t StackPort::transmit(std::span<Frame*> packets) noexcept {
    if (is_lost_) [[unlikely]] {
        for (Frame* const packet : packets) packet->drop();
        return packets.size();
    }
    Ready ready = make_ready(packets);
    if (run_limits_.segments_max > 1 && ready.count > 1) return transmit_in_runs(packets, ready);
    // Some drivers want to see what they are to finish, and may refuse a frame.
    const auto wanted = static_cast<std::uint16_t>(ready.count);
    const std::uint16_t prepared =
        port_.sends_checksums() ? rte_eth_tx_prepare(port_id_, core_, ready.mbufs.data(), wanted) : wanted;
    const std::uint16_t sent = rte_eth_tx_burst(port_id_, core_, ready.mbufs.data(), prepared);
    settle(packets, ready, sent);
    if (sent != prepared || prepared == wanted) [[likely]]
        return sent;
    ++refused_;
    packets[sent]->drop();
    return sent + std::size_t{1};
}

// The same where the device cuts segments: what it is given are the first mbufs of runs. A run that it refuses goes the
// next time one by one, and so does all else from then on.
std::size_t StackPort::transmit_in_runs(std::span<Frame*> packets, const Ready& ready) noexcept {
    std::array<SegmentChain, burst_max> chains;
    std::array<rte_mbuf*, burst_max> heads;
    const auto burst = packets.first(ready.count);
    std::uint16_t count = 0;
    for (std::size_t at = 0; at < burst.size(); at += chains[count++].run.segments) {
        SegmentChain& chain = chains[count];
        chain.first = at;
        chain.run = stack::run_at(burst.subspan(at), run_limits_);
        if (chain.run.segments > 1) join(burst.subspan(at), chain, port_.sends_ipv4_checksums());
        heads[count] = ready.mbufs[at];
    }
    const std::uint16_t prepared = rte_eth_tx_prepare(port_id_, core_, heads.data(), count);
    const std::uint16_t taken = rte_eth_tx_burst(port_id_, core_, heads.data(), prepared);
    for (std::uint16_t i = 0; i < taken; ++i) {
        if (chains[i].run.segments == 1) continue;
        ++runs_sent_;
        segments_in_runs_ += chains[i].run.segments;
    }
    for (std::uint16_t i = taken; i < count; ++i)
        if (chains[i].run.segments > 1) take_apart(burst.subspan(chains[i].first), chains[i]);
    const std::size_t sent = taken == count ? burst.size() : chains[taken].first;
    settle(packets, ready, sent);
    if (taken != prepared || prepared == count) return sent;
    ++refused_;
    if (chains[taken].run.segments > 1) {
        run_limits_.segments_max = 1;
        trace::notice("dpdk: " + port_.name() + ": the device refuses a long segment: it gets none from now on");
        return sent;
    }
    packets[sent]->drop();
    return sent + 1;
}

// --- sleeping

// A frame that came before the interrupt was armed rings no bell.
bool StackPort::arm() noexcept {
    if (seen_count_ != 0) return false;
    if (!interrupt_.exists()) return true;
    const bool is_armed = interrupt_.arm();
    seen_count_ = look(seen_);
    if (seen_count_ == 0 && is_armed) return true;
    interrupt_.disarm();
    return false;
}

void StackPort::park(time::Instant wake_at) noexcept {
    // The loop may put a wake-up off for the sake of its timers.
    doorbell_.wait(std::min(wake_at, next_deadline()), lane_ != nullptr ? lane_->fd() : -1, interrupt_.fd());
    if (interrupt_.exists()) interrupt_.disarm();
    nap_.lengthen();
    next_lane_ = time::Instant{};
}

}  // namespace skerry::dpdk
