#pragma once

// Segments of one connection in a row, as a stack gives them to a port that finishes checksums; and what such a port
// has to make of them.

#include "support/catch.hpp"

#include <skerry/backend/heap_frames.hpp>
#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ip_protocol.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace skerry::tests {

/// Frames of its own, given up at its end.
class SegmentFrames {
public:
    static constexpr std::size_t option_bytes = 12;
    static constexpr std::uint32_t first_seq = 0xffff'f000;  // so that the numbers begin anew within a run

    explicit SegmentFrames(bool is_v6) : is_v6_(is_v6) {}
    ~SegmentFrames() {
        for (backend::Frame* const frame : all) frame->drop();
    }
    SegmentFrames(const SegmentFrames&) = delete;
    SegmentFrames& operator=(const SegmentFrames&) = delete;

    [[nodiscard]] std::size_t tcp_at() const { return 14U + (is_v6_ ? 40U : 20U); }
    [[nodiscard]] std::size_t header_bytes() const { return tcp_at() + stack::wire::tcp_bytes + option_bytes; }

    /// One more, behind the last one.
    backend::Frame& add(std::size_t payload_bytes, std::uint8_t flags = stack::wire::tcp_flag::ack) {
        namespace wire = stack::wire;
        backend::Frame* const frame = frames_.allocate();
        REQUIRE(frame != nullptr);
        const std::size_t segment_bytes = wire::tcp_bytes + option_bytes + payload_bytes;
        std::byte* const at = frame->data;
        wire::EthernetHeader ethernet;
        ethernet.ether_type = is_v6_ ? wire::ether_type::ipv6 : wire::ether_type::ipv4;
        wire::write(ethernet, at);
        const std::uint64_t pseudo = write_network(at + wire::ethernet_bytes, segment_bytes);
        wire::TcpHeader tcp;
        tcp.source_port = 7000;
        tcp.destination_port = 5000;
        tcp.seq = seq_;
        tcp.ack = 77;
        tcp.header_bytes = wire::tcp_bytes + option_bytes;
        tcp.flags = flags;
        tcp.window = 1000;
        wire::write(tcp, at + tcp_at());
        std::memset(at + tcp_at() + wire::tcp_bytes, 1, option_bytes);
        for (std::size_t i = 0; i < payload_bytes; ++i) {
            payload.push_back(static_cast<std::byte>(payload.size() * 7 + payload.size() / 256));
            at[header_bytes() + i] = payload.back();
        }
        wire::store_unfinished(at + tcp_at() + 16, pseudo);
        frame->length = static_cast<std::uint16_t>(header_bytes() + payload_bytes);
        frame->flags = backend::frame_flag::sum_missing;
        seq_ += static_cast<std::uint32_t>(payload_bytes);
        all.push_back(frame);
        return *frame;
    }

    std::vector<backend::Frame*> all;
    std::vector<std::byte> payload;  ///< of all

private:
    std::uint64_t write_network(std::byte* at, std::size_t segment_bytes) {
        namespace wire = stack::wire;
        const auto bytes = static_cast<std::uint32_t>(segment_bytes);
        if (is_v6_) {
            wire::Ipv6Header ip;
            ip.payload_bytes = static_cast<std::uint16_t>(segment_bytes);
            ip.next_header = wire::ip_protocol::tcp;
            ip.hop_limit = 64;
            ip.source = {0xfd00'0198'0018'0000, 2};
            ip.destination = {0xfd00'0198'0018'0000, 1};
            wire::write(ip, at);
            return wire::pseudo_header(ip.source, ip.destination, wire::ip_protocol::tcp, bytes);
        }
        wire::Ipv4Header ip;
        ip.total_bytes = static_cast<std::uint16_t>(wire::ipv4_bytes + segment_bytes);
        ip.id = static_cast<std::uint16_t>(all.size());
        ip.dont_fragment = true;
        ip.protocol = wire::ip_protocol::tcp;
        ip.source = wire::Ipv4Addr::of(198, 18, 0, 2);
        ip.destination = wire::Ipv4Addr::of(198, 18, 0, 1);
        wire::write(ip, at);
        return wire::pseudo_header(ip.source, ip.destination, wire::ip_protocol::tcp, bytes);
    }

    bool is_v6_;
    backend::HeapFrames frames_;
    std::uint32_t seq_ = first_seq;
};

/// Whether all checksums of a packet hold once the port has added up what stands behind the pseudo header's sum.
inline bool holds_when_finished(std::vector<std::byte> packet) {
    namespace wire = stack::wire;
    const std::byte* const ip = packet.data() + wire::ethernet_bytes;
    const bool is_v6 = wire::load_8(ip) >> 4U == 6;
    if (!is_v6 && wire::fold(wire::sum_of_20(ip)) != 0) return false;
    const std::size_t tcp_at = wire::ethernet_bytes + (is_v6 ? wire::ipv6_bytes : wire::ipv4_bytes);
    const auto segment = std::span(packet).subspan(tcp_at);
    const auto bytes = static_cast<std::uint32_t>(segment.size());
    const std::uint64_t pseudo =
        is_v6 ? wire::pseudo_header(wire::load_ipv6(ip + 8), wire::load_ipv6(ip + 24), wire::ip_protocol::tcp, bytes)
              : wire::pseudo_header(wire::load_ipv4(ip + 12), wire::load_ipv4(ip + 16), wire::ip_protocol::tcp, bytes);
    wire::store_checksum(segment.data() + 16, wire::fold(wire::sum(segment)));
    return wire::fold(wire::sum(segment, pseudo)) == 0;
}

}  // namespace skerry::tests
