// UDP: the length lies within the input, the checksum may be looked at, and a sealed datagram holds. The first byte
// chooses how much is said to lie elsewhere.

#include <skerry/stack/wire/udp.hpp>

#include "fuzz.hpp"

#include <algorithm>
#include <array>
#include <vector>

using namespace skerry;
using namespace skerry::stack::wire;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t rest = data[0] % 2 == 0 ? 0 : data[0] * std::size_t{257};
    const auto in = fuzz::bytes_of(data + 1, size - 1);
    UdpHeader header;
    if (parse(in, header, rest) != stack::Drop::none) return 0;
    fuzz::require(header.bytes >= udp_bytes && header.bytes <= in.size() + rest, "the datagram is there");
    std::array<std::byte, udp_bytes> out{};
    write(header, out.data());
    fuzz::require(std::equal(out.begin(), out.begin() + 6, in.begin()), "written as read");
    if (header.bytes > in.size()) return 0;
    const auto datagram = in.first(header.bytes);
    fuzz::require(header.has_checksum || udp_checksum_holds(datagram, data[0]), "no checksum cannot be wrong");
    std::vector<std::byte> sealed(datagram.begin(), datagram.end());
    seal_udp(sealed, data[0]);
    fuzz::require(udp_checksum_holds(sealed, data[0]), "a sealed datagram holds");
    if (sealed.size() < udp_bytes + 2 || sealed.size() % 2 != 0) return 0;
    // The last word becomes what the rest lacks for a checksum of 0.
    store_checksum(&sealed[6], 0);
    store_checksum(&sealed[sealed.size() - 2], 0);
    store_checksum(&sealed[sealed.size() - 2], fold(sum(sealed, data[0])));
    seal_udp(sealed, data[0]);
    fuzz::require(load_checksum(&sealed[6]) != 0, "a checksum is never sent as none");
    fuzz::require(udp_checksum_holds(sealed, data[0]), "a sealed datagram holds");
    return 0;
}
