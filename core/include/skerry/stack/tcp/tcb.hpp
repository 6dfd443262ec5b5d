#pragma once

// Hot path. A connection: the transmission control block. Its lines are in the order of their use: two for every
// segment that comes, three for an answer, and the rest for what is lost, late or over. The flow table's number is the
// connection's place in its slab.
//
// An idle connection has no buffer: the queues are empty, and rings longer than a dialogue needs are given back.

#include "congestion.hpp"
#include "loss_record.hpp"
#include "opening.hpp"
#include "reassembly.hpp"
#include "rto.hpp"
#include "send_queue.hpp"
#include "tuple.hpp"

#include "../frame_queue.hpp"
#include "../ip_marks.hpp"
#include "../timers.hpp"
#include "../../base/cache_line.hpp"
#include "../../base/error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace skerry::stack::tcp {

class Acceptor;
class Endpoint;
class Tcp;

/// RFC 9293 section 3.3.2, without LISTEN (an Acceptor), SYN-RECEIVED of a passive open (a HalfOpen) and TIME-WAIT (an
/// entry of its own).
enum class State : std::uint8_t {
    closed,
    syn_sent,
    syn_received,  ///< both ends connected at once
    established,
    fin_wait_1,
    fin_wait_2,
    close_wait,
    closing,
    last_ack,
};

inline constexpr std::uint32_t quick_acks_max = 31;  // as many as five bits count

inline constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

/// What the usual segment and the usual write ask of a connection, side by side: each asks in one comparison of four
/// bytes.
struct Standing {
    bool has_fin = false;  ///< the peer's FIN was seen, at fin_seq; it may still lie ahead
    bool has_gap : 1 = false;  ///< something waits in `reassembly`
    bool is_reducing : 1 = false;  ///< ECN: the window comes down, until more than `recover` is acknowledged
    std::uint8_t ect_looks : 4 = 0;  ///< ECN: so many segments more are looked at for the peer's first mark
    bool has_soft_error : 1 = false;  ///< ICMP has said `os_error` of what is under way; what comes is looked at
    std::uint8_t unused_in_gap : 1 = 0;
    State state = State::closed;
    std::uint8_t duplicate_acks = 0;
    bool wants_room = false;  ///< a write waits
    bool no_delay : 1 = true;
    bool is_marked : 1 = false;  ///< its `marks` are not the usual ones, or it has ECN
    bool is_corked : 1 = false;  ///< the last of what was written waits until it fills a segment
    bool passes_cork : 1 = false;  ///< what is unsent goes all the same, until a new segment is begun behind it
    bool has_ecn : 1 = false;  ///< both ends agreed on RFC 3168, or our SYN asks for it
    bool echoes_mark : 1 = false;  ///< what is sent has ECE: a marked segment came, and no CWR since
    bool owes_cwr : 1 = false;  ///< the window came down, and the next new segment says so
    bool has_seen_ect : 1 = false;  ///< the peer's data can be marked
    // Eight bits beside each other: the comparison is of the byte.

    /// Established, and no segment before this one was unusual.
    [[nodiscard]] bool receives_as_usual() const noexcept {
        return has_bytes(offsetof(Standing, has_fin), {0, 0, established, 0});
    }
    /// Established, nothing is lost, nobody else wants to write, a short segment waits for nothing, and all go
    /// unmarked.
    [[nodiscard]] bool sends_as_usual() const noexcept {
        return has_bytes(offsetof(Standing, state), {established, 0, 0, 1});
    }

private:
    static constexpr auto established = static_cast<std::uint8_t>(State::established);

    [[nodiscard]] bool has_bytes(std::size_t at, std::array<std::uint8_t, 4> expected) const noexcept {
        return std::memcmp(reinterpret_cast<const std::byte*>(this) + at, expected.data(), expected.size()) == 0;
    }
};
static_assert(sizeof(Standing) == 6 && std::is_standard_layout_v<Standing>);

