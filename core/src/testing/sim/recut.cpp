#include "recut.hpp"

#include "tcp_frame.hpp"

#include <skerry/stack/wire/byte_order.hpp>
#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/tcp.hpp>

#include <algorithm>

namespace skerry::testing {

namespace {

using namespace stack::wire;

/// A segment with data that begins and ends nothing.
bool is_data(const TcpFrame& frame) noexcept {
    return !frame.tcp.has(tcp_flag::syn) && !frame.tcp.has(tcp_flag::rst) && !frame.payload.empty();
}

bool carries_on(const TcpFrame& before, const TcpFrame& data) noexcept {
    return before.source == data.source && before.destination == data.destination &&
           before.tcp.source_port == data.tcp.source_port && before.tcp.destination_port == data.tcp.destination_port &&
           !before.tcp.has(tcp_flag::fin) && before.tcp.seq + before.payload.size() == data.tcp.seq;
}

/// Makes the length in the IP header, and the checksum of one that has it, those of the packet.
void seal_ip(std::span<std::byte> packet, const TcpFrame& like) {
    if (like.is_ipv6())
        return store_be16(packet.data() + ipv6_payload_length_at,
                          static_cast<std::uint16_t>(packet.size() - ipv6_bytes));
    store_be16(packet.data() + 2, static_cast<std::uint16_t>(packet.size()));
    store_checksum(packet.data() + 10, 0);
    store_checksum(packet.data() + 10, fold(sum(packet.first(like.tcp_at - like.ip_at))));
}

/// Makes lengths, number and checksums of a frame those of its payload. `is_whole`: that ends where that of `like`
/// does.
void seal(std::vector<std::byte>& frame, const TcpFrame& like, std::uint32_t seq, bool is_whole) {
    seal_ip(std::span(frame).subspan(like.ip_at), like);
    const auto segment = std::span(frame).subspan(like.tcp_at);
    store_be32(segment.data() + 4, seq);
    if (!is_whole) segment[13] &= ~std::byte{tcp_flag::fin};
    seal_tcp(segment, like.pseudo_header(static_cast<std::uint32_t>(segment.size())));
}

}  // namespace

std::vector<std::byte> recut(std::span<const std::byte> before, std::span<const std::byte> frame, Random& random) {
    TcpFrame first;
    TcpFrame second;
    if (!first.read(before) || !second.read(frame)) return {};
    if (!is_data(first) || !is_data(second) || !carries_on(first, second)) return {};
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
