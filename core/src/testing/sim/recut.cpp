#include "recut.hpp"

#include <skerry/stack/wire/byte_order.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/tcp.hpp>

#include <algorithm>

namespace skerry::testing {

namespace {

using namespace stack::wire;
using stack::Drop;

/// A segment with data that begins and ends nothing.
struct Data {
    Ipv4Header ip;
    TcpHeader tcp;
    std::span<const std::byte> headers;  // all of them
    std::span<const std::byte> payload;

    [[nodiscard]] bool read(std::span<const std::byte> frame) {
        EthernetHeader ethernet;
        if (parse(frame, ethernet) != Drop::none || ethernet.ether_type != ether_type::ipv4) return false;
        const auto packet = frame.subspan(ethernet.header_bytes);
        if (parse(packet, ip) != Drop::none || ip.protocol != ip_protocol::tcp || ip.is_fragment()) return false;
        const auto segment = packet.subspan(ip.header_bytes, ip.payload_bytes());
        if (parse(segment, tcp) != Drop::none || tcp.has(tcp_flag::syn) || tcp.has(tcp_flag::rst)) return false;
        headers = frame.first(frame.size() - packet.size() + ip.header_bytes + tcp.header_bytes);
        payload = segment.subspan(tcp.header_bytes);
        return !payload.empty();
    }
};

bool carries_on(const Data& before, const Data& data) noexcept {
    return before.ip.source == data.ip.source && before.ip.destination == data.ip.destination &&
           before.tcp.source_port == data.tcp.source_port && before.tcp.destination_port == data.tcp.destination_port &&
           !before.tcp.has(tcp_flag::fin) && before.tcp.seq + before.payload.size() == data.tcp.seq;
}

/// Makes lengths, number and checksums of a frame those of its payload. `is_whole`: that ends where that of `like`
/// does.
void seal(std::vector<std::byte>& frame, const Data& like, std::uint32_t seq, bool is_whole) {
    std::byte* const segment = frame.data() + like.headers.size() - like.tcp.header_bytes;
    std::byte* const packet = segment - like.ip.header_bytes;
    const auto segment_bytes = static_cast<std::size_t>(frame.data() + frame.size() - segment);
    store_be16(packet + 2, static_cast<std::uint16_t>(like.ip.header_bytes + segment_bytes));
    store_checksum(packet + 10, 0);
    store_checksum(packet + 10, fold(sum({packet, like.ip.header_bytes})));
    store_be32(segment + 4, seq);
    if (!is_whole) segment[13] &= ~std::byte{tcp_flag::fin};
    seal_tcp({segment, segment_bytes}, pseudo_header(like.ip.source, like.ip.destination, ip_protocol::tcp,
                                                     static_cast<std::uint32_t>(segment_bytes)));
}

}  // namespace

std::vector<std::byte> recut(std::span<const std::byte> before, std::span<const std::byte> frame, Random& random) {
    Data first;
    Data second;
    if (!first.read(before) || !second.read(frame) || !carries_on(first, second)) return {};
    // No longer than the longer of the two, so that it fits whatever they fit.
    const std::size_t most = std::max(first.payload.size(), second.payload.size());
    if (most < 2) return {};
    const std::size_t head = 1 + random.below(std::min(first.payload.size(), most - 1));
    const std::size_t tail = 1 + random.below(std::min(second.payload.size(), most - head));
    std::vector<std::byte> made(second.headers.begin(), second.headers.end());
    made.insert(made.end(), first.payload.end() - static_cast<std::ptrdiff_t>(head), first.payload.end());
    made.insert(made.end(), second.payload.begin(), second.payload.begin() + static_cast<std::ptrdiff_t>(tail));
    seal(made, second, second.tcp.seq - static_cast<std::uint32_t>(head), tail == second.payload.size());
    return made;
}

}  // namespace skerry::testing