/// First what every segment that comes needs: two lines.
struct TcbReceiving : Standing {
    std::uint16_t mss = 536;  ///< payload of a full segment to the peer
    Tuple tuple;
    std::uint32_t index = 0;  ///< in the slab
    bool has_timestamps : 1 = false;
    bool probes_tail : 1 = false;  ///< TcpLimits::tail_probe, and the peer says what arrives
    bool lacks_frames : 1 = false;  ///< what came was dropped for that: no window is told of before there are some
    std::uint8_t send_scale = 0;
    std::uint8_t receive_scale = 0;
    std::uint8_t keep_alive_sent = 0;
    std::uint32_t rcv_nxt = 0;
    std::uint32_t rcv_right = 0;  ///< the end of the window that we gave; it never moves back
    std::uint32_t snd_una = 0;
    std::uint32_t snd_nxt = 0;  ///< behind all that was ever sent
    std::uint32_t snd_wnd = 0;
    std::uint32_t snd_wl1 = 0;
    std::uint32_t snd_wl2 = 0;
    std::uint32_t ts_recent = 0;
    std::uint32_t ts_offset = 0;

    std::uint32_t last_ack_sent = 0;  ///< RFC 7323's Last.ACK.sent
    std::uint32_t ts_recent_s = 0;  ///< when ts_recent was set, in seconds
    Endpoint* endpoint = nullptr;  ///< null: nobody has it (in an Acceptor's queue, or closed and still sending)
    FrameQueue received;  ///< in order, unread; each frame begins and ends with its payload
    std::uint32_t received_bytes = 0;
    std::uint32_t receive_limit = 0;
    std::uint32_t snd_wnd_max = 0;
    std::uint8_t confirmed_in = 0;  ///< the turn of about 4 s in which the neighbour was last confirmed
    bool owes_for_one = false;  ///< a segment with data came, and we have acknowledged none since
    std::int64_t heard_at = 0;
};
static_assert(sizeof(TcbReceiving) == 2 * cache_line_bytes);

/// In the list of those that owe an acknowledgement.
struct AckLink : ListLink {};
/// In the list of whoever holds it: an Acceptor's queue, or all those that have left one.
struct HolderLink : ListLink {};

/// Then what an answer and its acknowledgement need besides: three lines, of which the first begins with the timer and
/// the AckLink, and the last ends with the queue's first descriptor.
struct TcbSending {
    // Deadlines on the line of time::Instant. The one timer stands at the earliest of four, or earlier: moving it with
    // every segment would be the costliest thing that is done to an idle one.
    std::int64_t ack_at = never;  ///< below all times: at once
    std::int64_t retransmit_at = never;  ///< of the oldest segment, or the next window probe, or the next SYN

    std::int64_t waiting_since = 0;  ///< for an acknowledgement, or for a window
    std::uint32_t send_limit = 0;  ///< bytes in the queue
    std::uint32_t user_timeout_ms = 0;
    bool in_recovery : 1 = false;
    bool is_probing : 1 =
        false;  ///< nothing is under way: retransmit_at is a closed window's next probe, or a cork's end
    bool keep_alive : 1 = false;
    bool is_fin_queued : 1 = false;  ///< this end's direction is over, in SYN-RECEIVED as soon as that is
    bool in_table : 1 = false;
    bool resets_on_close : 1 = false;
    bool has_timed_out : 1 = false;  ///< and nothing was acknowledged since
    bool has_scale : 1 = false;  ///< the SYN of a peer who connected at once too scales windows, perhaps by 0 bits
    std::uint8_t keep_alive_count = 9;
    std::uint8_t syn_retries : 7 = 0;
    bool quick_ack : 1 = false;
    bool has_sack : 1 = false;  ///< both ends permit it
    bool repairs_time_out : 1 = false;  ///< until `recover` is acknowledged: what is lost now was lost then
    bool has_quick_acked : 1 = false;  ///< data came, at quick_heard_ms the last time
    std::uint8_t quick_acks_left : 5 = 0;  ///< until then quick_ack is on of its own; 0: it is as it was set
    Errc error : 8 = Errc::ok;  ///< not told yet
    std::uint16_t os_error : 8 = 0;  ///< beside it: which one it was, as Error has it; or has_soft_error
    IpMarks marks;  ///< of what it sends
    Rto rto;
    Congestion congestion;

