#include "support/catch.hpp"

#include <skerry/dpdk/options.hpp>

#include <string>
#include <utility>

namespace skerry {
namespace {

std::string refusal_of(std::string_view text) {
    auto options = dpdk::parse_options(text);
    return options ? "accepted" : options.error().message;
}

TEST_CASE("a device keeps its arguments with their commas", "[dpdk][options]") {
    const auto options = dpdk::parse_options("vdev=net_memif0,role=server,id=0");
    REQUIRE(options);
    REQUIRE(options->devices.size() == 1);
    const dpdk::Device& device = options->devices.front();
    CHECK(device.name == "net_memif0");
    CHECK(device.arguments == "role=server,id=0");
    CHECK_FALSE(device.is_pci);
    CHECK(device.devargs() == "net_memif0,role=server,id=0");
}

TEST_CASE("devices are ports in the order in which they are named", "[dpdk][options]") {
    const auto options = dpdk::parse_options("vdev=net_ring0; pci=3B:00.1 ;pci=0001:00:1f.0,a=1;");
    REQUIRE(options);
    REQUIRE(options->devices.size() == 3);
    CHECK(options->devices[0].devargs() == "net_ring0");
    CHECK(options->devices[1].devargs() == "0000:3b:00.1");
    CHECK(options->devices[1].is_pci);
    CHECK(options->devices[2].devargs() == "0001:00:1f.0,a=1");
}

TEST_CASE("what is not said has its default", "[dpdk][options]") {
    const auto options = dpdk::parse_options("vdev=net_null0");
    REQUIRE(options);
    CHECK(options->hugepages == dpdk::Hugepages::automatic);
    CHECK(options->memory_mib == 256);
    CHECK(options->mbufs == 8191);
    CHECK(options->mtu == 0);
    CHECK(options->rx_ring == 1024);
    CHECK(options->queues == 0);
    CHECK(options->rss_key == stack::RssKey::random);
    CHECK(options->tx_ring == 1024);
    CHECK(options->loops_own_address);
    CHECK(options->checksums_by_device);
    CHECK_FALSE(options->cuts_segments);
    CHECK(options->prefix.empty());
    CHECK(options->eal.empty());
}

TEST_CASE("each key sets what it names", "[dpdk][options]") {
    const auto options = dpdk::parse_options(
        "hugepages=off;memory=64;mbufs=1023;mtu=9000;queues=3;rss_key=symmetric;rx_ring=128;tx_ring=256;loop=off;"
        "prefix=mine;"
        "tso=on;eal=--iova-mode=va;"
        "eal=--match-allocations;vdev=net_null0");
    REQUIRE(options);
    CHECK(options->hugepages == dpdk::Hugepages::off);
    CHECK(options->memory_mib == 64);
    CHECK(options->mbufs == 1023);
    CHECK(options->mtu == 9000);
    CHECK(options->rx_ring == 128);
    CHECK(options->queues == 3);
    CHECK(options->rss_key == stack::RssKey::symmetric);
    CHECK(options->tx_ring == 256);
    CHECK_FALSE(options->loops_own_address);
    CHECK(options->cuts_segments);
    CHECK(options->prefix == "mine");
    CHECK(options->eal == std::vector<std::string>{"--iova-mode=va", "--match-allocations"});
}

TEST_CASE("checksums can be left to the stack", "[dpdk][options]") {
    const auto options = dpdk::parse_options("checksums=off;vdev=net_null0");
    REQUIRE(options);
    CHECK_FALSE(options->checksums_by_device);
}

TEST_CASE("what cannot be used is quoted, with what is accepted", "[dpdk][options]") {
    const std::pair<std::string_view, std::string_view> refused[] = {
        {"", "dpdk: no device is named; accepted for instance vdev=net_memif0"},
        {"memory=64", "dpdk: no device is named"},
        {"net_memif0", "dpdk: net_memif0: not KEY=VALUE; accepted keys: vdev, pci, memory"},
        {"vdev=", "dpdk: vdev=: not KEY=VALUE"},
        {"device=net_ring0", "dpdk: device=net_ring0: unknown key; accepted: vdev, pci, memory"},
        {"vdev=eth0", "dpdk: vdev=eth0: not the name of a virtual device"},
        {"vdev=net_ring/0", "dpdk: vdev=net_ring/0: not the name"},
        {"vdev=net_ring0;vdev=net_ring0", "dpdk: vdev=net_ring0: this device is named twice"},
        {"pci=3:0.0", "dpdk: pci=3:0.0: not a PCI address; accepted as lspci -D prints it"},
        {"pci=0000:03:00.8", "dpdk: pci=0000:03:00.8: not a PCI address"},
        {"pci=0000:0g:00.0", "dpdk: pci=0000:0g:00.0: not a PCI address"},
        {"memory=31", "dpdk: memory=31: not accepted; accepted: 32 to 1048576"},
        {"memory=64M", "dpdk: memory=64M: not accepted"},
        {"memory=64;memory=64", "dpdk: memory=64: given twice"},
        {"mtu=67", "dpdk: mtu=67: not accepted; accepted: 68 to 9216"},
        {"mtu=9217", "dpdk: mtu=9217: not accepted; accepted: 68 to 9216"},
        {"mbufs=16777217", "dpdk: mbufs=16777217: not accepted; accepted: 512 to 16777216"},
        {"queues=0", "dpdk: queues=0: not accepted; accepted: 1 to 1024"},
        {"rss_key=toeplitz", "dpdk: rss_key=toeplitz: not accepted; accepted: random, symmetric"},
        {"rx_ring=1000", "dpdk: rx_ring=1000: not a power of two"},
        {"tx_ring=65536", "dpdk: tx_ring=65536: not accepted; accepted: 64 to 32768"},
        {"hugepages=yes", "dpdk: hugepages=yes: not accepted; accepted: auto, on, off"},
        {"prefix=../x", "dpdk: prefix=../x: not a file name"},
        {"eal=--nosuch=1", "dpdk: eal=--nosuch=1: not an argument of EAL that is passed on; accepted: --iova-mode="},
        {"eal=-l=1", "dpdk: eal=-l=1: not an argument of EAL"},
        {"eal=--iova-mode", "dpdk: eal=--iova-mode: the value is missing"},
        {"checksums=no", "dpdk: checksums=no: not accepted; accepted: on, off"},
        {"vdev=net_ring0;tso=on;checksums=off", "dpdk: tso=on: who cuts segments makes their checksums"},
        {"tso=auto", "dpdk: tso=auto: not accepted; accepted: on, off"},
        {"loop=yes", "dpdk: loop=yes: not accepted; accepted: on, off"},
        {"eal=--match-allocations=1", "dpdk: eal=--match-allocations=1: takes no value"},
    };
    for (const auto& [text, words] : refused) {
        const std::string said = refusal_of(text);
        INFO(text << " -> " << said);
        CHECK(said.find(words) == 0);
        CHECK(said.find('\n') == std::string::npos);
    }
}

}  // namespace
}  // namespace skerry
