// ICMPv6: with the checksum believed every input reaches the types and quotes; made right by seal_icmpv6() it reads
// alike.

#include <skerry/stack/wire/icmpv6.hpp>

#include "fuzz.hpp"

#include <vector>

using namespace skerry;
using namespace skerry::stack::wire;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto in = fuzz::bytes_of(data, size);
    const auto source = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
    const auto destination = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    Icmpv6Header header;
    static_cast<void>(parse(in, header, source, destination));
    const auto drop = parse(in, header, source, destination, FrameChecksum::good);
    if (drop == stack::Drop::icmpv6_short) return 0;
    std::vector<std::byte> sealed(in.begin(), in.end());
    seal_icmpv6(sealed, source, destination);
    Icmpv6Header again;
    fuzz::require(parse(sealed, again, source, destination) == drop,
                  "a sealed message reads as one whose checksum is believed");
    if (drop != stack::Drop::none) return 0;
    fuzz::require(header.is_echo() + header.is_error() + header.is_ndp() + header.is_mld() == 1, "of one kind");
    fuzz::require(!header.is_error() || in.size() >= icmpv6_bytes + ipv6_bytes + 8,
                  "an error quotes a header and 8 bytes");
    fuzz::require(header.type != Icmpv6Type::packet_too_big || header.mtu >= ipv6_mtu_min, "no link carries less");
    if (header.is_ndp() || header.is_mld()) return 0;
    write(header, sealed.data());
    seal_icmpv6(sealed, source, destination);
    fuzz::require(parse(sealed, again, source, destination) == stack::Drop::none, "what is written is read");
    fuzz::require(again.type == header.type && again.code == header.code && again.identifier == header.identifier &&
                      again.sequence == header.sequence && again.mtu == header.mtu && again.pointer == header.pointer,
                  "written as read");
    return 0;
}
