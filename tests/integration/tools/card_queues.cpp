// card_queues DEVICES CORES FLOWS: whether a card chooses queues as the hash says. Each core takes the frames of its
// own queue pair of the first port and compares the queue with the one that the card's own key and table of queues
// give, for TCP over IPv4. After FLOWS such frames it prints a line of JSON, turns the table round, and does it again;
// the exit code is 1 when any came by another queue.

#include <skerry/dpdk/backend.hpp>
#include <skerry/dpdk/native.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/runtime/handle.hpp>
#include <skerry/stack/steering/toeplitz.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/tcp.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace skerry;
namespace wire = stack::wire;

constexpr std::size_t group = RTE_ETH_RETA_GROUP_SIZE;

/// How a card spreads packets: read back from it, so that what it has is compared and not what it was told.
struct Spread {
    stack::Toeplitz toeplitz;
    std::vector<std::uint16_t> table;

    [[nodiscard]] std::uint16_t queue_of(const stack::tcp::Tuple& tuple) const {
        return table[toeplitz.hash(tuple) % table.size()];
    }
};

std::vector<rte_eth_rss_reta_entry64> entries_of(std::size_t count) {
    std::vector<rte_eth_rss_reta_entry64> entries((count + group - 1) / group);
    for (auto& entry : entries) entry.mask = ~std::uint64_t{0};
    return entries;
}

std::optional<Spread> read_spread(std::uint16_t port) {
    rte_eth_dev_info info{};
    if (rte_eth_dev_info_get(port, &info) != 0 || info.reta_size == 0) return {};
    std::array<std::uint8_t, 64> key{};
    rte_eth_rss_conf conf{};
    conf.rss_key = key.data();
    conf.rss_key_len = info.hash_key_size != 0 ? info.hash_key_size : std::uint8_t{40};
    if (rte_eth_dev_rss_hash_conf_get(port, &conf) != 0) return {};
    auto entries = entries_of(info.reta_size);
    if (rte_eth_dev_rss_reta_query(port, entries.data(), info.reta_size) != 0) return {};
    stack::Toeplitz::Key first{};
    std::copy_n(key.begin(), first.size(), first.begin());
    Spread spread{stack::Toeplitz(first), std::vector<std::uint16_t>(info.reta_size)};
    for (std::size_t i = 0; i < spread.table.size(); ++i) spread.table[i] = entries[i / group].reta[i % group];
    return spread;
}

/// The last entry's queue first.
bool turn_round(std::uint16_t port, const Spread& spread) {
    auto entries = entries_of(spread.table.size());
    for (std::size_t i = 0; i < spread.table.size(); ++i)
        entries[i / group].reta[i % group] = spread.table[spread.table.size() - 1 - i];
    return rte_eth_dev_rss_reta_update(port, entries.data(), static_cast<std::uint16_t>(spread.table.size())) == 0;
}

std::optional<stack::tcp::Tuple> tuple_of(std::span<const std::byte> frame) {
    wire::EthernetHeader ethernet;
    wire::Ipv4Header ip;
    wire::TcpHeader tcp;
    if (wire::parse(frame, ethernet) != stack::Drop::none || ethernet.ether_type != wire::ether_type::ipv4) return {};
    const auto packet = frame.subspan(ethernet.header_bytes);
    if (wire::parse(packet, ip) != stack::Drop::none || ip.protocol != wire::ip_protocol::tcp) return {};
    if (wire::parse(packet.subspan(ip.header_bytes), tcp) != stack::Drop::none) return {};
    return stack::tcp::Tuple{ip.destination, ip.source, tcp.destination_port, tcp.source_port};
}

struct Counts {
    std::atomic<std::uint64_t> frames{0};     // all are read at leisure; none guards another
    std::atomic<std::uint64_t> elsewhere{0};
    std::array<std::atomic<std::uint64_t>, 64> of_queue{};
};

Task<> compare(const Spread* spread, Counts* counts) {
    std::array<rte_mbuf*, dpdk::burst_max> room;
    auto port = *dpdk::Port::open(0);
    for (;;) {
        const auto frames = std::span(room).first(co_await port.recv_burst(room));
        if (frames.empty()) co_return;
        for (const rte_mbuf* frame : frames) {
            const auto tuple = tuple_of(dpdk::bytes(*frame));
            if (!tuple) continue;
            if (spread->queue_of(*tuple) != port.queue_id()) ++counts->elsewhere;
            ++counts->of_queue[port.queue_id()];
            ++counts->frames;
        }
        dpdk::Port::release(frames);
    }
}

std::string line_of(const Counts& counts, std::size_t cores) {
    std::string queues;
    for (std::size_t i = 0; i < cores; ++i)
        queues += (queues.empty() ? "" : ", ") + std::to_string(counts.of_queue[i].load());
    return "{\"frames\": " + std::to_string(counts.frames.load()) +
           ", \"elsewhere\": " + std::to_string(counts.elsewhere.load()) + ", \"queues\": [" + queues + "]}\n";
}

/// The exit code.
Task<int> run(std::uint64_t flows) {
    std::uint64_t elsewhere = 0;
    for (int round = 0; round < 2; ++round) {
        const auto spread = read_spread(dpdk::Port::open(0)->port_id());
        if (!spread) {
            std::puts("skipped: this port tells neither key nor table");
            co_return 77;
        }
        Counts counts;
        auto comparing = on_each_core(&compare, &*spread, &counts);
        std::puts("ready");
        std::fflush(stdout);
        while (counts.frames < flows) co_await time::sleep(std::chrono::milliseconds{10});
        for (auto& core : comparing) core.abort();
        for (auto& core : comparing) (void)co_await core;
        std::fputs(line_of(counts, core_count()).c_str(), stdout);
        elsewhere += counts.elsewhere;
        if (round == 0 && !turn_round(dpdk::Port::open(0)->port_id(), *spread)) co_return 2;
    }
    co_return elsewhere == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 64;
    runtime::Config config;
    config.backend = "dpdk";
    config.dpdk = argv[1];
    const auto cpus = topology::CpuSet::parse(argv[2]);
    if (!cpus) return 64;
    config.cores = *cpus;
    auto runtime = runtime::Builder(config).offer(dpdk::make_backend()).build();
    if (!runtime) {
        std::fprintf(stderr, "%s\n", runtime.error().message.c_str());
        return 1;
    }
    return runtime->block_on(run(std::strtoull(argv[3], nullptr, 10)));
}
