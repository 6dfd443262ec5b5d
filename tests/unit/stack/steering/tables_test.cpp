// Who has which socket, connection and group.

#include "support/catch.hpp"

#include <skerry/stack/random.hpp>
#include <skerry/stack/steering/flow_owners.hpp>
#include <skerry/stack/steering/group_members.hpp>
#include <skerry/stack/steering/port_owners.hpp>

#include <atomic>
#include <thread>
#include <vector>

namespace skerry {
namespace {

using namespace stack;
using wire::Ipv4Addr;

// --- ports

TEST_CASE("a port that one core has alone is no other core's", "[stack][steering]") {
    PortOwners ports;
    CHECK(ports.unicast(80) == 0);
    REQUIRE(ports.claim(80, PortUse::any, 1, false));
    CHECK(ports.unicast(80) == core_bit(1));
    CHECK(ports.unicast(81) == 0);
    CHECK_FALSE(ports.claim(80, PortUse::any, 0, false));
    CHECK_FALSE(ports.claim(80, PortUse::any, 0, true));
    CHECK_FALSE(ports.claim(80, PortUse::own, 0, false));
    CHECK_FALSE(ports.claim(80, PortUse::many, 0, false));
    ports.release(80, PortUse::any, 1);
    CHECK(ports.unicast(80) == 0);
    CHECK(ports.claim(80, PortUse::any, 0, false));
}

TEST_CASE("cores that share a port are its owners together, and nobody who does not share joins", "[stack][steering]") {
    PortOwners ports;
    REQUIRE(ports.claim(80, PortUse::any, 0, true));
    REQUIRE(ports.claim(80, PortUse::any, 5, true));
    REQUIRE(ports.claim(80, PortUse::own, cores_max - 1, true));
    CHECK_FALSE(ports.claim(80, PortUse::any, 2, false));
    CHECK(ports.unicast(80) == (core_bit(0) | core_bit(5) | core_bit(cores_max - 1)));
    ports.release(80, PortUse::any, 0);
    ports.release(80, PortUse::any, 5);
    ports.release(80, PortUse::own, cores_max - 1);
    CHECK(ports.unicast(80) == 0);
    CHECK(ports.claim(80, PortUse::any, 2, false));  // the last one took the sharing with it
    CHECK_FALSE(ports.claim(80, PortUse::any, 3, true));
}

TEST_CASE("a port that a core has alone is shared when it says so", "[stack][steering]") {
    PortOwners ports;
    REQUIRE(ports.claim(80, PortUse::any, 0, true));
    CHECK_FALSE(ports.claim(80, PortUse::any, 1, false));  // alone, although the other would share
    REQUIRE(ports.claim(81, PortUse::any, 0, false));
    CHECK_FALSE(ports.claim(81, PortUse::any, 1, true));
    ports.share(81, PortUse::any);
    CHECK(ports.claim(81, PortUse::any, 1, true));
    CHECK_FALSE(ports.claim(81, PortUse::any, 2, false));
    CHECK(ports.unicast(81) == (core_bit(0) | core_bit(1)));
}

TEST_CASE("each of several addresses of ours has its own core on a port", "[stack][steering][addresses]") {
    PortOwners ports;
    REQUIRE(ports.claim(53, PortUse::own, 0, false));
    CHECK(ports.in_use(53) == core_bit(0));
    REQUIRE(ports.claim(53, own_more_at(0), 1, false));
    REQUIRE(ports.claim(53, own_more_at(6), 2, false));
    CHECK_FALSE(ports.claim(53, own_more_at(0), 2, false));
    CHECK_FALSE(ports.claim(53, PortUse::any, 3, false));
    CHECK_FALSE(ports.claim(53, PortUse::both, 3, false));
    CHECK(ports.claim(53, PortUse::any_v6, 3, false));
    CHECK(ports.unicast(53) == core_bit(0));
    CHECK(ports.unicast(53, own_more_at(0)) == core_bit(1));
    CHECK(ports.unicast(53, own_more_at(6)) == core_bit(2));
    CHECK(ports.unicast(53, own_more_at(1)) == 0);
    CHECK(ports.to_many(53) == 0);
    CHECK(ports.in_use(53) == (core_bit(0) | core_bit(1) | core_bit(2) | core_bit(3)));
    CHECK(ports.in_use(52) == 0);
    ports.release(53, own_more_at(0), 1);
    CHECK(ports.unicast(53, own_more_at(0)) == 0);
    REQUIRE(ports.claim(54, PortUse::any, 4, false));
    CHECK(ports.unicast(54, own_more_at(0)) == core_bit(4));
    CHECK_FALSE(ports.claim(54, own_more_at(0), 5, false));
}

TEST_CASE("a group's port is several cores', and no unicast comes by it", "[stack][steering]") {
    PortOwners ports;
    REQUIRE(ports.claim(5000, PortUse::many, 0, false));
    REQUIRE(ports.claim(5000, PortUse::many, 1, false));
    REQUIRE(ports.claim(5000, PortUse::own, 2, false));
    CHECK(ports.to_many(5000) == (core_bit(0) | core_bit(1)));
    CHECK(ports.unicast(5000) == core_bit(2));
    CHECK_FALSE(ports.claim(5000, PortUse::any, 3, false));
}

TEST_CASE("a port that a core has in one family another core may have in the other", "[stack][steering][ipv6]") {
    PortOwners ports;
    REQUIRE(ports.claim(80, PortUse::any, 0, false));
    CHECK(ports.claim(80, PortUse::any_v6, 1, false));
    CHECK(ports.unicast(80) == core_bit(0));
    CHECK(ports.unicast(80, PortUse::own_v6) == core_bit(1));
    CHECK(ports.unicast(80, PortUse::own_link_local) == core_bit(1));
    CHECK(ports.to_many(80) == core_bit(0));
    CHECK(ports.to_many_v6(80) == core_bit(1));
    CHECK(ports.in_use(80) == (core_bit(0) | core_bit(1)));
    CHECK_FALSE(ports.claim(80, PortUse::both, 2, false));
    CHECK_FALSE(ports.claim(80, PortUse::own_v6, 2, false));
    CHECK_FALSE(ports.claim(80, PortUse::own_link_local, 2, true));
    REQUIRE(ports.claim(81, PortUse::own_v6, 0, false));
    CHECK(ports.claim(81, PortUse::own_link_local, 1, false));
    CHECK(ports.claim(81, PortUse::own, 2, false));
    CHECK(ports.unicast(81) == core_bit(2));
    CHECK(ports.unicast(81, PortUse::own_v6) == core_bit(0));
    CHECK(ports.unicast(81, PortUse::own_link_local) == core_bit(1));
    CHECK_FALSE(ports.claim(81, PortUse::any_v6, 3, false));
    CHECK_FALSE(ports.claim(81, PortUse::any, 3, false));
}

TEST_CASE("who has a port for both families has it for each", "[stack][steering][ipv6]") {
    PortOwners ports;
    REQUIRE(ports.claim(80, PortUse::both, 4, false));
    for (const PortUse own : {PortUse::own, PortUse::own_v6, PortUse::own_link_local})
        CHECK(ports.unicast(80, own) == core_bit(4));
    CHECK(ports.to_many(80) == core_bit(4));
    CHECK(ports.to_many_v6(80) == core_bit(4));
    for (const PortUse use : {PortUse::any, PortUse::own, PortUse::many, PortUse::both, PortUse::any_v6,
                              PortUse::own_v6, PortUse::own_link_local})
        CHECK_FALSE(ports.claim(80, use, 1, true));
    ports.release(80, PortUse::both, 4);
    CHECK(ports.in_use(80) == 0);
}

// --- connections

FlowKey flow_of(std::uint32_t number) {
    return FlowKey(tcp::Tuple{Ipv4Addr::of(198, 18, 0, 2),
                              {0x0a00'0000 + number / 20'000},
                              7000,
                              static_cast<std::uint16_t>(1024 + number % 20'000)});
}

FlowOwners make_flows(std::size_t flows) { return {flows, key_for(7, SecretUse::flow_owners)}; }

TEST_CASE("a connection is found until it is erased, among many others", "[stack][steering]") {
    constexpr std::uint32_t count = 20'000;
    FlowOwners flows = make_flows(count);
    for (std::uint32_t i = 0; i < count; ++i) REQUIRE(flows.insert(flow_of(i), static_cast<std::uint16_t>(i % 63)));
    for (std::uint32_t i = 0; i < count; i += 2) flows.erase(flow_of(i), static_cast<std::uint16_t>(i % 63));
    std::uint32_t wrong = 0;
    for (std::uint32_t i = 0; i < count; ++i)
        wrong += flows.find(flow_of(i)) != (i % 2 == 0 ? FlowOwners::nobody : i % 63) ? 1 : 0;
    CHECK(wrong == 0);
    CHECK(flows.find(flow_of(count)) == FlowOwners::nobody);
}

TEST_CASE("a full table of connections takes no more, and one again when one has gone", "[stack][steering]") {
    FlowOwners flows = make_flows(16);
    std::vector<std::uint32_t> in;
    std::uint32_t refused = 0;
    for (std::uint32_t i = 0; i < 200; ++i)
        if (flows.insert(flow_of(i), 3))
            in.push_back(i);
        else
            refused = i;
    CHECK(in.size() <= 32);
    CHECK(in.size() >= 16);
    CHECK(flows.find(flow_of(refused)) == FlowOwners::nobody);
    for (const std::uint32_t each : in) {
        CHECK(flows.find(flow_of(each)) == 3);
        flows.erase(flow_of(each), 3);
    }
    CHECK(flows.insert(flow_of(refused), 4));
    CHECK(flows.find(flow_of(refused)) == 4);
}

TEST_CASE("connections that two cores enter and erase at once are each their own", "[stack][steering][threads]") {
    FlowOwners flows = make_flows(8'192);
    std::atomic<std::uint32_t> wrong{0};
    const auto churn = [&](std::uint16_t core) {
        for (std::uint32_t round = 0; round < 20; ++round) {
            for (std::uint32_t i = 0; i < 2000; ++i)
                if (!flows.insert(flow_of(core * 10'000U + i), core)) ++wrong;
            for (std::uint32_t i = 0; i < 2000; ++i) {
                if (flows.find(flow_of(core * 10'000U + i)) != core) ++wrong;
                flows.erase(flow_of(core * 10'000U + i), core);
            }
        }
    };
    std::thread other(churn, 1);
    churn(0);
    other.join();
    CHECK(wrong == 0);
}

// --- groups

TEST_CASE("a group has the cores that are in it", "[stack][steering]") {
    const std::uint64_t group = Ipv4Addr::of(239, 1, 2, 3).bits;
    const std::uint64_t other = Ipv4Addr::of(239, 1, 2, 4).bits;
    GroupMembers groups;
    CHECK(groups.of(group) == 0);
    REQUIRE(groups.join(group, 0));
    REQUIRE(groups.join(group, 2));
    REQUIRE(groups.join(other, 2));
    CHECK(groups.of(group) == (core_bit(0) | core_bit(2)));
    CHECK(groups.of(other) == core_bit(2));
    CHECK_FALSE(groups.leave(group, 2));
    CHECK(groups.of(group) == core_bit(0));
    CHECK(groups.of_any() == (core_bit(0) | core_bit(2)));
    CHECK(groups.leave(other, 2));
    CHECK(groups.of_any() == core_bit(0));
    CHECK(groups.leave(group, 0));
    CHECK(groups.of(group) == 0);
    CHECK(groups.of_any() == 0);
}

}  // namespace
}  // namespace skerry
