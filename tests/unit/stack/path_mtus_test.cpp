// How long packets to a host may be: what is believed of a router, for how long, and how much is remembered.

#include "support/catch.hpp"

#include <skerry/stack/path_mtus.hpp>

#include <chrono>
#include <cstdint>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using stack::Drop;
using stack::PathMtus;
using stack::wire::Ipv4Addr;
using stack::wire::Ipv6Addr;

constexpr Ipv4Addr host(std::uint32_t number) { return {0x0a00'0000U + number}; }

struct Table {
    stack::StackConfig config;
    stack::Hosts hosts{7, Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2), Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 2)};
    stack::DropCounters drops;
    PathMtus mtus{config, hosts, drops};
    time::Instant now = time::Instant::from_nanos(1);

    bool lower(Ipv4Addr at, std::uint16_t mtu, std::uint16_t packet = 1500) {
        return mtus.lower(at, {mtu, packet}, now);
    }
};

TEST_CASE("what a router says is believed downwards alone, and not below what anybody needs", "[stack][path_mtu]") {
    Table table;
    CHECK(table.mtus.of(host(1)) == 1500);
    CHECK(table.lower(host(1), 1400));
    CHECK(table.mtus.of(host(1)) == 1400);
    CHECK(table.mtus.of(host(2)) == 1500);
    CHECK_FALSE(table.lower(host(1), 1450));  // more than is known
    CHECK_FALSE(table.lower(host(2), 1400, 1300));  // the packet was shorter
    CHECK(table.lower(host(1), 68));
    CHECK(table.mtus.of(host(1)) == PathMtus::least_v4);
    CHECK_FALSE(table.lower(host(1), 68));
    CHECK(table.mtus.size() == 1);
}

TEST_CASE("a router that names no size gets the next one that is usual", "[stack][path_mtu]") {
    Table table;
    CHECK(table.lower(host(1), 0, 1500));
    CHECK(table.mtus.of(host(1)) == 1492);
    CHECK(table.lower(host(1), 0, 1492));
    CHECK(table.mtus.of(host(1)) == 1006);
    CHECK(table.lower(host(1), 0, 600));
    CHECK(table.mtus.of(host(1)) == 552);
}

TEST_CASE("an IPv6 host's number is kept for as long as its size, which is 1280 at least", "[stack][path_mtu][ipv6]") {
    Table table;
    const Ipv6Addr far = Ipv6Addr::of(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1);
    CHECK(table.lower(table.hosts.name(far), 1000));
    CHECK(table.hosts.size() == 1);
    for (std::uint64_t i = 0; i < 20; ++i) (void)table.hosts.name(Ipv6Addr{far.high, 100 + i});  // others pass
    CHECK(table.mtus.of(table.hosts.name(far)) == 1280);
    table.mtus.expire(table.now + 10min);
    CHECK(table.hosts.size() == 0);
    CHECK(table.mtus.of(table.hosts.name(far)) == 1500);
}

TEST_CASE("each is forgotten ten minutes after it was said last", "[stack][path_mtu]") {
    Table table;
    CHECK(table.lower(host(1), 1400));
    table.now = table.now + 5min;
    CHECK(table.lower(host(2), 1400));
    table.mtus.expire(table.now + 5min);
    CHECK(table.mtus.of(host(1)) == 1500);
    CHECK(table.mtus.of(host(2)) == 1400);
    CHECK(table.lower(host(2), 1300));
    table.mtus.expire(table.now + 10min);
    CHECK(table.mtus.size() == 0);
}

TEST_CASE("at its limit the table forgets one host for another, and says so", "[stack][path_mtu][limits]") {
    Table table;
    for (std::uint32_t i = 0; i < PathMtus::hosts_max; ++i) REQUIRE(table.lower(host(i), 1400));
    CHECK(table.lower(host(PathMtus::hosts_max), 1400));
    CHECK(table.drops[Drop::path_mtus_full] == 1);
    CHECK(table.mtus.size() == PathMtus::hosts_max);
    CHECK(table.mtus.of(host(PathMtus::hosts_max)) == 1400);
    table.now = table.now + 10min;
    CHECK(table.lower(host(PathMtus::hosts_max + 1), 1400));
    CHECK(table.mtus.size() == 1);
}

}  // namespace
}  // namespace skerry
