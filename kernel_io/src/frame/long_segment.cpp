#include "long_segment.hpp"

#include <skerry/stack/unfinished_checksum.hpp>
#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/ip_protocol.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/tcp.hpp>

#include <algorithm>
#include <cstring>

namespace skerry::kernel_io::frame {

namespace wire = stack::wire;

using backend::Frame;

namespace {

constexpr std::size_t ip_at = wire::ethernet_bytes;
constexpr std::size_t tcp_checksum_at = 16;
constexpr std::size_t udp_checksum_at = 6;

}  // namespace

bool settle_checksum(Frame& packet, const VirtioHeader& header) noexcept {
    packet.checksum = stack::checksum_of_cable(packet.bytes());
    if (packet.checksum == backend::FrameChecksum::good) return true;
    const std::size_t start = header.checksum_start;
    const std::size_t field = start + header.checksum_offset;
    if (field + 2 > packet.length) return false;
    std::uint16_t sum = wire::fold(wire::sum(packet.bytes().subspan(start)));
    if (sum == 0 && header.checksum_offset == udp_checksum_at) sum = 0xffff;  // 0 would be none
    wire::store_checksum(packet.data + field, sum);
    return true;
}

// Whether the network's header is whole, of one packet that is all there, and TCP begins where the kernel says.
bool LongSegment::read_network(std::size_t bytes, const VirtioHeader& header) noexcept {
    const std::byte* const ip = memory_.get() + ip_at;
    const std::uint16_t type = wire::load_be16(memory_.get() + ip_at - 2);
    const std::size_t behind = bytes - ip_at;
    const std::size_t tcp_at = header.checksum_start;
    if (type == wire::ether_type::ipv4 && header.kind == VirtioHeader::long_tcp4) {
        const std::size_t header_bytes = (wire::load_8(ip) & 0xfU) * std::size_t{4};
        const bool is_whole = (wire::load_be16(ip + 6) & 0x3fffU) == 0 && wire::load_be16(ip + 2) == behind;
        return header_bytes >= wire::ipv4_bytes && ip_at + header_bytes == tcp_at && is_whole &&
               wire::load_8(ip + 9) == wire::ip_protocol::tcp &&
               wire::fold(wire::sum(std::span(ip, header_bytes))) == 0;
    }
    return type == wire::ether_type::ipv6 && header.kind == VirtioHeader::long_tcp6 &&
           tcp_at >= ip_at + wire::ipv6_bytes &&
           wire::load_be16(ip + wire::ipv6_payload_length_at) == behind - wire::ipv6_bytes;
}

bool LongSegment::begin(std::size_t bytes, const VirtioHeader& header, std::size_t frame_bytes) noexcept {
    const std::size_t tcp_at = header.checksum_start;
    const bool is_tcp = (header.flags & VirtioHeader::sum_missing) != 0 && header.checksum_offset == tcp_checksum_at;
    // Behind the least of both headers the others may be read.
    if (!is_tcp || bytes > bytes_max || tcp_at < ip_at + wire::ipv4_bytes || tcp_at + wire::tcp_bytes > bytes ||
        !read_network(bytes, header))
        return false;
    const std::size_t header_bytes = tcp_at + (wire::load_8(memory_.get() + tcp_at + 12) >> 4U) * std::size_t{4};
    if (header_bytes < tcp_at + wire::tcp_bytes || header_bytes >= bytes) return false;
    if (header.segment_bytes == 0 || header_bytes + header.segment_bytes > frame_bytes) return false;
    at_ = header_bytes;
    end_ = bytes;
    tcp_at_ = tcp_at;
    header_bytes_ = header_bytes;
    segment_bytes_ = header.segment_bytes;
    number_ = 0;
    is_v6_ = header.kind == VirtioHeader::long_tcp6;
    return true;
}

// Of a segment whose headers are still the whole one's.
void LongSegment::write_lengths(std::byte* at, std::size_t payload_bytes) const noexcept {
    std::byte* const ip = at + ip_at;
    const std::size_t left_out = end_ - header_bytes_ - payload_bytes;
    std::byte* const field = at + tcp_at_ + tcp_checksum_at;
    const std::size_t whole = end_ - tcp_at_;
    wire::store_unfinished(field, std::uint64_t{wire::load_checksum(field)} +
                                      static_cast<std::uint16_t>(~wire::swap_be16(static_cast<std::uint16_t>(whole))) +
                                      wire::swap_be16(static_cast<std::uint16_t>(whole - left_out)));
    std::byte* const length = ip + (is_v6_ ? wire::ipv6_payload_length_at : 2U);
    wire::store_be16(length, static_cast<std::uint16_t>(wire::load_be16(length) - left_out));
    if (is_v6_) return;
    wire::store_be16(ip + 4, static_cast<std::uint16_t>(wire::load_be16(ip + 4) + number_));
    wire::store_checksum(ip + 10, 0);
    wire::store_checksum(ip + 10, wire::fold(wire::sum(std::span<const std::byte>(ip, tcp_at_ - ip_at))));
}

void LongSegment::next(Frame& frame) noexcept {
    namespace flag = wire::tcp_flag;
    const std::size_t payload_bytes = std::min(segment_bytes_, end_ - at_);
    std::byte* const at = frame.data;
    std::memcpy(at, memory_.get(), header_bytes_);
    std::memcpy(at + header_bytes_, memory_.get() + at_, payload_bytes);
    frame.length = static_cast<std::uint16_t>(header_bytes_ + payload_bytes);
    write_lengths(at, payload_bytes);
    std::byte* const tcp = at + tcp_at_;
    std::uint8_t flags = wire::load_8(tcp + 13);
    if (number_ != 0) flags &= static_cast<std::uint8_t>(~flag::cwr);
    if (at_ + payload_bytes != end_) flags &= static_cast<std::uint8_t>(~(flag::psh | flag::fin));
    wire::store_8(tcp + 13, flags);
    wire::store_be32(tcp + 4, wire::load_be32(tcp + 4) + static_cast<std::uint32_t>(at_ - header_bytes_));
    frame.checksum = backend::FrameChecksum::good;
    at_ += payload_bytes;
    ++number_;
}

}  // namespace skerry::kernel_io::frame
