// Several cores with several IPv4 addresses: each of them may have its sockets on another core.

#include "support/stack_cores.hpp"

namespace skerry {
namespace {

using namespace tests;
using stack::wire::Ipv4Addr;

Bytes datagram(std::uint16_t to, std::string_view text, Ipv4Addr destination, std::uint16_t from) {
    return ipv4(stack::wire::ip_protocol::udp, udp_segment(from, to, text, destination), destination);
}

TEST_CASE("a datagram to one of several addresses reaches the core that has its socket",
          "[stack][steering][udp][addresses]") {
    constexpr Ipv4Addr second = Ipv4Addr::of(198, 18, 0, 3);
    stack::StackConfig config = host_config();
    REQUIRE(config.more_addresses.add({second, 24}));
    StackCores cores(StackCores::options(2, 1), config);
    const bool is_shared = GENERATE(false, true);
    TextSocket& of_first = cores[0].bind(7000, is_shared, host_ip);
    TextSocket& of_second = cores[1].bind(7000, is_shared, second);
    for (std::uint16_t from = 5000; from < 5010; ++from) {
        cores.give(0, datagram(7000, "first", host_ip, from));
        cores.give(0, datagram(7000, "second", second, from));
        cores.cross();
        CHECK(of_first.text() == "first");
        CHECK(of_second.text() == "second");
    }
    CHECK(cores[0].stack.drops().total() == 0);
    TextSocket other;
    CHECK(cores[1].stack.udp().open(other, {}, 7000, is_shared).error() == Errc::address_in_use);
}

}  // namespace
}  // namespace skerry
