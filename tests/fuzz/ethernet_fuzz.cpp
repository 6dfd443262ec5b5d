// Ethernet: what is read is written back as the same bytes, but for the tag's bit of drop eligibility, which we send
// as 0.

#include <skerry/stack/wire/ethernet.hpp>

#include "fuzz.hpp"

#include <algorithm>
#include <array>

using namespace skerry;
using namespace skerry::stack::wire;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto in = fuzz::bytes_of(data, size);
    EthernetHeader header;
    if (parse(in, header) != stack::Drop::none) return 0;
    fuzz::require(header.header_bytes <= in.size(), "the header lies within the frame");
    fuzz::require(header.ether_type >= ether_type::least && header.ether_type != ether_type::vlan, "a type is a type");
    fuzz::require(header.tagged || (header.vid == 0 && header.pcp == 0), "no VLAN without a tag");
    std::array<std::byte, ethernet_bytes + vlan_tag_bytes> out{};
    write(header, out.data());
    if (header.tagged) out[14] |= in[14] & std::byte{0x10};
    fuzz::require(std::equal(out.begin(), out.begin() + header.header_bytes, in.begin()), "written as read");
    return 0;
}
