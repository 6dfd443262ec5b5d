// IPv6: the lengths that come out lie within the input, no address is one that does not travel, and the header is
// written back as the same bytes. The first byte chooses how much is said to lie elsewhere.

#include <skerry/stack/wire/ipv6.hpp>

#include "fuzz.hpp"

#include <algorithm>
#include <array>

using namespace skerry;
using namespace skerry::stack::wire;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t rest = data[0] % 2 == 0 ? 0 : data[0] * std::size_t{257};
    const auto in = fuzz::bytes_of(data + 1, size - 1);
    Ipv6Header header;
    if (parse(in, header, rest) != stack::Drop::none) return 0;
    fuzz::require(header.total_bytes() >= ipv6_bytes && header.total_bytes() <= in.size() + rest,
                  "the packet is there");
    const net::IpAddr source = header.source.ip();
    const net::IpAddr destination = header.destination.ip();
    fuzz::require(!source.is_multicast() && !source.is_loopback() && !source.is_v4_mapped(), "no martian");
    fuzz::require(!source.is_unspecified() || destination.is_multicast(), "from nobody to a group");
    fuzz::require(!destination.is_unspecified() && !destination.is_loopback() && !destination.is_v4_mapped(),
                  "not to nobody");
    std::array<std::byte, ipv6_bytes> out{};
    write(header, out.data());
    fuzz::require(std::equal(out.begin(), out.end(), in.begin()), "written as read");
    return 0;
}
