#include <skerry/dpdk/native.hpp>

#include <skerry/base/compiler.hpp>

#include <rte_ether.h>
#include <rte_mempool.h>

#include <cstring>

namespace skerry::dpdk {

namespace detail {

std::size_t PortQueue::take_kept(std::span<rte_mbuf*> out) noexcept {
    const std::size_t count = std::min<std::size_t>(out.size(), kept_count);
    std::copy_n(kept.begin(), count, out.begin());
    std::copy(kept.begin() + count, kept.begin() + kept_count, kept.begin());
    kept_count = static_cast<std::uint16_t>(kept_count - count);
    return count;
}

// There is more room than the caller has, and the rest waits for the next receive.
std::size_t PortQueue::take_few(std::span<rte_mbuf*> out) noexcept {
    kept_count = rte_eth_rx_burst(port_id, queue_id, kept.data(), burst_least);
    return take_kept(out);
}

void PortQueue::give_back(std::span<rte_mbuf* const> frames) noexcept {
    SKERRY_ASSERT(frames.size() + kept_count <= kept.size(), "more frames are given back than were taken");
    std::copy_backward(kept.begin(), kept.begin() + kept_count, kept.begin() + kept_count + frames.size());
    std::copy(frames.begin(), frames.end(), kept.begin());
    kept_count = static_cast<std::uint16_t>(kept_count + frames.size());
}

void PortQueue::lose() noexcept {
    is_gone = true;
    Port::release(std::span(unsent).first(unsent_count));
    unsent_count = 0;
}

// How many of `frames`, from the front, the device took or never will.
std::size_t PortQueue::offer(std::span<rte_mbuf*> frames) noexcept {
    std::size_t taken = 0;
    for (;;) {
        const auto rest = static_cast<std::uint16_t>(frames.size() - taken);
        taken += rte_eth_tx_burst(port_id, queue_id, frames.data() + taken, rest);
        if (taken == frames.size() || frames[taken]->pkt_len <= longest) [[likely]]
            return taken;
        rte_pktmbuf_free(frames[taken]);
        ++too_long;
        if (++taken == frames.size()) return taken;
    }
}

bool PortQueue::flush_slow() noexcept {
    const std::size_t sent = offer(std::span(unsent).first(unsent_count));
    std::copy(unsent.begin() + static_cast<std::ptrdiff_t>(sent), unsent.begin() + unsent_count, unsent.begin());
    unsent_count = static_cast<std::uint16_t>(unsent_count - sent);
    return unsent_count == 0;
}

std::size_t PortQueue::send(std::span<rte_mbuf*> frames) noexcept {
    if (is_gone) [[unlikely]] {
        Port::release(frames);
        return frames.size();
    }
    std::size_t taken = 0;
    if (unsent_count + frames.size() >= send_together) {
        if (!flush()) return 0;  // the port is full; frames leave in order
        while (frames.size() - taken >= send_together) {
            const std::size_t count = std::min<std::size_t>(frames.size() - taken, burst_max);
            const std::size_t sent = offer(frames.subspan(taken, count));
            taken += sent;
            if (sent != count) return taken;
        }
    }
    std::copy(frames.begin() + static_cast<std::ptrdiff_t>(taken), frames.end(), unsent.begin() + unsent_count);
    unsent_count = static_cast<std::uint16_t>(unsent_count + frames.size() - taken);
    return frames.size();
}

void RecvBurstAwaiter::cancel_slow() noexcept {
    queue_->receiver = nullptr;
    if (state() == task::node_state::linked) {
        set_state(task::node_state::idle);
        return;
    }
    task::current_scheduler->blank(*this);
    if (take_claim()) queue_->give_back(out.first(count));
}

}  // namespace detail

Result<Port> Port::open(std::size_t index) noexcept {
    if (detail::current_queues.empty()) return Error(Errc::unsupported);
    if (index >= detail::current_queues.size()) return Error(Errc::not_found);
    return Port(detail::current_queues[index]);
}

PortStats Port::stats() const noexcept {
    rte_eth_stats counted{};
    PortStats stats;
    if (!queue_->is_gone && rte_eth_stats_get(queue_->port_id, &counted) == 0) {
        stats.rx_frames = counted.ipackets;
        stats.tx_frames = counted.opackets;
        stats.rx_bytes = counted.ibytes;
        stats.tx_bytes = counted.obytes;
        stats.rx_missed = counted.imissed;
        stats.rx_errors = counted.ierrors;
        stats.tx_errors = counted.oerrors;
        stats.rx_no_buffers = counted.rx_nombuf;
    }
    stats.no_buffers = queue_->no_buffers;
    stats.tx_too_long = queue_->too_long;
    stats.pool_size = queue_->pool->size;
    stats.pool_free = rte_mempool_avail_count(queue_->pool);
    return stats;
}

Link Port::link() const noexcept {
    rte_eth_link state{};
    Link link;
    if (queue_->is_gone || rte_eth_link_get_nowait(queue_->port_id, &state) != 0) return link;
    link.up = state.link_status == RTE_ETH_LINK_UP;
    link.full_duplex = state.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
    if (state.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN) link.speed_mbps = state.link_speed;
    return link;
}

std::vector<DeviceCounter> Port::device_counters() const {
    std::vector<DeviceCounter> counters;
    const int size = rte_eth_xstats_get_names(queue_->port_id, nullptr, 0);
    if (size <= 0) return counters;
    std::vector<rte_eth_xstat_name> names(static_cast<std::size_t>(size));
    std::vector<rte_eth_xstat> values(names.size());
    const auto room = static_cast<unsigned>(size);
    if (rte_eth_xstats_get_names(queue_->port_id, names.data(), room) != size) return counters;
    const int count = rte_eth_xstats_get(queue_->port_id, values.data(), room);
    for (int i = 0; i < std::min(count, size); ++i) {
        const rte_eth_xstat& counter = values[static_cast<std::size_t>(i)];
        if (counter.id < names.size()) counters.push_back({names[counter.id].name, counter.value});
    }
    return counters;
}

std::array<std::uint8_t, 6> Port::mac() const noexcept {
    rte_ether_addr address{};
    std::array<std::uint8_t, 6> bytes{};
    if (rte_eth_macaddr_get(queue_->port_id, &address) == 0)
        std::memcpy(bytes.data(), address.addr_bytes, bytes.size());
    return bytes;
}

std::string Port::name() const {
    std::array<char, RTE_ETH_NAME_MAX_LEN> name{};
    return rte_eth_dev_get_name_by_port(queue_->port_id, name.data()) == 0 ? std::string(name.data()) : std::string();
}

}  // namespace skerry::dpdk
