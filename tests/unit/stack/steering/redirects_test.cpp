// Several cores with one address: a redirect is for all of them.

#include "support/icmp_about.hpp"
#include "support/stack_cores.hpp"

namespace skerry {
namespace {

using namespace tests;
using stack::Drop;
using stack::wire::Ipv4Addr;
using stack::wire::MacAddr;

constexpr Ipv4Addr gateway = Ipv4Addr::of(198, 18, 0, 254);
constexpr Ipv4Addr other_gateway = Ipv4Addr::of(198, 18, 0, 253);
constexpr Ipv4Addr far = Ipv4Addr::of(192, 0, 2, 1);
constexpr MacAddr gateway_mac{{2, 0, 0, 0, 0, 0xfe}};
constexpr MacAddr other_mac{{2, 0, 0, 0, 0, 0xfd}};

Bytes sent_far(StackCores& cores, std::size_t core, const TextSocket& from) {
    REQUIRE(cores[core].stack.udp().send(from, far, 9, {}, cores.now));
    const auto sent = cores.taken(core);
    REQUIRE(sent.size() == 1);
    return sent.front();
}

MacAddr hop_of(const Bytes& frame) {
    stack::wire::EthernetHeader header;
    REQUIRE(stack::wire::parse(frame, header) == Drop::none);
    return header.destination;
}

TEST_CASE("a redirect that one core gets changes the way of all", "[stack][steering][redirect]") {
    const bool is_believed = GENERATE(true, false);
    stack::StackConfig config = host_config();
    config.accept_redirects = is_believed;
    StackCores cores(StackCores::options(2, 1), config);
    cores.give(0, arp(stack::wire::ArpOperation::request, gateway, gateway_mac));
    cores.give(0, arp(stack::wire::ArpOperation::request, other_gateway, other_mac));
    cores.cross();
    std::array<TextSocket*, 2> sockets{&cores[0].bind(7000), &cores[1].bind(7001)};
    for (const std::size_t core : {0, 1}) (void)cores.taken(core);
    const Bytes about = sent_far(cores, 1, *sockets[1]);
    CHECK(hop_of(about) == gateway_mac);
    stack::wire::IcmpHeader header;
    header.type = stack::wire::IcmpType::redirect;
    header.code = 1;
    header.gateway = other_gateway;
    const auto crossed = cores.crossed();
    cores.give(0, icmp_about(about, header, gateway));
    cores.cross();
    CHECK(cores.crossed() - crossed == (is_believed ? 1 : 0));
    for (const std::size_t core : {0, 1}) {
        CAPTURE(core);
        CHECK(hop_of(sent_far(cores, core, *sockets[core])) == (is_believed ? other_mac : gateway_mac));
    }
}

}  // namespace
}  // namespace skerry
