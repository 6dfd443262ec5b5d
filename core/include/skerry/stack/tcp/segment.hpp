#pragma once

// A segment that came, read but not judged.

#include "tuple.hpp"

#include "../ip_marks.hpp"
#include "../packet.hpp"
#include "../sequence.hpp"
#include "../wire/tcp.hpp"
#include "../wire/tcp_options.hpp"

#include <cstdint>
#include <span>

namespace skerry::stack::tcp {

namespace flag = wire::tcp_flag;

/// `packet.frame` begins behind the TCP header. Whoever keeps the frame says so in `is_kept`.
struct Segment {
    Packet& packet;
    wire::TcpHeader header;
    wire::TcpOptions options;
    Tuple tuple;
    bool is_kept = false;
    bool lets_go = false;  ///< its acknowledgement lets something leave that has not left yet

    [[nodiscard]] Frame& frame() const noexcept { return packet.frame; }
    [[nodiscard]] time::Instant now() const noexcept { return packet.now; }
    [[nodiscard]] bool has(std::uint8_t flags) const noexcept { return header.has(flags); }
    /// What the IP header says: wire::ecn.
    [[nodiscard]] std::uint8_t ecn() const noexcept { return packet.ip.tos & wire::ecn::mask; }
    [[nodiscard]] std::uint32_t seq() const noexcept { return header.seq; }
    [[nodiscard]] std::uint32_t ack() const noexcept { return header.ack; }
    [[nodiscard]] std::uint32_t bytes() const noexcept { return packet.frame.length; }
    /// What it takes of the sequence space: the payload, SYN and FIN.
    [[nodiscard]] std::uint32_t length() const noexcept {
        return bytes() + (has(flag::syn) ? 1U : 0U) + (has(flag::fin) ? 1U : 0U);
    }
    [[nodiscard]] std::uint32_t end() const noexcept { return seq() + length(); }
};

/// What a segment says to the sending half.
struct Acknowledgement {
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    std::uint32_t length = 0;  ///< of the segment, in the sequence space
    std::uint16_t window = 0;  ///< as it travelled
    std::uint32_t echo = 0;    ///< of its timestamps; 0 without
    time::Instant now;
    std::span<const wire::SackBlock> blocks;  ///< the segment's

    [[nodiscard]] static Acknowledgement of(const Segment& segment) noexcept {
        return {segment.seq(),
                segment.ack(),
                segment.length(),
                segment.header.window,
                segment.options.timestamps.echo,
                segment.now(),
                std::span(segment.options.sack).first(segment.options.sack_blocks)};
    }
};

}  // namespace skerry::stack::tcp
