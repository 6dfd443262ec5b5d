// ctest: RUN_SERIAL TRUE
// A frame that the device never takes, in front of others that it would: net_tap stops behind one longer than its MTU.

#include "support/catch.hpp"
#include "support/dpdk_runtime.hpp"
#include "support/own_network.hpp"

#include <skerry/dpdk/native.hpp>
#include <skerry/runtime/driver_waiters.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

namespace skerry {
namespace {

using dpdk::Port;

constexpr std::uint16_t longest = 1'500 + 14 + 4 + 4;  // a checksum and a tag are allowed for

rte_mbuf* make_frame(Port& port, std::uint16_t length) {
    rte_mbuf* const frame = port.allocate();
    REQUIRE(frame != nullptr);
    char* const data = rte_pktmbuf_append(frame, length);
    REQUIRE(data != nullptr);
    std::memset(data, 2, length);
    return frame;
}

Task<dpdk::PortStats> stats() { co_return Port::open(0)->stats(); }

/// Sends these, lets the turn end and says what the port counts.
Task<dpdk::PortStats> stats_after(std::span<const std::uint16_t> lengths) {
    Port port = *Port::open(0);
    std::array<rte_mbuf*, dpdk::burst_max> frames{};
    for (std::size_t i = 0; i < lengths.size(); ++i) frames[i] = make_frame(port, lengths[i]);
    const std::size_t sent = port.send_burst(std::span(frames).first(lengths.size()));
    REQUIRE(sent == lengths.size());
    co_await yield_to_driver();
    co_return port.stats();
}

TEST_CASE("a frame that the device never takes holds up no other", "[integration][dpdk]") {
    std::string why_not = tests::enter_own_network();
    if (why_not.empty() && !tests::ip("tuntap add sk0 mode tap multi_queue")) why_not = "no TAP device can be made";
    if (!why_not.empty()) {
        std::printf("skipped: %s\n", why_not.c_str());
        std::exit(77);  // NOLINT(concurrency-mt-unsafe)
    }
    auto runtime = tests::dpdk_runtime("vdev=net_tap0,iface=sk0");
    constexpr std::array<std::uint16_t, 6> few{64, longest + 1, 64, longest, 1'800, longest + 1};
    std::array<std::uint16_t, dpdk::burst_max> many{};
    many.fill(64);
    many.front() = many[20] = many.back() = longest + 1;

    const std::uint32_t pool_free = runtime.block_on(stats()).pool_free;  // the device holds some to receive into
    const dpdk::PortStats in_a_turn = runtime.block_on(stats_after(few));
    CHECK(in_a_turn.tx_frames == 3);
    CHECK(in_a_turn.tx_too_long == 3);
    CHECK(in_a_turn.pool_free == pool_free);

    const dpdk::PortStats at_once = runtime.block_on(stats_after(many));
    CHECK(at_once.tx_frames == 3 + many.size() - 3);
    CHECK(at_once.tx_too_long == 3 + 3);
    CHECK(at_once.pool_free == pool_free);
}

}  // namespace
}  // namespace skerry
