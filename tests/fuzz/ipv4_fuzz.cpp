// IPv4: the lengths that come out lie within the input, with the checksum believed and with it made right; a header
// without options is written back as the same bytes. The first byte chooses how much is said to lie elsewhere.

#include <skerry/stack/wire/ipv4.hpp>

#include "fuzz.hpp"

#include <algorithm>
#include <array>
#include <vector>

using namespace skerry;
using namespace skerry::stack::wire;

namespace {

void check(std::span<const std::byte> in, FrameChecksum known, std::size_t rest) {
    Ipv4Header header;
    if (parse(in, header, known, rest) != stack::Drop::none) return;
    fuzz::require(header.header_bytes >= ipv4_bytes && header.header_bytes <= in.size(), "the header is there");
    fuzz::require(header.total_bytes >= header.header_bytes, "the payload is not negative");
    fuzz::require(header.total_bytes <= in.size() + rest, "the datagram is there");
    fuzz::require(header.fragment_offset_bytes + header.payload_bytes() <= 65'535, "no fragment ends past 65'535");
    fuzz::require(!header.source.is_multicast() && !header.source.is_loopback(), "no martian");
    if (header.header_bytes != ipv4_bytes) return;
    std::array<std::byte, ipv4_bytes> out{};
    write(header, out.data());
    out[6] |= in[6] & std::byte{0x80};  // reserved; ignored, and sent as 0
    if (known == FrameChecksum::good || (in[6] & std::byte{0x80}) != std::byte{}) std::copy_n(&in[10], 2, &out[10]);
    // A checksum of ffff holds where 0000 is written: both are zero to a ones'-complement sum.
    if (load_checksum(&in[10]) == 0xffff) std::copy_n(&in[10], 2, &out[10]);
    fuzz::require(std::equal(out.begin(), out.end(), in.begin()), "written as read");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t rest = data[0] % 2 == 0 ? 0 : data[0] * std::size_t{257};
    const auto in = fuzz::bytes_of(data + 1, size - 1);
    check(in, FrameChecksum::unknown, rest);
    check(in, FrameChecksum::good, rest);
    if (in.size() < ipv4_bytes) return 0;
    std::vector<std::byte> sealed(in.begin(), in.end());
    const std::size_t header = std::min((load_8(in.data()) & 0xfU) * std::size_t{4}, in.size());
    store_checksum(&sealed[10], 0);
    store_checksum(&sealed[10], fold(sum(std::span{sealed}.first(std::max(header, ipv4_bytes)))));
    check(sealed, FrameChecksum::unknown, rest);
    return 0;
}
