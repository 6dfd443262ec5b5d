#include "port.hpp"

#include "eal_log.hpp"
#include "host.hpp"
#include "interrupt_thread.hpp"
#include "memif_guard.hpp"
#include "rights.hpp"

#include <skerry/backend/mtu.hpp>
#include <skerry/stack/tcp/limits.hpp>
#include <skerry/trace/notice.hpp>

#include <rte_config.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>
#include <set>

namespace skerry::dpdk {

namespace {

using backend::SetupError;

constexpr std::uint64_t rx_checksums =
    RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
constexpr std::uint64_t tx_checksums = RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
constexpr std::uint64_t cuts_tcp = RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
constexpr std::uint16_t run_segments_max = 32;  // a burst

// Names of the devices that runtimes of this process have open.
struct InUse {
    std::mutex mutex;
    std::set<std::string> names;
};

InUse& in_use() {
    static auto& instance = *new InUse;
    return instance;
}

bool claim(const std::string& name) {
    const std::lock_guard guard(in_use().mutex);
    return in_use().names.insert(name).second;
}

void unclaim(const std::string& name) {
    const std::lock_guard guard(in_use().mutex);
    in_use().names.erase(name);
}

SetupError about(const std::string& name, const std::string& what) { return {"dpdk: " + name + ": " + what}; }

// What speaks against a device before DPDK is asked for it; empty when nothing does.
std::string objection_to(const Device& device, const Options& options) {
    if (!device.is_pci) return {};
    std::string objection = pci_objection(device.name);
    // VFIO takes 65,535 mappings, and an ordinary page is one each: minutes, and then a refusal.
    if (objection.empty() && rte_eal_has_hugepages() == 0)
        return "a card wants huge pages; run scripts/hugepages.sh reserve " +
               std::to_string((options.memory_mib + 1) / 2) + " as root, without hugepages=off";
    return objection;
}

std::string attach_failure(const Device& device) {
    if (device.is_pci && eal_log::first_error().find("DMA remapping") != std::string::npos)
        return eal_log::explain(
            "the card's memory cannot be locked; raise the limit: ulimit -l unlimited, or "
            "LimitMEMLOCK= of the service, or CAP_IPC_LOCK for a container");
    // What no bus of EAL can make sense of.
    if (eal_log::first_error().find("failed to parse device") != std::string::npos)
        return "DPDK knows no such kind of device; kinds are for instance net_memif, net_ring, net_null, net_pcap, "
               "net_tap, net_af_packet";
    if (std::string right = missing_right(device.name); !device.is_pci && !right.empty()) return right;
    return eal_log::explain("DPDK cannot open this device; see its arguments");
}

// Frames that are still in a queue would be lost with it. A peer that goes on sending ends this by the limit.
void drop_received(std::uint16_t port, std::uint16_t queue) noexcept {
    std::array<rte_mbuf*, 64> frames;
    for (unsigned rounds = 0; rounds < Options::ring_entries_max / frames.size(); ++rounds) {
        const std::uint16_t count = rte_eth_rx_burst(port, queue, frames.data(), frames.size());
        if (count == 0) return;
        rte_pktmbuf_free_bulk(frames.data(), count);
    }
}

// net_af_xdp of DPDK 22.11 shows the kernel as many bytes as the buffers of a pool take together, from the first one
// on. Where there is anything between them, the last ones lie beyond: the kernel drops what is to be sent from there,
// and takes what is to be filled there without a word, until it has nothing left to fill.
PoolLayout layout_for(const std::string& device) {
    return device.starts_with("net_af_xdp") ? PoolLayout::one_piece : PoolLayout::in_pages;
}

// Drivers of DPDK 22.11 that do not give back what they hold when they close: net_af_xdp what it laid out for the
// kernel to fill, net_memif what lies in the rings that its frames were handed over in.
bool keeps_buffers(const Device& device) {
    return device.name.starts_with("net_af_xdp") || device.arguments.find("zero-copy=yes") != std::string::npos;
}

// By the shorter of what it says of packets and of frames, whose overhead is what it counts so.
std::uint32_t mtu_max(const rte_eth_dev_info& info) noexcept {
    const bool says_both = info.max_mtu != UINT16_MAX && info.max_rx_pktlen > info.max_mtu;
    const std::uint32_t overhead =
        says_both ? info.max_rx_pktlen - info.max_mtu : RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
    return std::min<std::uint32_t>(info.max_mtu, info.max_rx_pktlen - std::min(info.max_rx_pktlen, overhead));
}

}  // namespace

EthPort::EthPort(const Device& device, std::uint16_t id, bool was_attached)
    : name_(device.name),
      id_(id),
      is_pci_(device.is_pci),
      was_attached_(was_attached),
      keeps_buffers_(keeps_buffers(device)),
      events_(device.name, id) {}

Result<std::unique_ptr<EthPort>, SetupError> EthPort::attach(const Device& device, const Options& options) {
    if (!claim(device.name)) return Unexpected(about(device.name, "another runtime of this process has it open"));
    std::uint16_t id = 0;
    const bool is_there = rte_eth_dev_get_port_by_name(device.name.c_str(), &id) == 0;
    if (!is_there) {
        if (std::string objection = objection_to(device, options); !objection.empty()) {
            unclaim(device.name);
            return Unexpected(about(device.name, objection));
        }
        eal_log::forget();
        if (rte_dev_probe(device.devargs().c_str()) != 0 ||
            rte_eth_dev_get_port_by_name(device.name.c_str(), &id) != 0) {
            SetupError error = about(device.name, attach_failure(device));
            unclaim(device.name);
            return Unexpected(std::move(error));
        }
    }
    std::unique_ptr<EthPort> port(new EthPort(device, id, !is_there));
    if (auto known = port->look_at(options); !known) return Unexpected(std::move(known).error());
    if (options.queues != 0)
        port->queues_max_ = std::min(port->queues_max_, static_cast<std::uint16_t>(options.queues));
    return port;
}

EthPort::~EthPort() {
    close();
    unclaim(name_);
}

void EthPort::close() noexcept {
    if (!is_open_) return;
    is_open_ = false;
    events_.stop();
    if (is_started_)
        for (std::uint16_t queue = 0; queue < queues_ && !events_.is_gone(); ++queue) drop_received(id_, queue);
    rte_eth_dev_info info{};
    rte_eth_dev_info_get(id_, &info);
    if (driver_ == "net_memif") {
        on_interrupt_thread([](void* port) { static_cast<const EthPort*>(port)->shut_down(); }, this);
    } else {
        on_interrupt_thread([](void*) {}, nullptr);  // it may be telling of this device
        shut_down();
    }
    if (was_attached_ && info.device != nullptr) rte_dev_remove(info.device);
}

void EthPort::shut_down() const noexcept {
    if (is_started_) rte_eth_dev_stop(id_);
    rte_eth_dev_close(id_);
}

void EthPort::leave() noexcept {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1) close();
}

