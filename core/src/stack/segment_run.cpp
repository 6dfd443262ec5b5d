#include <skerry/stack/segment_run.hpp>

#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ip_protocol.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/tcp.hpp>

#include <algorithm>
#include <cstring>

namespace skerry::stack {

using backend::Frame;

namespace {

namespace flag = wire::tcp_flag;

constexpr std::size_t ip_at = wire::ethernet_bytes;
constexpr std::size_t tcp_checksum_at = 16;
constexpr std::uint8_t ends_a_run = flag::psh | flag::fin;
constexpr std::uint8_t may_be_in_a_run = ends_a_run | flag::ack | flag::ece;

/// A segment that could be in a run, by its headers; none: `header_bytes` is 0.
struct Candidate {
    const std::byte* at = nullptr;
    std::size_t tcp_at = 0;
    std::size_t header_bytes = 0;
    std::size_t payload_bytes = 0;
    bool is_v6 = false;

    [[nodiscard]] std::uint32_t seq() const noexcept { return wire::load_be32(at + tcp_at + 4); }
    [[nodiscard]] std::uint32_t end() const noexcept { return seq() + static_cast<std::uint32_t>(payload_bytes); }
    [[nodiscard]] std::uint8_t flags() const noexcept { return wire::load_8(at + tcp_at + 13); }
    [[nodiscard]] bool ends_run() const noexcept { return (flags() & ends_a_run) != 0; }
};

// Those with sum_missing have no VLAN tag, no IPv4 options and no extension headers.
Candidate candidate(const Frame& frame) noexcept {
    const std::byte* const at = frame.data;
    const std::byte* const ip = at + ip_at;
    if ((frame.flags & backend::frame_flag::sum_missing) == 0 || frame.length < ip_at + wire::ipv4_bytes) return {};
    const bool is_v6 = wire::load_8(ip) >> 4U == 6;
    if (wire::load_8(ip + (is_v6 ? wire::ipv6_next_header_at : 9U)) != wire::ip_protocol::tcp) return {};
    const std::size_t tcp_at = ip_at + (is_v6 ? wire::ipv6_bytes : wire::ipv4_bytes);
    if (frame.length < tcp_at + wire::tcp_bytes) return {};
    const std::size_t header_bytes = tcp_at + (wire::load_8(at + tcp_at + 12) >> 4U) * std::size_t{4};
    const bool is_usual = (wire::load_8(at + tcp_at + 13) & ~may_be_in_a_run) == 0;
    if (!is_usual || header_bytes >= frame.length) return {};
    return {at, tcp_at, header_bytes, frame.length - header_bytes, is_v6};
}

bool is_same(const std::byte* a, const std::byte* b, std::size_t from, std::size_t to) noexcept {
    return std::memcmp(a + from, b + from, to - from) == 0;
}

// All but lengths, IPv4's identification, checksums and the sequence number; of the flags all but what ends a run.
bool says_the_same(const Candidate& a, const Candidate& b) noexcept {
    const std::size_t tcp = a.tcp_at;
    if (a.header_bytes != b.header_bytes || a.is_v6 != b.is_v6) return false;
    const bool is_same_way = a.is_v6
                                 ? is_same(a.at, b.at, 0, ip_at + 4) && is_same(a.at, b.at, ip_at + 6, tcp)
                                 : is_same(a.at, b.at, 0, ip_at + 2) && is_same(a.at, b.at, ip_at + 6, ip_at + 10) &&
                                       is_same(a.at, b.at, ip_at + 12, tcp);
    return is_same_way && is_same(a.at, b.at, tcp, tcp + 4) && is_same(a.at, b.at, tcp + 8, tcp + 13) &&
           ((a.flags() ^ b.flags()) & ~ends_a_run) == 0 && is_same(a.at, b.at, tcp + 14, tcp + 16) &&
           is_same(a.at, b.at, tcp + 18, a.header_bytes);
}

}  // namespace

std::size_t SegmentRun::network_bytes() const noexcept { return is_v6 ? wire::ipv6_bytes : wire::ipv4_bytes; }

std::size_t SegmentRun::tcp_bytes() const noexcept { return header_bytes - ip_at - network_bytes(); }

SegmentRun run_at(std::span<Frame* const> burst, const RunLimits& limits) noexcept {
    SegmentRun run;
    const std::size_t most = std::min(burst.size(), limits.segments_max);
    if (most < 2) return run;
    const Candidate first = candidate(*burst[0]);
    if (first.header_bytes == 0) return run;
    std::size_t payload = first.payload_bytes;
    const std::size_t room = limits.packet_bytes_max - std::min(limits.packet_bytes_max, first.header_bytes - ip_at);
    Candidate last = first;
    while (run.segments < most && !last.ends_run() && last.payload_bytes == first.payload_bytes) {
        const Candidate next = candidate(*burst[run.segments]);
        const bool fits =
            next.header_bytes != 0 && next.payload_bytes <= first.payload_bytes && payload + next.payload_bytes <= room;
        if (!fits || next.seq() != last.end() || !says_the_same(first, next)) break;
        payload += next.payload_bytes;
        last = next;
        ++run.segments;
    }
    if (run.segments == 1) return run;
    run.header_bytes = first.header_bytes;
    run.segment_bytes = first.payload_bytes;
    run.payload_bytes = payload;
    run.is_v6 = first.is_v6;
    return run;
}

void write_run_headers(std::byte* to, std::span<Frame* const> burst, const SegmentRun& run) noexcept {
    const std::byte* const from = burst[0]->data;
    const std::byte* const last = burst[run.segments - 1]->data;
    if (to != from) std::memcpy(to, from, run.header_bytes);
    std::byte* const ip = to + ip_at;
    std::byte* const tcp = ip + run.network_bytes();
    const std::size_t segment_bytes = run.tcp_bytes() + run.payload_bytes;
    // What stands in TCP's field is the sum with the first one's own length.
    const auto before = static_cast<std::uint16_t>(run.tcp_bytes() + run.segment_bytes);
    const std::uint64_t pseudo = std::uint64_t{wire::load_checksum(tcp + tcp_checksum_at)} +
                                 static_cast<std::uint16_t>(~wire::swap_be16(before)) +
                                 wire::swap_be16(static_cast<std::uint16_t>(segment_bytes));
    wire::store_unfinished(tcp + tcp_checksum_at, pseudo);
    wire::store_8(tcp + 13, wire::load_8(last + ip_at + run.network_bytes() + 13));
    if (run.is_v6) {
        wire::store_be16(ip + wire::ipv6_payload_length_at, static_cast<std::uint16_t>(segment_bytes));
        return;
    }
    wire::store_be16(ip + 2, static_cast<std::uint16_t>(wire::ipv4_bytes + segment_bytes));
    wire::store_checksum(ip + 10, 0);
    wire::store_checksum(ip + 10, wire::fold(wire::sum_of_20(ip)));
}

}  // namespace skerry::stack
