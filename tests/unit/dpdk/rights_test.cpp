#include "support/catch.hpp"
#include "support/temp_tree.hpp"

#include "rights.hpp"

#include <string>

namespace skerry {
namespace {

/// A process with these effective capabilities, as the kernel writes them.
struct Process : tests::TempTree {
    explicit Process(const std::string& capabilities) {
        write("proc/self/status",
              "Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t" + capabilities + "\nCapBnd:\t000001ffffffffff\n");
    }
};

constexpr const char* none = "0000000000000000";
constexpr const char* all = "000001ffffffffff";

TEST_CASE("a device without its capability is told which one", "[dpdk][rights]") {
    const Process process(none);
    CHECK(dpdk::missing_right("net_af_packet0", process.root()) ==
          "it needs CAP_NET_RAW; run it as root, or give the container this capability");
    CHECK(dpdk::missing_right("net_af_xdp12", process.root()) ==
          "it needs CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF; run it as root, or give the container this capability");
}

TEST_CASE("only what is lacking is told", "[dpdk][rights]") {
    CHECK_THAT(dpdk::missing_right("net_af_xdp0", Process("0000000000003000").root()),
               Catch::StartsWith("it needs CAP_BPF;"));
    CHECK(dpdk::missing_right("net_af_packet0", Process("0000000000002000").root()).empty());
    CHECK(dpdk::missing_right("net_af_xdp0", Process("0000008000003000").root()).empty());
}

TEST_CASE("a tap wants its device file first", "[dpdk][rights]") {
    Process process(none);
    CHECK(dpdk::missing_right("net_tap0", process.root()) ==
          "there is no /dev/net/tun; give the container this device");
    process.write("dev/net/tun", "");
    CHECK_THAT(dpdk::missing_right("net_tap0", process.root()), Catch::StartsWith("it needs CAP_NET_ADMIN;"));
    process.write("proc/self/status", std::string("CapEff:\t") + all + "\n");
    CHECK(dpdk::missing_right("net_tap0", process.root()).empty());
}

TEST_CASE("a device that needs no right misses none", "[dpdk][rights]") {
    const Process process(none);
    for (const char* device : {"net_ring0", "net_memif1", "net_null0", "net_pcap0", "net_tapestry0", "0", ""})
        CHECK(dpdk::missing_right(device, process.root()).empty());
}

TEST_CASE("where the capabilities cannot be read none is said to be missing", "[dpdk][rights]") {
    const tests::TempTree nothing;
    CHECK(dpdk::missing_right("net_af_packet0", nothing.root()).empty());
}

}  // namespace
}  // namespace skerry
