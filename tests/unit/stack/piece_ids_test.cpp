// Identifications of datagrams that leave in pieces: which may be the same, and what they tell.

#include "support/stack_cores.hpp"

#include <skerry/stack/piece_ids.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace tests;
using stack::PieceIds;
using stack::wire::Ipv4Addr;

constexpr std::uint64_t seed = 7;

/// The identifications of the datagrams whose pieces these are, of either family.
std::set<std::uint32_t> ids_in(const std::vector<Bytes>& frames) {
    std::set<std::uint32_t> ids;
    for (const Bytes& frame : frames) {
        const std::byte* const packet = frame.data() + stack::wire::ethernet_bytes;
        if (is_ipv6(frame)) {
            REQUIRE(stack::wire::load_8(packet + 6) == stack::wire::ip_protocol::fragment);
            ids.insert(stack::wire::load_be32(packet + stack::wire::ipv6_bytes + 4));
        } else {
            ids.insert(stack::wire::load_be16(packet + 4));
        }
    }
    return ids;
}

/// Cores' numbers of one address, without stacks.
std::vector<PieceIds> numbers_of(std::uint16_t cores) {
    const auto shared = std::make_shared<stack::Steering>(StackCores::options(cores, 1));
    std::vector<PieceIds> all;
    for (std::uint16_t core = 0; core < cores; ++core) all.emplace_back(seed, stack::CoreSeat{shared, core});
    return all;
}

TEST_CASE("what two cores of an address send to one host in pieces never has one identification",
          "[stack][steering][pieces]") {
    StackCores cores(StackCores::options(2, 1), host6_config());
    cores.give(0, arp(stack::wire::ArpOperation::request));
    cores.give(0, solicitation());
    cores.cross();
    for (std::size_t core : {0, 1}) (void)cores.taken(core);
    const bool is_v6 = GENERATE(false, true);
    const std::string text(3000, 'x');
    std::set<std::uint32_t> ids;
    for (std::size_t core : {0, 1}) {
        TextSocket& socket = cores[core].bind(static_cast<std::uint16_t>(7000 + core), false, stack::Hosts::any_v6);
        for (int i = 0; i < 20; ++i) {
            const Ipv4Addr to = is_v6 ? cores[core].stack.hosts().name(peer6) : peer_ip;
            REQUIRE(cores[core].stack.udp().send(socket, to, 9, std::as_bytes(std::span(text)), cores.now));
            const auto pieces = cores.taken(core);
            REQUIRE(pieces.size() == 3);
            REQUIRE(ids_in(pieces).size() == 1);
            ids.merge(ids_in(pieces));
        }
    }
    CHECK(ids.size() == 40);
}

TEST_CASE("behind the wrap of 16 bits a core does not come to the identifications of another", "[stack][pieces]") {
    constexpr std::size_t all = 65'536;
    constexpr std::size_t nobody = 100;
    for (const auto& [cores, period] : {std::pair{1, all}, {2, all / 2}, {3, all / 4}, {4, all / 4}, {5, all / 8}}) {
        CAPTURE(cores);
        std::vector<PieceIds> ids = numbers_of(static_cast<std::uint16_t>(cores));
        std::vector<std::size_t> owner(all, nobody);
        std::size_t again = 0;
        std::size_t of_others = 0;
        for (std::size_t core = 0; core < ids.size(); ++core) {
            for (std::size_t i = 0; i < 80'000; ++i) {
                const std::size_t before = std::exchange(owner[ids[core].next(peer_ip.bits) % all], core);
                again += i < period && before == core ? 1 : 0;
                of_others += before != nobody && before != core ? 1 : 0;
            }
        }
        CHECK(again == 0);
        CHECK(of_others == 0);
    }
}

TEST_CASE("identifications to a host do not tell how much goes to others", "[stack][pieces]") {
    PieceIds ids(seed, {});
    std::size_t moved = 0;
    std::uint32_t before = ids.next(peer_ip.bits);
    for (std::uint32_t other = 1; other <= 2000; ++other) {
        (void)ids.next(peer_ip.bits + other);
        const std::uint32_t next = ids.next(peer_ip.bits);
        moved += next == before + 1 ? 0 : 1;
        before = next;
    }
    CHECK(moved <= 24);  // one in 256 has the same counter: 8 of these, if chance is fair
}

TEST_CASE("identifications begin elsewhere for each host", "[stack][pieces]") {
    std::set<std::uint32_t> first;
    std::set<std::uint32_t> steps;
    std::uint32_t before = 0;
    for (std::uint32_t host = 0; host < 1000; ++host) {
        PieceIds ids(seed, {});
        const std::uint32_t id = ids.next(peer_ip.bits + host);
        first.insert(id);
        steps.insert(id - before);
        before = id;
    }
    CHECK(first.size() >= 999);
    CHECK(steps.size() >= 999);
}

}  // namespace
}  // namespace skerry
