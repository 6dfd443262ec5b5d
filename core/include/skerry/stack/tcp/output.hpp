#pragma once

// Hot path. Segments on their way out: a header in front of the payload, and what goes without payload.
//
// Payload was copied once, into a frame with room for all headers, and leaves in it. As long as somebody else holds the
// frame (the port still has it, or a receiver in this process) nothing is written to it: a copy leaves then.

#include "options.hpp"
#include "segment.hpp"
#include "shared.hpp"

#include <algorithm>
#include <cstdint>
#include <span>

namespace skerry::stack::tcp {

class Output {
public:
    explicit Output(Shared& shared) noexcept : shared_(shared) {}

    /// Sends one of the connection's. False when there was no frame for the copy that it needed.
    [[nodiscard]] bool send(Tcb& tcb, SendSegment& segment, bool is_last, time::Instant now) noexcept;

    /// Sends a copy of `from` as the next segment, in the fresh `frame`, of which a handle leaves. The way to the peer
    /// is ready. With `is_there` those are the frame's own bytes, from its `data` on.
    template <bool is_there = false>
    void send_usual(Tcb& tcb, Frame& frame, std::span<const std::byte> from, time::Instant now) noexcept;

    /// Acknowledges what came, and says how large the window is.
    void send_ack(Tcb& tcb, time::Instant now) noexcept { send_bare(tcb, tcb.snd_nxt, flag::ack, now); }
    /// The same, and tells that the numbers of `known`, which came now, were here already.
    ///
    /// Source: RFC 2883 section 4.
    void send_ack_of_known(Tcb& tcb, const wire::SackBlock& known, time::Instant now) noexcept;
    /// Makes the peer answer: what it asks to be acknowledged is old.
    void send_probe(Tcb& tcb, time::Instant now) noexcept { send_bare(tcb, tcb.snd_una - 1, flag::ack, now); }
    void send_reset(Tcb& tcb, time::Instant now) noexcept { send_bare(tcb, tcb.snd_nxt, flag::rst | flag::ack, now); }
    /// Says again how things stand, to a keepalive, a window probe or a segment from elsewhere. Limited for this
    /// connection alone: a budget of all connections would leave the probes of some of many unanswered, and their peers
    /// would give them up.
    void answer(Tcb& tcb, time::Instant now) noexcept;
    /// An acknowledgement that an attacker could ask for: limited. RFC 5961 section 7.
    void challenge(Tcb& tcb, time::Instant now) noexcept;

    /// SYN, or SYN-ACK of a connection that both ends began.
    void send_syn(Tcb& tcb, time::Instant now) noexcept;
    void send_syn_ack(const HalfOpen& half_open, time::Instant now) noexcept {
        send_syn_ack(half_open, timestamp(now, half_open.ts_offset), now);
    }
    /// The same with this timestamp, if it has one.
    void send_syn_ack(const HalfOpen& half_open, std::uint32_t stamp, time::Instant now) noexcept;
    /// An acknowledgement of one that has no connection yet. Limited.
    void challenge(HalfOpen& half_open, time::Instant now) noexcept;
    void send_ack(TimeWait& entry, time::Instant now) noexcept;

    /// Answers a segment of no connection, or one that a connection cannot have sent. Limited.
    void refuse(const Segment& segment) noexcept;
    void reset(const Tuple& tuple, std::uint32_t seq, std::uint32_t ack, time::Instant now) noexcept;

    /// The window that a first segment gives: it is never scaled.
    [[nodiscard]] static std::uint16_t first_window(std::uint32_t limit) noexcept {
        return static_cast<std::uint16_t>(std::min<std::uint32_t>(limit, 0xffff));
    }
    /// Brings the end of the window forward, if that is worth a word, and returns what a header says of it.
    [[nodiscard]] std::uint16_t window(Tcb& tcb) noexcept {
        // Small advances are kept back: a peer that sends as soon as it may would send ever smaller segments (RFC 9293
        // section 3.8.6.2.2). Where scaling cuts bits off, less is said than was given.
        const std::uint32_t room = tcb.receive_limit > tcb.received_bytes ? tcb.receive_limit - tcb.received_bytes : 0;
        const std::int32_t gain = seq_distance(tcb.rcv_right, tcb.rcv_nxt + room);
        const std::uint32_t worth = std::min(tcb.receive_limit / 2, shared_.window_step);
        const bool is_worth_it =
            gain >= static_cast<std::int32_t>(worth) && room >= std::min(shared_.window_least, tcb.receive_limit / 4);
        if (is_worth_it) tcb.rcv_right = tcb.rcv_nxt + room;
        if (tcb.lacks_frames) [[unlikely]]
            return window_without_frames(tcb);
        const std::int32_t given = std::max(0, seq_distance(tcb.rcv_nxt, tcb.rcv_right));
        return static_cast<std::uint16_t>(std::min(static_cast<std::uint32_t>(given) >> tcb.receive_scale, 0xffffU));
    }

private:
    [[nodiscard]] std::uint16_t window_without_frames(Tcb& tcb) noexcept;
    [[nodiscard]] wire::TcpHeader header_of(Tcb& tcb, std::uint32_t seq, std::uint8_t flags) noexcept;
    void send_bare(Tcb& tcb, std::uint32_t seq, std::uint8_t flags, time::Instant now) noexcept;
    [[nodiscard]] static std::uint32_t seq_without_data(const Tcb& tcb) noexcept;
    void send_empty(const Tuple& tuple, wire::TcpHeader& header, std::span<const std::byte> options, IpMarks marks,
                    time::Instant now) noexcept;
    [[nodiscard]] std::uint32_t receive_buffer(const HalfOpen& half_open) const noexcept {
        return half_open.acceptor->opening.receive_buffer_or(shared_.config.tcp.receive_buffer_bytes);
    }
    void emit_syn(const Tuple& tuple, wire::TcpHeader& header, wire::TcpOptions& options, IpMarks marks,
                  time::Instant now) noexcept;
    void emit_usual(Frame& frame, Tcb& tcb, wire::TcpHeader& header, time::Instant now) noexcept;
    void emit_marked(Frame& frame, Tcb& tcb, wire::TcpHeader& header, time::Instant now) noexcept;
    void emit_with_blocks(Frame& frame, Tcb& tcb, wire::TcpHeader& header, const wire::SackBlock* known,
                          time::Instant now) noexcept;
    void emit(Frame& frame, const Tuple& tuple, wire::TcpHeader& header, std::span<const std::byte> options,
              IpMarks marks, time::Instant now) noexcept;
    static void acknowledged(Tcb& tcb) noexcept {
        tcb.last_ack_sent = tcb.rcv_nxt;
        tcb.owes_for_one = tcb.quick_ack;
        tcb.ack_at = never;
        if (AckLink& link = tcb; link.is_linked()) link.unlink();
    }
    void put_off(Tcb& tcb, time::Instant now) noexcept;

    Shared& shared_;
};

}  // namespace skerry::stack::tcp
