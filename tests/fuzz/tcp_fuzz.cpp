// TCP: the header lies within the segment and is written back as the same bytes, a sealed segment holds, and the
// options of whatever header passes can be read.

#include <skerry/stack/wire/tcp.hpp>
#include <skerry/stack/wire/tcp_options.hpp>

#include "fuzz.hpp"

#include <algorithm>
#include <vector>

using namespace skerry;
using namespace skerry::stack::wire;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto in = fuzz::bytes_of(data, size);
    TcpHeader header;
    if (parse(in, header) != stack::Drop::none) return 0;
    fuzz::require(header.header_bytes >= tcp_bytes && header.header_bytes <= in.size(), "the header is there");
    TcpOptions options;
    static_cast<void>(parse(in.subspan(tcp_bytes, header.header_bytes - tcp_bytes), options));
    std::vector<std::byte> out(in.begin(), in.end());
    write(header, out.data());
    seal_tcp(out, 17);
    fuzz::require(tcp_checksum_holds(out, 17), "a sealed segment holds");
    out[12] |= in[12] & std::byte{0xf};  // reserved; ignored, and sent as 0
    std::copy_n(&in[16], 2, &out[16]);
    fuzz::require(std::equal(out.begin(), out.end(), in.begin()), "written as read");
    return 0;
}
