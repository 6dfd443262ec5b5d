// ICMP: with the checksum believed every input reaches the types and quotes; made right by seal_icmp() it reads alike.

#include <skerry/stack/wire/icmp.hpp>

#include "fuzz.hpp"

#include <vector>

using namespace skerry;
using namespace skerry::stack::wire;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto in = fuzz::bytes_of(data, size);
    IcmpHeader header;
    static_cast<void>(parse(in, header));
    const auto drop = parse(in, header, FrameChecksum::good);
    if (drop == stack::Drop::icmp_short) return 0;
    std::vector<std::byte> sealed(in.begin(), in.end());
    seal_icmp(sealed);
    IcmpHeader again;
    fuzz::require(parse(sealed, again) == drop, "a sealed message reads as one whose checksum is believed");
    if (drop != stack::Drop::none) return 0;
    fuzz::require(header.is_echo() || in.size() >= icmp_bytes + 28, "an error quotes a header and 8 bytes");
    write(header, sealed.data());
    seal_icmp(sealed);
    fuzz::require(parse(sealed, again) == stack::Drop::none, "what is written is read");
    fuzz::require(again.type == header.type && again.identifier == header.identifier &&
                      again.sequence == header.sequence && again.next_hop_mtu == header.next_hop_mtu &&
                      again.gateway == header.gateway,
                  "written as read");
    return 0;
}