SetupError EthPort::refused(const std::string& step, int error) const {
    return about(name_, eal_log::explain("the device refuses " + step + " (" + rte_strerror(std::abs(error)) + ")"));
}

// Not those of DPDK 22.11 that say it and cannot. net_tap cuts in software, refuses segments as long as the MTU allows
// and then sends nothing more. The virtio driver puts the header of a chain apart, as of a frame that somebody holds.
bool EthPort::cuts_segments(std::uint64_t offloads) const noexcept {
    constexpr std::uint64_t needed = cuts_tcp | tx_checksums;
    return (offloads & needed) == needed && driver_ != "net_tap" && sends_shared();
}

Result<void, SetupError> EthPort::look_at(const Options& options) {
    rte_eth_dev_info info{};
    if (const int error = rte_eth_dev_info_get(id_, &info); error != 0)
        return Unexpected(refused("to describe itself", error));
    driver_ = info.driver_name;
    node_ = rte_eth_dev_socket_id(id_);
    queues_max_ = std::min(info.max_rx_queues, info.max_tx_queues);
    wanted_mtu_ = static_cast<std::uint16_t>(options.mtu);
    if (const std::uint32_t most = mtu_max(info); wanted_mtu_ > most)
        return Unexpected(
            about(name_, "mtu=" + std::to_string(wanted_mtu_) + ": this device takes at most " + std::to_string(most)));
    rss_ = Rss(info);
    rx_offloads_ = options.checksums_by_device ? info.rx_offload_capa & rx_checksums : 0;
    tx_offloads_ = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    if (options.checksums_by_device) tx_offloads_ |= info.tx_offload_capa & tx_checksums;
    if (options.cuts_segments) {
        if (!cuts_segments(info.tx_offload_capa))
            return Unexpected(about(name_, "tso=on: this device cuts no segments, or not as it says; leave it out"));
        tx_offloads_ |= info.tx_offload_capa & (RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM);
        const std::uint16_t most = info.tx_desc_lim.nb_seg_max;  // 0: it does not say
        run_limits_.segments_max = most == 0 ? run_segments_max : std::min(most, run_segments_max);
    }
    const std::uint32_t flags = info.dev_flags != nullptr ? *info.dev_flags : 0;
    tells_link_ = (flags & RTE_ETH_DEV_INTR_LSC) != 0;
    tells_removal_ = (flags & RTE_ETH_DEV_INTR_RMV) != 0;
    return {};
}

