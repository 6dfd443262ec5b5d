// Hosts by number: which numbers stay, which pass, and who hears what comes to them.

#include "support/ipv6_host.hpp"

#include <skerry/stack/hosts.hpp>

#include <algorithm>
#include <vector>

namespace skerry {
namespace {

using namespace tests;
using stack::covers;
using stack::Hosts;
using stack::overlap;
using stack::wire::Ipv4Addr;
using stack::wire::Ipv6Addr;

constexpr Ipv4Addr broadcast{0xffff'ffffU};

Hosts hosts_with_v6() { return Hosts(7, host6, host6_near); }
Hosts hosts_without_v6() { return Hosts(7, {}, {}); }

TEST_CASE("240.0.0.0/4 is of numbers, but for the broadcast address", "[stack][hosts]") {
    CHECK(stack::is_host_number(Ipv4Addr::of(240, 0, 0, 0)));
    CHECK(stack::is_host_number(Ipv4Addr::of(255, 255, 255, 254)));
    CHECK_FALSE(stack::is_host_number(Ipv4Addr::of(239, 255, 255, 255)));
    CHECK_FALSE(stack::is_host_number(broadcast));
    CHECK_FALSE(stack::is_host_number({}));
    CHECK_FALSE(stack::is_host_number(peer_ip));
}

TEST_CASE("our own addresses have numbers for good", "[stack][hosts]") {
    Hosts hosts = hosts_with_v6();
    CHECK(hosts.has_v6());
    CHECK(hosts.name(host6) == Hosts::own_v6);
    CHECK(hosts.name(host6_near) == Hosts::own_link_local);
    CHECK(hosts.name(Ipv6Addr{}) == Hosts::any_v6);
    CHECK(hosts.find(host6) == Hosts::own_v6);
    for (std::uint16_t i = 0; i < 20; ++i) (void)hosts.name(near6(i));
    CHECK(hosts.address(Hosts::own_v6) == host6);
    CHECK(hosts.address(Hosts::own_link_local) == host6_near);
    CHECK(hosts.address(Hosts::any_v6).is_unspecified());
    CHECK(hosts.hold(Hosts::own_v6) == Hosts::own_v6);
    CHECK(hosts.size() == 0);
    hosts.release(Hosts::own_v6);
    CHECK(hosts.name(host6) == Hosts::own_v6);
    CHECK(Hosts::is_own_v6(Hosts::own_link_local));
    CHECK_FALSE(Hosts::is_own_v6(Hosts::any_v6));
    CHECK_FALSE(Hosts::is_own_v6(hosts.name(peer6)));
}

TEST_CASE("the number of an address that begins nothing is good until eight others passed", "[stack][hosts]") {
    Hosts hosts = hosts_with_v6();
    const Ipv4Addr number = hosts.name(peer6);
    CHECK(stack::is_host_number(number));
    CHECK_FALSE(hosts.find(peer6));
    for (std::uint16_t i = 0; i < 7; ++i) {
        (void)hosts.name(near6(i));
        CHECK(hosts.address(number) == peer6);
    }
    (void)hosts.name(near6(7));
    CHECK(hosts.address(number) != peer6);
    CHECK(hosts.size() == 0);
}

TEST_CASE("an address that is held keeps its number whoever passes", "[stack][hosts]") {
    Hosts hosts = hosts_with_v6();
    const Ipv4Addr number = hosts.hold(hosts.name(peer6)).value();
    for (std::uint16_t i = 0; i < 50; ++i) (void)hosts.name(near6(i));
    CHECK(hosts.address(number) == peer6);
    CHECK(hosts.name(peer6) == number);
    CHECK(hosts.find(peer6) == number);
    CHECK(hosts.size() == 1);
}

TEST_CASE("an address is kept until all that hold it let go", "[stack][hosts]") {
    Hosts hosts = hosts_with_v6();
    const Ipv4Addr number = hosts.hold(hosts.name(peer6)).value();
    CHECK(hosts.hold(number) == number);
    CHECK(hosts.hold(hosts.name(peer6)) == number);
    CHECK(hosts.size() == 1);
    hosts.release(number);
    hosts.release(number);
    CHECK(hosts.find(peer6) == number);
    hosts.release(number);
    CHECK_FALSE(hosts.find(peer6));
    CHECK(hosts.size() == 0);
}

TEST_CASE("a number that nobody holds is given to the next, and the first has another then", "[stack][hosts]") {
    Hosts hosts = hosts_with_v6();
    const Ipv4Addr number = hosts.hold(hosts.name(peer6)).value();
    hosts.release(number);
    CHECK(hosts.hold(hosts.name(far6)) == number);
    CHECK(hosts.address(number) == far6);
    const Ipv4Addr other = hosts.hold(hosts.name(peer6)).value();
    CHECK(other != number);
    CHECK(hosts.address(other) == peer6);
    CHECK(hosts.address(number) == far6);
}

TEST_CASE("a number is held again after its last holder let go of it", "[stack][hosts]") {
    Hosts hosts = hosts_with_v6();
    const Ipv4Addr number = hosts.hold(hosts.name(peer6)).value();
    hosts.release(number);
    const Ipv4Addr again = hosts.hold(number).value();
    CHECK(hosts.address(again) == peer6);
    CHECK(hosts.find(peer6) == again);
}

TEST_CASE("what passed is known by the number that was held since", "[stack][hosts]") {
    Hosts hosts = hosts_with_v6();
    const Ipv4Addr passed = hosts.name(peer6);
    CHECK(hosts.current(passed) == passed);
    const Ipv4Addr held = hosts.hold(passed).value();
    CHECK(held != passed);
    CHECK(hosts.current(passed) == held);
    CHECK(hosts.current(held) == held);
    CHECK(hosts.current(Hosts::own_v6) == Hosts::own_v6);
    CHECK(hosts.current(peer_ip) == peer_ip);
}

TEST_CASE("many addresses are kept apart while others go", "[stack][hosts]") {
    Hosts hosts = hosts_with_v6();
    std::vector<Ipv4Addr> numbers;
    for (std::uint16_t i = 0; i < 2000; ++i) numbers.push_back(hosts.hold(hosts.name(near6(i))).value());
    std::vector<Ipv4Addr> sorted = numbers;
    std::sort(sorted.begin(), sorted.end());
    CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
    for (std::uint16_t i = 0; i < 2000; i += 2) hosts.release(numbers[i]);
    CHECK(hosts.size() == 1000);
    bool are_apart = true;
    for (std::uint16_t i = 0; i < 2000; ++i)
        are_apart = are_apart && hosts.find(near6(i)).has_value() == (i % 2 == 1) &&
                    (i % 2 == 0 || hosts.address(numbers[i]) == near6(i));
    CHECK(are_apart);
}

TEST_CASE("an IPv4 address is its own name, mapped or not", "[stack][hosts]") {
    Hosts hosts = GENERATE(0, 1) == 0 ? hosts_with_v6() : hosts_without_v6();
    CHECK(hosts.name(peer_ip.ip()) == peer_ip);
    CHECK(hosts.name(peer_ip.ip().mapped()) == peer_ip);
    CHECK(hosts.name(net::IpAddr::v4(0)) == Ipv4Addr{});
    CHECK(hosts.name(broadcast.ip()) == broadcast);
    CHECK(hosts.hold(peer_ip) == peer_ip);
    CHECK(hosts.size() == 0);
    hosts.release(peer_ip);
}

TEST_CASE("a reserved IPv4 address names no IPv6 host", "[stack][hosts]") {
    Hosts hosts = hosts_with_v6();
    CHECK_FALSE(hosts.name(Hosts::own_v6.ip()));
    CHECK_FALSE(hosts.name(Hosts::any_v6.ip().mapped()));
    CHECK_FALSE(hosts.name(net::IpAddr::v4(255, 255, 255, 254)));
}

TEST_CASE("without IPv6 an IPv6 address has no name", "[stack][hosts]") {
    Hosts hosts = hosts_without_v6();
    CHECK_FALSE(hosts.has_v6());
    CHECK_FALSE(hosts.name(peer6.ip()));
    CHECK_FALSE(hosts.name(Ipv6Addr{}.ip()));
    Hosts with = hosts_with_v6();
    CHECK(with.name(host6.ip()) == Hosts::own_v6);
    CHECK(with.name(Ipv6Addr{}.ip()) == Hosts::any_v6);
}

TEST_CASE("a name of either family says which address it is", "[stack][hosts]") {
    Hosts hosts = hosts_with_v6();
    CHECK(hosts.ip(peer_ip) == peer_ip.ip());
    CHECK(hosts.ip(hosts.name(peer6)) == peer6.ip());
    CHECK(hosts.ip(Hosts::own_v6) == host6.ip());
    CHECK(hosts.is_multicast(hosts.name(Ipv6Addr::all_nodes())));
    CHECK_FALSE(hosts.is_multicast(hosts.name(peer6)));
    CHECK(hosts.is_multicast(Ipv4Addr::of(239, 1, 2, 3)));
    CHECK_FALSE(hosts.is_multicast(peer_ip));
}

TEST_CASE("what lasts of an address is the same under every number, and not of two addresses", "[stack][hosts]") {
    Hosts hosts = hosts_with_v6();
    const std::uint32_t lasting = hosts.lasting(hosts.name(peer6));
    const Ipv4Addr first = hosts.hold(hosts.name(peer6)).value();
    CHECK(hosts.lasting(first) == lasting);
    hosts.release(first);
    (void)hosts.hold(hosts.name(far6));
    const Ipv4Addr second = hosts.hold(hosts.name(peer6)).value();
    CHECK(second != first);
    CHECK(hosts.lasting(second) == lasting);
    CHECK(hosts.lasting(hosts.name(far6)) != lasting);
    CHECK(hosts.lasting(peer_ip) == peer_ip.bits);
    Hosts others(8, host6, host6_near);  // keyed
    CHECK(others.lasting(others.name(peer6)) != lasting);
}

TEST_CASE("the pseudo header of numbers is that of their addresses", "[stack][hosts]") {
    Hosts hosts = hosts_with_v6();
    CHECK(hosts.pseudo_header(Hosts::own_v6, hosts.name(peer6), 17, 100) ==
          stack::wire::pseudo_header(host6, peer6, 17, 100));
    CHECK(hosts.pseudo_header(host_ip, peer_ip, 6, 100) == stack::wire::pseudo_header(host_ip, peer_ip, 6, 100));
}

TEST_CASE("a socket hears what comes to its address, and at any address that of its family", "[stack][hosts]") {
    const Ipv4Addr any{};
    CHECK(covers(host_ip, false, host_ip));
    CHECK_FALSE(covers(host_ip, false, Hosts::own_v6));
    CHECK(covers(any, false, host_ip));
    CHECK_FALSE(covers(any, false, Hosts::own_v6));
    CHECK(covers(Hosts::any_v6, false, host_ip));
    CHECK(covers(Hosts::any_v6, false, Hosts::own_v6));
    CHECK(covers(Hosts::any_v6, false, any));
    CHECK_FALSE(covers(Hosts::any_v6, true, host_ip));
    CHECK_FALSE(covers(Hosts::any_v6, true, any));
    CHECK(covers(Hosts::any_v6, true, Hosts::own_link_local));
    CHECK(covers(Hosts::own_v6, false, Hosts::own_v6));
    CHECK_FALSE(covers(Hosts::own_v6, false, Hosts::own_link_local));
    CHECK_FALSE(covers(Hosts::own_v6, false, host_ip));
    CHECK(stack::is_any(any));
    CHECK(stack::is_any(Hosts::any_v6));
    CHECK_FALSE(stack::is_any(Hosts::own_v6));
}

TEST_CASE("two sockets overlap where one of them hears the other's address", "[stack][hosts]") {
    const Ipv4Addr any{};
    struct Case {
        Ipv4Addr a;
        bool a_v6_only;
        Ipv4Addr b;
        bool b_v6_only;
        bool expected;
    };
    const Case cases[] = {
        {any, false, host_ip, false, true},
        {any, false, Hosts::own_v6, false, false},
        {any, false, Hosts::any_v6, false, true},
        {any, false, Hosts::any_v6, true, false},
        {Hosts::any_v6, false, Hosts::any_v6, true, true},
        {Hosts::any_v6, true, Hosts::own_v6, false, true},
        {Hosts::any_v6, true, host_ip, false, false},
        {Hosts::any_v6, false, host_ip, false, true},
        {Hosts::own_v6, false, Hosts::own_link_local, false, false},
        {Hosts::own_v6, false, host_ip, false, false},
        {Hosts::own_v6, false, Hosts::own_v6, true, true},
    };
    for (const Case& each : cases) {
        CAPTURE(each.a.bits, each.b.bits, each.a_v6_only, each.b_v6_only);
        CHECK(overlap(each.a, each.a_v6_only, each.b, each.b_v6_only) == each.expected);
        CHECK(overlap(each.b, each.b_v6_only, each.a, each.a_v6_only) == each.expected);
    }
}

}  // namespace
}  // namespace skerry
