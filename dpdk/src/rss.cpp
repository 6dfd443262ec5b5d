#include "rss.hpp"

#include <rte_config.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <bit>

namespace skerry::dpdk {

namespace {

constexpr std::uint64_t wanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
constexpr std::uint16_t table_entries_max = 512;
using Table = std::array<rte_eth_rss_reta_entry64, table_entries_max / RTE_ETH_RETA_GROUP_SIZE>;

Table all_entries(std::uint16_t count) noexcept {
    Table table{};
    for (std::size_t group = 0; group < count / RTE_ETH_RETA_GROUP_SIZE; ++group) table[group].mask = ~0ULL;
    return table;
}

std::uint16_t& entry(Table& table, std::size_t index) noexcept {
    return table[index / RTE_ETH_RETA_GROUP_SIZE].reta[index % RTE_ETH_RETA_GROUP_SIZE];
}

}  // namespace

// What follows our 40 bytes in a longer key is used by what is longer than two IPv6 addresses and the ports.
Rss::Rss(const rte_eth_dev_info& info) noexcept : types_(info.flow_type_rss_offloads & wanted) {
    if ((types_ & RTE_ETH_RSS_NONFRAG_IPV4_TCP) == 0) return;
    const bool is_key_ours = info.hash_key_size >= stack::Toeplitz::key_bytes && info.hash_key_size <= key_bytes_max;
    const bool is_table_ours = std::has_single_bit(info.reta_size) && info.reta_size >= RTE_ETH_RETA_GROUP_SIZE &&
                               info.reta_size <= table_entries_max;
    if (!is_key_ours || !is_table_ours) return;
    key_bytes_ = info.hash_key_size;
    table_entries_ = info.reta_size;
}

void Rss::ask(rte_eth_conf& conf, const stack::Toeplitz::Key& key) noexcept {
    if (types_ == 0) return;
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = types_;
    if (!is_ours()) return;
    std::copy(key.begin(), key.end(), key_.begin());
    conf.rx_adv_conf.rss_conf.rss_key = key_.data();
    conf.rx_adv_conf.rss_conf.rss_key_len = key_bytes_;
}

// What the port hashes, by our key; nothing where its key is another.
std::uint64_t Rss::types_of(std::uint16_t port) const noexcept {
    std::array<std::uint8_t, key_bytes_max> key{};
    rte_eth_rss_conf conf{};
    conf.rss_key = key.data();
    conf.rss_key_len = key_bytes_;
    return rte_eth_dev_rss_hash_conf_get(port, &conf) == 0 && key == key_ ? conf.rss_hf : 0;
}

bool Rss::hashes_udp_ports(std::uint16_t port) const noexcept {
    return (types_of(port) & RTE_ETH_RSS_NONFRAG_IPV4_UDP) != 0;
}

bool Rss::hashes_v6(std::uint16_t port) const noexcept { return (types_of(port) & RTE_ETH_RSS_NONFRAG_IPV6_TCP) != 0; }

bool Rss::hashes_udp6_ports(std::uint16_t port) const noexcept {
    return (types_of(port) & RTE_ETH_RSS_NONFRAG_IPV6_UDP) != 0;
}

bool Rss::has_table(std::uint16_t port, std::uint16_t queues) const noexcept {
    Table table = all_entries(table_entries_);
    if (rte_eth_dev_rss_reta_query(port, table.data(), table_entries_) != 0) return false;
    for (std::size_t i = 0; i < table_entries_; ++i)
        if (entry(table, i) != i % queues) return false;
    return true;
}

bool Rss::program(std::uint16_t port, std::uint16_t queues) const noexcept {
    if (!is_ours()) return false;
    Table table = all_entries(table_entries_);
    for (std::size_t i = 0; i < table_entries_; ++i) entry(table, i) = static_cast<std::uint16_t>(i % queues);
    return rte_eth_dev_rss_reta_update(port, table.data(), table_entries_) == 0 &&
           (types_of(port) & RTE_ETH_RSS_NONFRAG_IPV4_TCP) != 0 && has_table(port, queues);
}

std::string description_of(std::uint16_t queues, std::uint16_t cores, bool is_hash_ours) {
    const std::string count = std::to_string(queues) + (queues == 1 ? " queue pair" : " queue pairs");
    if (cores == 1) return count;
    return count + (is_hash_ours && cores <= queues ? ", hash predicted" : ", software steering");
}

}  // namespace skerry::dpdk
