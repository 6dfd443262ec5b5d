#pragma once

// Hot path. The sending half of a connection: cuts what is written into segments, sends as much as the peer's window
// and the network's allow, takes acknowledgements, and sends again what was lost.
//
// Losses are found by what arrived behind them (SACK, RFC 6675: selective.cpp), by three duplicate acknowledgements of
// a peer without SACK (RFC 5681 and 6582, with RFC 3042's limited transmit: loss.cpp), or by a time-out, after which
// everything that is not known to have arrived counts as lost and goes again.

#include "output.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::tcp {

/// What becomes of a buffer that a program gives away.
enum class Given : std::uint8_t {
    taken,   ///< it is sent from
    waits,   ///< nothing is changed: it may be taken when there is room, which acknowledgements bring
    copied,  ///< nothing is changed: it is to be copied
};

class Sender {
public:
    Sender(Shared& shared, Output& output) noexcept : shared_(shared), output_(output) {}

    /// A connection's first window, when both ends know what they agreed on; `send_limit` is what was asked for.
    void start(Tcb& tcb) noexcept;
    /// After start(): so many SYNs had to be sent again. Past those that are forgiven the first window is one segment.
    ///
    /// Source: RFC 5681 section 3.1, RFC 6928 section 2, RFC 6298 section 5.7.
    void start_after_loss(Tcb& tcb, const Segment& segment, std::uint32_t losses) noexcept;

    /// Sends a copy of `from` if it is the usual write, and nobody else has to be thought of; false, and nothing is
    /// changed, if it is not.
    [[nodiscard]] bool write_usual(Tcb& tcb, std::span<const std::byte> from, time::Instant now) noexcept;
    /// Copies what there is room for, and sends what may go. Returns how much was taken.
    std::size_t write(Tcb& tcb, std::span<const std::byte> from, time::Instant now) noexcept;
    /// The same of several slices, which are joined into segments before any of them may go; false when not all of them
    /// were taken.
    bool write(Tcb& tcb, std::span<const std::span<const std::byte>> slices, time::Instant now,
               std::size_t& written) noexcept;
    /// Takes a buffer as a segment of its own, and keeps and sends its very frame, if a copy of it would be one.
    [[nodiscard]] Given write_given(Tcb& tcb, IoBuf& data, time::Instant now) noexcept;
    /// Whether a write would take something.
    [[nodiscard]] bool has_room(const Tcb& tcb) const noexcept {
        return tcb.queue.bytes() < tcb.send_limit && may_have_piece(tcb);
    }
    /// This direction ends behind what was written.
    /// False, and nothing done, when there is no memory.
    [[nodiscard]] bool finish(Tcb& tcb, time::Instant now) noexcept;
    /// Sends what may go.
    void push(Tcb& tcb, time::Instant now) noexcept;
    /// What waits is let go by the program: past a cork where it wants no delay, by Nagle where it does.
    void release(Tcb& tcb, time::Instant now) noexcept;

    /// A segment came whose acknowledgement is one that we can have got.
    void on_ack(Tcb& tcb, const Acknowledgement& ack) noexcept {
        if (take_ack(tcb, ack)) let_go(tcb, ack.now);
    }
    /// The same, but what it lets go waits for let_go(). False when there is nothing.
    [[nodiscard]] bool take_ack(Tcb& tcb, const Acknowledgement& ack) noexcept;
    /// The same of a connection with ECN; `is_echo` if it tells that something that we sent met congestion.
    [[nodiscard]] bool take_ack_with_ecn(Tcb& tcb, const Acknowledgement& ack, bool is_echo) noexcept;
    /// Of one below SND.UNA, which a newer one overtook: its blocks alone tell something.
    ///
    /// Source: RFC 6675 section 5: each acknowledgement with blocks updates the scoreboard.
    void take_overtaken(Tcb& tcb, const Acknowledgement& ack) noexcept;
    /// Sends what an acknowledgement lets go.
    void let_go(Tcb& tcb, time::Instant now) noexcept;

    /// retransmit_at has come. False when the peer is given up.
    [[nodiscard]] bool on_timeout(Tcb& tcb, time::Instant now) noexcept;

    /// The way takes no segments of more than `mss` bytes: those that are longer are cut, and what is under way goes
    /// again. The network is not the fuller for it, so its window stays.
    ///
    /// Source: RFC 1191 section 6.5.
    void shorten(Tcb& tcb, std::uint16_t mss, time::Instant now) noexcept;

