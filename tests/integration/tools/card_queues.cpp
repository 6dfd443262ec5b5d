// card_queues DEVICES CORES FLOWS: whether a card chooses queues as the hash says. Our stack has 198.18.0.2 on the
// device; whatever its cores take off a queue is compared, on its way, with the queue that the card's own key and table
// give. First for flows of TCP to port 7001, with the table that the port was started with, which must name the queues
// in turn; after FLOWS of them for port 7002, with that table turned round. Each time it says "ready", and prints a
// line of JSON at the end; the exit code is 1 when any packet came by another queue.

#include <skerry/dpdk/backend.hpp>
#include <skerry/dpdk/native.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/stack/steering/toeplitz.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/tcp.hpp>
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

constexpr std::uint16_t first_port = 0;
constexpr std::uint16_t queues_max = 16;

/// What came with one table. The cores write it while the main task reads.
struct Round {
    std::uint16_t to_port = 0;
    std::optional<Spread> spread;
    std::array<const rte_eth_rxtx_callback*, queues_max> watchers{};

    // All are read at leisure; none guards another.
    std::atomic<std::uint64_t> flows{0};
    std::atomic<std::uint64_t> elsewhere{0};
    std::array<std::atomic<std::uint64_t>, queues_max> of_queue{};
    std::array<std::atomic<bool>, 65'536> is_known{};  // by the port that a flow comes from
};

/// A core has taken frames off a queue. They go on to the stack.
std::uint16_t look_at(std::uint16_t, std::uint16_t queue, rte_mbuf* frames[], std::uint16_t count, std::uint16_t,
                      void* context) {
    Round& round = *static_cast<Round*>(context);
    for (std::uint16_t i = 0; i < count; ++i) {
        const auto tuple = tuple_of(dpdk::bytes(*frames[i]));
        if (!tuple || tuple->local_port != round.to_port) continue;
        if (round.spread->queue_of(*tuple) != queue) ++round.elsewhere;
        if (round.is_known[tuple->remote_port].exchange(true)) continue;
        ++round.of_queue[queue];
        ++round.flows;
    }
    return count;
}

std::string line_of(const Round& round, std::uint16_t queue_count) {
    std::string queues;
    for (std::uint16_t i = 0; i < queue_count; ++i)
        queues += (queues.empty() ? "" : ", ") + std::to_string(round.of_queue[i].load());
    return "{\"flows\": " + std::to_string(round.flows.load()) +
           ", \"elsewhere\": " + std::to_string(round.elsewhere.load()) + ", \"queues\": [" + queues + "]}\n";
}

bool names_queues_in_turn(const Spread& spread, std::uint16_t queue_count) {
    for (std::size_t i = 0; i < spread.table.size(); ++i)
        if (spread.table[i] != i % queue_count) return false;
    return true;
}

/// The exit code. A round's packets are known by their port, so what is left of the first one spoils nothing.
Task<int> run(std::array<Round, 2>* rounds, std::uint64_t flows) {
    rte_eth_dev_info info{};
    if (rte_eth_dev_info_get(first_port, &info) != 0 || info.nb_rx_queues > queues_max) co_return 2;
    std::uint64_t elsewhere = 0;
    for (Round& round : *rounds) {
        const bool is_first = &round == rounds->data();
        round.to_port = is_first ? 7001 : 7002;
        if (!is_first && !turn_round(first_port, *rounds->front().spread)) co_return 2;
        round.spread = read_spread(first_port);
        if (!round.spread) {
            std::puts("skipped: this port tells neither key nor table");
            co_return 77;
        }
        if (is_first && !names_queues_in_turn(*round.spread, info.nb_rx_queues)) co_return 3;
        for (std::uint16_t queue = 0; queue < info.nb_rx_queues; ++queue)
            round.watchers[queue] = rte_eth_add_rx_callback(first_port, queue, &look_at, &round);
        std::puts("ready");
        std::fflush(stdout);
        while (round.flows < flows) co_await time::sleep(std::chrono::milliseconds{10});
        for (std::uint16_t queue = 0; queue < info.nb_rx_queues; ++queue)
            (void)rte_eth_remove_rx_callback(first_port, queue, round.watchers[queue]);
        std::fputs(line_of(round, info.nb_rx_queues).c_str(), stdout);
        elsewhere += round.elsewhere;
    }
    co_return elsewhere == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 64;
    runtime::Config config;
    config.backend = "dpdk";
    config.dpdk = argv[1];
    config.ip = "198.18.0.2/24";
    config.idle = runtime::IdlePolicy::adaptive;  // the cores of a guest have fewer CPUs below them
    const auto cpus = topology::CpuSet::parse(argv[2]);
    if (!cpus) return 64;
    config.cores = *cpus;
    static std::array<Round, 2> rounds;  // until the last core has ended
    auto runtime = runtime::Builder(config).offer(dpdk::make_backend()).build();
    if (!runtime) {
        std::fprintf(stderr, "%s\n", runtime.error().message.c_str());
        return 1;
    }
    return runtime->block_on(run(&rounds, std::strtoull(argv[3], nullptr, 10)));
}