    SendQueue queue;
};
static_assert(sizeof(Timer) + sizeof(AckLink) + 2 * sizeof(std::int64_t) == cache_line_bytes);
static_assert(sizeof(TcbSending) == 2 * sizeof(std::int64_t) + cache_line_bytes + sizeof(SendQueue));

struct alignas(cache_line_bytes) Tcb : TcbReceiving, Timer, AckLink, TcbSending, HolderLink {
    Tcp* tcp = nullptr;
    Acceptor* acceptor = nullptr;  ///< while it waits to be accepted

    std::int64_t keep_alive_at = never;
    std::int64_t give_up_at = never;  ///< nobody has it, and the peer does not end its direction
    Reassembly reassembly;
    LossMemory board;  ///< while something is marked; `duplicate_acks` is not 0 then
    std::uint32_t challenged_ms = 0;  ///< as mark_ms()
    std::uint32_t fin_seq = 0;
    std::uint32_t recover = 0;  ///< recovery ends when this is acknowledged
    std::uint32_t iss = 0;
    std::uint32_t retransmitted = 0;  ///< segments
    std::uint16_t keep_alive_idle_s = 7200;
    std::uint16_t keep_alive_interval_s = 75;
    std::uint16_t own_mss = 0;  ///< what our SYN offers
    std::uint8_t own_scale = 0;  ///< the same
    bool uses_rack : 1 = false;  ///< LossDetection::rack
    bool has_rate : 1 = false;  ///< TcpLimits::proportional_rate
    bool is_orphan : 1 = false;  ///< closed by whoever had it, and not over
    bool grows_send : 1 = false;  ///< no program has set `send_limit`: buffer_growth.hpp
    bool grows_receive : 1 = false;  ///< nor `receive_limit`
    bool is_send_growth_refused : 1 = false;  ///< and `send_limit` is not what it should be: others have grown
    bool is_read_shut : 1 = false;  ///< nobody will read what comes when this end's direction is over, too
    std::uint32_t quick_heard_ms = 0;  ///< of the clock, modulo 2^32; while quick_acks_left is not 0

    /// As its socket was asked for, else as `limits` say.
    void repair_by(const Opening& opening, const TcpLimits& limits) noexcept {
        uses_rack = opening.loss_detection.value_or(limits.loss_detection) == LossDetection::rack;
        probes_tail = opening.tail_probe.value_or(limits.tail_probe);
        has_rate = opening.proportional_rate.value_or(limits.proportional_rate);
    }
    void mark(IpMarks wanted) noexcept {
        marks = wanted;
        is_marked = has_ecn || wanted != IpMarks{};
    }
    void agree_on_ecn(bool is_agreed) noexcept {
        constexpr std::uint8_t looks = 15;
        has_ecn = is_agreed;
        ect_looks = is_agreed ? looks : 0;
        mark(marks);
    }

    /// What a segment, its answer and the acknowledgement of that touch.
    static constexpr std::size_t bytes_of_usual_segment = 5 * cache_line_bytes;
};
static_assert(sizeof(Tcb) == 7 * cache_line_bytes);

/// Whether this end may still have something to say.
[[nodiscard]] constexpr bool may_send(State state) noexcept {
    return state == State::established || state == State::close_wait;
}
/// Whether the peer may still have something to say.
[[nodiscard]] constexpr bool may_receive(State state) noexcept {
    return state == State::established || state == State::fin_wait_1 || state == State::fin_wait_2;
}

}  // namespace skerry::stack::tcp