Result<void, SetupError> EthPort::start(const PortUsers& users, const Options& options) {
    const auto needed = users.may_steer ? std::uint16_t{1} : users.cores;
    if (needed > queues_max_)
        return Unexpected(about(name_, "has " + std::to_string(queues_max_) +
                                           (queues_max_ == 1 ? " queue pair" : " queue pairs") + ", and each of the " +
                                           std::to_string(needed) + " cores needs one; give fewer with --cores"));
    const bool may_choose = users.may_steer && options.queues != 0;
    queues_ = std::min(may_choose ? static_cast<std::uint16_t>(options.queues) : users.cores, queues_max_);
    const bool must_be_symmetric = queues_ > 1 && options.rss_key == stack::RssKey::symmetric;
    if (must_be_symmetric && !rss_.is_ours()) return Unexpected(not_symmetric());
    eal_log::forget();
    users_.store(users.cores, std::memory_order_relaxed);
    if (auto made = make_pools(users.cores, options); !made) return made;
    auto running = run(users, options, users.may_sleep);
    // A driver may find out as late as here that it has no interrupt for a queue.
    if (!running && users.may_sleep) running = run(users, options, false);
    if (!running) return running;
    if (must_be_symmetric && !hash_predicts_) return Unexpected(not_symmetric());
    events_.start();
    if (is_pci_) events_.wait_for_link(link_patience);
    return {};
}

SetupError EthPort::not_symmetric() const {
    return about(name_, "rss_key=symmetric: the device takes no key and table of ours for its " +
                            std::to_string(queues_) + " queue pairs; leave it out, or give queues=1");
}

Result<void, SetupError> EthPort::run(const PortUsers& users, const Options& options, bool wants_interrupts) {
    if (auto configured = configure(stack::Toeplitz::key_of(users.seed, options.rss_key), wants_interrupts);
        !configured)
        return configured;
    has_interrupts_ = wants_interrupts;
    return set_up_queues(options);
}

Result<void, SetupError> EthPort::configure(const stack::Toeplitz::Key& key, bool wants_interrupts) {
    rte_eth_conf conf{};
    conf.rxmode.offloads = rx_offloads_;
    conf.rxmode.mtu = wanted_mtu_;
    conf.txmode.offloads = tx_offloads_;
    if (queues_ > 1) rss_.ask(conf, key);
    conf.intr_conf.rxq = wants_interrupts ? 1 : 0;
    // e1000e has one interrupt for both, and asked for both its driver tells nothing of the link, not even that it is
    // up.
    const bool tells_one = driver_ == "net_e1000_em" && wants_interrupts;
    conf.intr_conf.lsc = tells_link_ && !tells_one ? 1 : 0;
    conf.intr_conf.rmv = tells_removal_ ? 1 : 0;
    const int error = rte_eth_dev_configure(id_, queues_, queues_, &conf);
    if (error != 0) return Unexpected(refused(std::to_string(queues_) + " queue pairs", error));
    return set_mtu();
}