    [[nodiscard]] static std::uint32_t in_flight(Tcb& tcb) noexcept {
        return tcb.queue.sent() == 0 ? 0 : tcb.queue[tcb.queue.sent() - 1].end() - tcb.snd_una;
    }
    [[nodiscard]] std::chrono::nanoseconds user_timeout(const Tcb& tcb) const noexcept {
        if (tcb.user_timeout_ms != 0) return std::chrono::milliseconds{tcb.user_timeout_ms};
        return shared_.config.tcp.user_timeout;
    }
    /// Sets retransmit_at from now, but not past the moment at which the peer is given up.
    void restart_timer(Tcb& tcb, time::Instant now) noexcept;

private:
    std::size_t append_all(Tcb& tcb, std::span<const std::byte> from, std::size_t others) noexcept;
    static constexpr std::uint8_t duplicates_that_tell = 3;  // RFC 5681 section 3.2

    [[nodiscard]] bool may_have_piece(const Tcb& tcb) const noexcept {
        const std::uint32_t most = shared_.config.tcp.send_segments_max;
        return tcb.queue.size() < most || tcb.queue.size() < most + shared_.buffers.more_to_send(tcb);
    }
    /// Whether so many bytes that are not acknowledged leave too little room to wake a write for.
    [[nodiscard]] static bool leaves_no_offer(const Tcb& tcb, std::uint32_t bytes) noexcept {
        return bytes > tcb.send_limit / 3 * 2;
    }
    void offer_room(Tcb& tcb) noexcept;
    void on_left(Tcb& tcb, std::uint16_t bytes, time::Instant now) noexcept;
    void begin_to_wait(Tcb& tcb, time::Instant now) noexcept;
    void note_reply(Tcb& tcb, time::Instant now) noexcept;
    [[nodiscard]] bool may_be_segment(Tcb& tcb, std::size_t bytes) const noexcept;
    [[nodiscard]] bool take_given(Tcb& tcb, Frame& frame, IoBuf& data, time::Instant now) noexcept;
    void send_in_place(Tcb& tcb, const SendSegment& segment, time::Instant now) noexcept;
    [[nodiscard]] std::size_t append(Tcb& tcb, std::span<const std::byte> from, bool has_share) noexcept;
    [[nodiscard]] Frame* frame_to_keep(Tcb& tcb, bool has_share) noexcept;
    void try_again_soon(Tcb& tcb, time::Instant now) noexcept;
    void join_pieces(Tcb& tcb, std::uint32_t ahead) noexcept;
    [[nodiscard]] bool is_kept_back(Tcb& tcb) const noexcept;
    [[nodiscard]] static bool passes_full(Tcb& tcb) noexcept;
    [[nodiscard]] static bool is_kept_by_cork(const Tcb& tcb, const SendSegment& segment) noexcept;
    [[nodiscard]] bool may_go(Tcb& tcb, SendSegment& segment) noexcept;
    [[nodiscard]] bool push_past_cork(Tcb& tcb, time::Instant now) noexcept;
    // A window for which something waits, with nothing under way: loss.cpp.
    void ask_for_window(Tcb& tcb, time::Instant now) noexcept;
    [[nodiscard]] bool send_what_fits(Tcb& tcb, time::Instant now) noexcept;
    [[nodiscard]] bool send_data_probe(Tcb& tcb, time::Instant now) noexcept;
    void restart_probe_timer(Tcb& tcb, time::Instant now) noexcept;
    void set_timer(Tcb& tcb, std::chrono::nanoseconds wait, time::Instant now) noexcept;
    [[nodiscard]] bool send_next(Tcb& tcb, time::Instant now) noexcept;
    [[nodiscard]] std::uint32_t largest_burst(const Tcb& tcb) const noexcept;
    [[nodiscard]] std::uint32_t burst_of(const Tcb& tcb) const noexcept;
    [[nodiscard]] bool ends_burst(Tcb& tcb, std::uint32_t place) noexcept;
    [[nodiscard]] bool waits_for_burst(Tcb& tcb, std::uint32_t place, time::Instant now) const noexcept;
    static void mark_again(Tcb& tcb, SendSegment& segment, time::Instant now) noexcept;
    void update_window(Tcb& tcb, const Acknowledgement& ack) noexcept;
    void advance(Tcb& tcb, const Acknowledgement& ack, Delivered* delivered = nullptr) noexcept;
    void on_duplicate(Tcb& tcb, time::Instant now) noexcept;
    void recover(Tcb& tcb, const Acknowledgement& ack, std::uint32_t acked) noexcept;
    void send_front_again(Tcb& tcb, time::Instant now) noexcept;
    [[nodiscard]] bool send_again(Tcb& tcb, SendSegment& segment, time::Instant now) noexcept;
    void send_all_again(Tcb& tcb, bool is_forward, bool spares_fresh, time::Instant now) noexcept;
    [[nodiscard]] bool make_board(Tcb& tcb, time::Instant now) noexcept;
    [[nodiscard]] bool on_selective_ack(Tcb& tcb, const Acknowledgement& ack) noexcept;
    void enter_recovery(Tcb& tcb) noexcept;
    void send_first_lost(Tcb& tcb, time::Instant now) noexcept;
    void note_sent_again(Tcb& tcb, time::Instant now) noexcept;
    void note_sent_in_recovery(Tcb& tcb, std::uint32_t bytes) noexcept;
    void set_rate(Tcb& tcb, std::uint32_t delivered, bool goes_well) noexcept;
    // A probe of the tail: tail_probe.cpp.
    [[nodiscard]] static bool may_probe_tail(const Tcb& tcb) noexcept;
    [[nodiscard]] std::int64_t tail_wait_ns(const Tcb& tcb) const noexcept;
    void watch_tail(Tcb& tcb, time::Instant now) noexcept;
    void stop_watching_tail(Tcb& tcb) noexcept;
    [[nodiscard]] std::int64_t time_out_at(Tcb& tcb) const noexcept;
    [[nodiscard]] static bool fits_their_window(const Tcb& tcb, const SendSegment& segment) noexcept {
        return segment.seq - tcb.snd_una + segment.length <= tcb.snd_wnd;
    }
    [[nodiscard]] bool on_tail_time(Tcb& tcb, time::Instant now) noexcept;
    [[nodiscard]] bool send_tail_probe(Tcb& tcb, time::Instant now) noexcept;
    void judge_tail_probe(Tcb& tcb, std::uint32_t ack, bool have_both_arrived, std::uint32_t flight_before) noexcept;
    // Losses that were none: undo.cpp.
    void begin_undo(Tcb& tcb) noexcept;
    [[nodiscard]] static bool is_spurious(const Tcb& tcb, const Acknowledgement& ack) noexcept;
    static void undo(Tcb& tcb) noexcept;
    static void match_copy(Tcb& tcb, const wire::SackBlock& copy) noexcept;
    [[nodiscard]] bool begin_forward(Tcb& tcb, bool is_new) noexcept;
    void on_ack_behind_time_out(Tcb& tcb, const Acknowledgement& ack) noexcept;
    [[nodiscard]] bool on_duplicate_behind_time_out(Tcb& tcb, time::Instant now) noexcept;
    [[nodiscard]] bool goes_forward(Tcb& tcb, const Delivered& delivered, bool is_forward, std::uint32_t told,
                                    const Acknowledgement& ack) noexcept;
    [[nodiscard]] std::uint32_t send_two_new(Tcb& tcb, time::Instant now) noexcept;
    // The window comes down for a mark: ecn.cpp.
    void begin_reducing(Tcb& tcb) noexcept;
    static void end_reducing(Tcb& tcb) noexcept;
    void reduce(Tcb& tcb, std::uint32_t delivered) noexcept;
    [[nodiscard]] static bool leaves_reducing(Tcb& tcb) noexcept;
    // Losses by time: loss_by_time.cpp.
    [[nodiscard]] static std::chrono::nanoseconds find_late(Tcb& tcb, time::Instant now) noexcept;
    void wait_for_late(Tcb& tcb, std::chrono::nanoseconds wait, time::Instant now) noexcept;
    static void stop_waiting_for_late(Tcb& tcb) noexcept;
    [[nodiscard]] static bool waits_for_late(const Tcb& tcb) noexcept;
    void on_late(Tcb& tcb, time::Instant now) noexcept;
    void send_what_is_lost(Tcb& tcb, time::Instant now) noexcept;
    void send_what_may_be_lost(Tcb& tcb, time::Instant now) noexcept;
    [[nodiscard]] static bool has_way_for(const Tcb& tcb, std::uint32_t ahead, std::uint32_t bytes) noexcept;
    static std::chrono::nanoseconds measure(Tcb& tcb, const Acknowledgement& ack) noexcept;
    void grow_window(Tcb& tcb, std::uint32_t acked, std::uint32_t in_flight_before, std::chrono::nanoseconds round_trip,
                     time::Instant now) noexcept;
    static bool measure_by_timestamp(Tcb& tcb, std::uint32_t echo, time::Instant now) noexcept;
    void restart_after_idle(Tcb& tcb, time::Instant now) noexcept;
    static void count_answers(Tcb& tcb) noexcept;
    [[nodiscard]] bool is_given_up(const Tcb& tcb, time::Instant now) const noexcept;

    Shared& shared_;
    Output& output_;
};

}  // namespace skerry::stack::tcp
