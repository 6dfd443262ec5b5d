// ARP: what is read is written back as the same bytes.

#include <skerry/stack/wire/arp.hpp>

#include "fuzz.hpp"

#include <algorithm>
#include <array>

using namespace skerry;
using namespace skerry::stack::wire;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto in = fuzz::bytes_of(data, size);
    ArpPacket packet;
    if (parse(in, packet) != stack::Drop::none) return 0;
    fuzz::require(!packet.sender_mac.is_multicast(), "no group is learnt");
    std::array<std::byte, arp_bytes> out{};
    write(packet, out.data());
    fuzz::require(std::equal(out.begin(), out.end(), in.begin()), "written as read");
    return 0;
}