// Virtual devices without a wire have no such call: what they were configured with is all there is.
Result<void, SetupError> EthPort::set_mtu() {
    const int error = wanted_mtu_ == 0 ? 0 : rte_eth_dev_set_mtu(id_, wanted_mtu_);
    if (error != 0 && error != -ENOTSUP) return Unexpected(refused("an MTU of " + std::to_string(wanted_mtu_), error));
    return {};
}

Result<void, SetupError> EthPort::make_pools(std::uint16_t cores, const Options& options) {
    for (std::uint16_t core = 0; core < cores; ++core) {
        // A name has at most 25 characters.
        auto pool =
            BufferPool::make("skerry_" + std::to_string(id_) + "_" + std::to_string(core), options.mbufs,
                             backend::frame_bytes_for(wanted_mtu_) + RTE_ETHER_CRC_LEN, node_, layout_for(name_));
        if (!pool) return Unexpected(std::move(pool).error());
        pools_.push_back(std::move(*pool));
        if (keeps_buffers_) pools_.back().forgive_missing();
    }
    return {};
}

// Whether the buffers of each core fill its receive rings and leave some to send with.
Result<void, SetupError> EthPort::room_for_rings(std::uint16_t rx_ring, const Options& options) const {
    const std::size_t cores = pools_.size();
    constexpr std::size_t least_to_send = 32;
    constexpr std::uint16_t lent_by_af_xdp = 2'048;  // to the kernel, whatever rx_ring says
    const std::size_t rings = (queues_ + cores - 1) / cores;
    const std::uint16_t entries = name_.starts_with("net_af_xdp") ? std::max(rx_ring, lent_by_af_xdp) : rx_ring;
    // The other virtual devices copy what comes, and lend no buffers to anybody beforehand.
    const bool lends = is_pci_ || name_.starts_with("net_af_xdp");
    if (lends ? rings * entries + least_to_send <= options.mbufs : rings < 2 || rings * entries < options.mbufs)
        return {};
    return Unexpected(about(name_, (rings == 1 ? "a receive ring of " : std::to_string(rings) + " receive rings of ") +
                                       std::to_string(entries) + " for a core take" + (rings == 1 ? "s" : "") +
                                       " all of its " + std::to_string(options.mbufs) +
                                       " buffers; give more with mbufs=N, or ask for less with queues=N or rx_ring=N"));
}

Result<void, SetupError> EthPort::set_up_queues(const Options& options) {
    auto rx_ring = static_cast<std::uint16_t>(options.rx_ring);
    auto tx_ring = static_cast<std::uint16_t>(options.tx_ring);
    if (const int error = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx_ring, &tx_ring); error != 0)
        return Unexpected(refused("rings of this length", error));
    if (auto has_room = room_for_rings(rx_ring, options); !has_room) return has_room;
    const unsigned node = node_ < 0 ? static_cast<unsigned>(SOCKET_ID_ANY) : static_cast<unsigned>(node_);
    for (std::uint16_t queue = 0; queue < queues_; ++queue) {
        int error = rte_eth_rx_queue_setup(id_, queue, rx_ring, node, nullptr, pools_[queue % pools_.size()].get());
        if (error == 0) error = rte_eth_tx_queue_setup(id_, queue, tx_ring, node, nullptr);
        if (error != 0) return Unexpected(refused("queue pair " + std::to_string(queue), error));
    }
    if (const int error = rte_eth_dev_start(id_); error != 0) return Unexpected(refused("to start", error));
    is_started_ = true;
    if (driver_ == "net_memif") guard_memif(id_);
    // Virtual devices without addresses of their own take every frame anyhow, and say that they cannot.
    (void)rte_eth_promiscuous_enable(id_);
    hash_predicts_ = queues_ > 1 && rss_.program(id_, queues_);
    if (queues_ > 1 && rss_.is_ours() && !hash_predicts_)
        trace::notice("dpdk: " + name_ + ": the device did not take the key and the table of its queues: cores steer");
    return {};
}

