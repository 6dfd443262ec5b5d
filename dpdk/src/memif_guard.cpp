#include "memif_guard.hpp"

#include "burst_gate.hpp"
#include "eal_log.hpp"

#include <skerry/trace/notice.hpp>

#include <rte_config.h>
#include <rte_alarm.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_log.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <utility>

namespace skerry::dpdk {

namespace {

struct Bursts {
    eth_rx_burst_t receive = nullptr;
    eth_tx_burst_t send = nullptr;
};

std::array<Bursts, RTE_MAX_ETHPORTS> drivers;  // what the driver gave each port

// A burst is told its queue and not its port, so each port has functions of its own.
template <std::size_t port>
std::uint16_t receive(void* queue, rte_mbuf** frames, std::uint16_t count) {
    const BurstGate::Passage passage;
    return passage.is_free() ? drivers[port].receive(queue, frames, count) : std::uint16_t{0};
}

template <std::size_t port>
std::uint16_t send(void* queue, rte_mbuf** frames, std::uint16_t count) {
    const BurstGate::Passage passage;
    return passage.is_free() ? drivers[port].send(queue, frames, count) : std::uint16_t{0};
}

template <std::size_t... port>
constexpr std::array<Bursts, RTE_MAX_ETHPORTS> guarded_bursts(std::index_sequence<port...>) noexcept {
    return {Bursts{&receive<port>, &send<port>}...};
}

constexpr auto guarded = guarded_bursts(std::make_index_sequence<RTE_MAX_ETHPORTS>());

// An alarm goes off on this thread, so not before it is through.
void before_message() noexcept {
    if (rte_thread_is_intr() == 0 || BurstGate::is_shut()) return;
    if (rte_eal_alarm_set(1, [](void*) { BurstGate::open(); }, nullptr) != 0) return;
    if (!BurstGate::shut(std::chrono::seconds{1}))
        trace::notice("dpdk: net_memif: a core has been within one look at its rings for a second; the driver goes on");
}

}  // namespace

void guard_memif(std::uint16_t port) noexcept {
    auto& bursts = rte_eth_fp_ops[port];
    drivers[port] = {bursts.rx_pkt_burst, bursts.tx_pkt_burst};
    bursts.rx_pkt_burst = guarded[port].receive;
    bursts.tx_pkt_burst = guarded[port].send;
    rte_log_set_global_level(RTE_LOG_DEBUG);
    (void)rte_log_set_level_pattern("pmd.net.memif", RTE_LOG_DEBUG);
    eal_log::on_message(&before_message);
}

}  // namespace skerry::dpdk
