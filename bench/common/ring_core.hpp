#pragma once

// A core of our stack on DPDK, turned by hand, and the other end of its port: net_ring hands out what is sent to it, so
// the benchmark is the wire. It needs neither rights nor huge pages.

#include "stack_peers.hpp"

#include <skerry/dpdk/backend.hpp>
#include <skerry/dpdk/native.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <utility>

namespace skerry::bench {

inline constexpr std::size_t in_burst = 32;

/// The runtime's one core, and the other end of its ring.
class RingCore {
public:
    static constexpr std::uint16_t port_id = 0;
    static constexpr std::size_t burst_max = in_burst;

    /// `gateway`: where packets for hosts of other networks go; empty: there is none.
    explicit RingCore(const char* gateway = "") : runtime_(make_runtime(gateway)) {
        rte_ether_addr mac{};
        rte_eth_macaddr_get(port_id, &mac);
        std::copy_n(mac.addr_bytes, mac_.octets.size(), mac_.octets.begin());
        pool_ =
            rte_pktmbuf_pool_create("ladder", 2047, 64, dpdk::private_bytes, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
        if (pool_ == nullptr) std::abort();
        know_peer(peer_address);
    }
    ~RingCore() { rte_mempool_free(pool_); }
    RingCore(const RingCore&) = delete;
    RingCore& operator=(const RingCore&) = delete;

    void start(Task<> server) {
        runtime_.block_on([](Task<> task) -> Task<> {
            spawn(std::move(task)).detach();
            co_return;
        }(std::move(server)));
        turn();
    }

    [[nodiscard]] std::byte* arrive(std::size_t bytes) {
        rte_mbuf* const mbuf = rte_pktmbuf_alloc(pool_);
        if (mbuf == nullptr || count_ == in_burst) std::abort();
        mbufs_[count_++] = mbuf;
        return reinterpret_cast<std::byte*>(rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(bytes)));
    }
    void deliver() {
        if (rte_eth_tx_burst(port_id, 0, mbufs_.data(), static_cast<std::uint16_t>(count_)) != count_) std::abort();
        count_ = 0;
    }
    void poll() { runtime_.poll_once(); }
    /// How many frames came out.
    std::size_t collect() {
        std::array<rte_mbuf*, in_burst> out;
        std::size_t total = 0;
        while (const std::uint16_t got = rte_eth_rx_burst(port_id, 0, out.data(), out.size())) {
            total += got;
            for (rte_mbuf* mbuf : std::span(out).first(got)) {
                const auto* const at = rte_pktmbuf_mtod(mbuf, const std::byte*);
                if (look_ != nullptr) look_(context_, {at, mbuf->data_len});
                rte_pktmbuf_free(mbuf);
            }
        }
        return total;
    }
    void turn() {
        deliver();
        poll();
        collect();
    }

    void look_with(MemoryPort::Look look, void* context) noexcept {
        look_ = look;
        context_ = context;
    }
    [[nodiscard]] time::Instant now() const { return time::Instant::now(); }
    [[nodiscard]] const wire::MacAddr& mac() const noexcept { return mac_; }
    void know_peer(wire::Ipv4Addr address) {
        wire::ArpPacket arp;
        arp.operation = wire::ArpOperation::request;
        arp.sender_mac = peer_mac;
        arp.sender_ip = address;
        arp.target_ip = own_address;
        wire::EthernetHeader ethernet;
        ethernet.destination = mac_;
        ethernet.source = peer_mac;
        ethernet.ether_type = wire::ether_type::arp;
        std::byte* const at = arrive(wire::ethernet_bytes + wire::arp_bytes);
        wire::write(ethernet, at);
        wire::write(arp, at + wire::ethernet_bytes);
        turn();
    }

private:
    static runtime::Runtime make_runtime(const char* gateway) {
        runtime::Config config;
        config.backend = "dpdk";
        config.dpdk = "vdev=net_ring0;hugepages=off;memory=128;mbufs=4095";
        config.ip = "198.18.0.2/16";
        config.gateway = gateway;
        config.flavour = runtime::Flavour::current_thread;
        config.cores = topology::available_cpus().value().lowest(1);
        auto runtime = runtime::Builder(config).offer(dpdk::make_backend()).build();
        if (!runtime) std::fprintf(stderr, "%s\n", runtime.error().message.c_str()), std::exit(1);
        return std::move(*runtime);
    }

    runtime::Runtime runtime_;
    rte_mempool* pool_ = nullptr;
    wire::MacAddr mac_;
    std::array<rte_mbuf*, in_burst> mbufs_;
    std::size_t count_ = 0;
    MemoryPort::Look look_ = nullptr;
    void* context_ = nullptr;
};

}  // namespace skerry::bench