std::uint16_t EthPort::mtu() const noexcept {
    const std::uint16_t most = std::max(wanted_mtu_, backend::mtu_usual);
    std::uint16_t mtu = 0;
    return rte_eth_dev_get_mtu(id_, &mtu) == 0 ? std::min(mtu, most) : backend::mtu_usual;
}

// net_tap of DPDK 22.11 stops there.
std::uint32_t EthPort::frame_bytes_max() const noexcept {
    std::uint16_t mtu = 0;
    if (driver_ != "net_tap" || rte_eth_dev_get_mtu(id_, &mtu) != 0) return UINT32_MAX;
    return mtu + std::uint32_t{RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + RTE_VLAN_HLEN};
}

bool EthPort::sends_checksums() const noexcept { return (tx_offloads_ & tx_checksums) == tx_checksums; }

bool EthPort::sends_ipv4_checksums() const noexcept { return (tx_offloads_ & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0; }

std::string EthPort::description(std::uint16_t cores) const {
    const auto where = [](bool in_hardware) { return in_hardware ? "hardware" : "software"; };
    std::string text = name_ + " (" + driver_ + "), ";
    if (node_ >= 0) text += "node " + std::to_string(node_) + ", ";
    text += description_of(queues_max_, cores, rss_.is_ours()) + ", ";
    text += std::string("checksums in ") + where(rx_offloads_ != 0) + " (receive) and " + where(sends_checksums()) +
            " (send)";
    if (wanted_mtu_ != 0) text += ", MTU " + std::to_string(wanted_mtu_);
    return run_limits_.segments_max > 1 ? text + ", long segments cut by it" : text;
}

Result<std::shared_ptr<PortSet>, SetupError> PortSet::attach(const Options& options) {
    auto set = std::make_shared<PortSet>();
    for (const Device& device : options.devices) {
        auto port = EthPort::attach(device, options);
        if (!port) return Unexpected(std::move(port).error());
        set->ports_.push_back(std::move(*port));
    }
    return set;
}

namespace {

/// How the cores of a port that runs share its packets.
stack::SteeringOptions steering_options(const EthPort& port, const PortUsers& users, stack::RssKey rss_key) {
    stack::SteeringOptions how;
    how.cores = users.cores;
    how.queues = port.queues();
    how.hash_predicts = port.hash_predicts();
    if (how.hash_predicts) {
        how.table_entries = port.rss().table_entries();
        how.hashes_udp_ports = port.rss().hashes_udp_ports(port.id());
        how.hashes_v6 = port.rss().hashes_v6(port.id());
        how.hashes_udp6_ports = port.rss().hashes_udp6_ports(port.id());
    }
    how.seed = users.seed;
    how.rss_key = rss_key;
    // Those in TIME-WAIT alone, which each core may have so many of, must not keep new connections out.
    how.flows_max = std::max(how.flows_max, std::size_t{users.cores} * 2 * stack::TcpLimits().time_wait_max);
    return how;
}

}  // namespace

Result<void, SetupError> PortSet::start(const PortUsers& users, const Options& options) {
    for (const auto& port : ports_)
        if (auto started = port->start(users, options); !started) return started;
    if (!users.may_steer || users.cores == 1) return {};
    for (const auto& port : ports_)
        steerings_.push_back(std::make_shared<stack::Steering>(steering_options(*port, users, options.rss_key)));
    return {};
}

PortSet::~PortSet() {
    steerings_.clear();  // frames under way between cores go back to the pools
    for (const auto& port : ports_) port->close();
}

}  // namespace skerry::dpdk
