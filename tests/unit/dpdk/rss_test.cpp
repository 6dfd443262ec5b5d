// What a port is told of how to spread packets, and what the start line says of it.

#include "support/catch.hpp"

#include "rss.hpp"

#include <skerry/dpdk/native.hpp>

#include <algorithm>
#include <cstdint>

namespace skerry {
namespace {

using dpdk::description_of;

TEST_CASE("the hash is said to predict only where each of several cores has a queue pair", "[dpdk][steering]") {
    CHECK(description_of(16, 2, true) == "16 queue pairs, hash predicted");
    CHECK(description_of(4, 4, true) == "4 queue pairs, hash predicted");
    CHECK(description_of(4, 5, true) == "4 queue pairs, software steering");
    CHECK(description_of(2, 16, true) == "2 queue pairs, software steering");
    CHECK(description_of(1, 2, true) == "1 queue pair, software steering");
    CHECK(description_of(4, 1, true) == "4 queue pairs");
}

TEST_CASE("a port whose key or table is not ours predicts nothing", "[dpdk][steering]") {
    CHECK(description_of(4, 4, false) == "4 queue pairs, software steering");
    CHECK(description_of(1, 1, false) == "1 queue pair");
}

TEST_CASE("a port that takes our key is given it whole", "[dpdk][steering]") {
    rte_eth_dev_info info{};
    info.flow_type_rss_offloads = RTE_ETH_RSS_NONFRAG_IPV4_TCP;
    info.reta_size = RTE_ETH_RSS_RETA_SIZE_128;
    const auto kind = GENERATE(stack::RssKey::random, stack::RssKey::symmetric);
    const auto key = stack::Toeplitz::key_of(7, kind);
    info.hash_key_size = GENERATE(std::uint8_t{40}, std::uint8_t{52});
    dpdk::Rss rss(info);
    REQUIRE(rss.is_ours());
    rte_eth_conf conf{};
    rss.ask(conf, key);
    REQUIRE(conf.rx_adv_conf.rss_conf.rss_key_len == info.hash_key_size);
    CHECK(std::equal(key.begin(), key.end(), conf.rx_adv_conf.rss_conf.rss_key));
}

TEST_CASE("a port that takes no key, or no table, is asked to spread as it likes", "[dpdk][steering]") {
    rte_eth_dev_info info{};
    info.flow_type_rss_offloads = RTE_ETH_RSS_NONFRAG_IPV4_TCP;
    const bool has_key = GENERATE(true, false);
    info.hash_key_size = has_key ? 40 : 0;
    info.reta_size = has_key ? 0 : RTE_ETH_RSS_RETA_SIZE_128;
    dpdk::Rss rss(info);
    CHECK_FALSE(rss.is_ours());
    rte_eth_conf conf{};
    rss.ask(conf, stack::Toeplitz::key_of(7));
    CHECK(conf.rxmode.mq_mode == RTE_ETH_MQ_RX_RSS);
    CHECK(conf.rx_adv_conf.rss_conf.rss_key == nullptr);
}

}  // namespace
}  // namespace skerry
