#pragma once

// How much TCP keeps and how long it waits. Every limit has a counter, which is a reason in drop.hpp.

#include "../wire/tcp_options.hpp"
#include "../../backend/congestion_control.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// How a sender tells what is lost from what is late, when the peer says what arrived (SACK).
enum class LossDetection : std::uint8_t {
    rfc6675,  ///< by what arrived behind it: three segments
    rack,     ///< by what arrived that was sent after it: RFC 8985 section 6
};

/// Whether a SYN is answered without keeping its handshake: src/stack/tcp/README.md.
enum class SynCookies : std::uint8_t {
    off,        ///< never: past half_open_max the oldest handshake is forgotten
    when_full,  ///< past half_open_max
    always,     ///< as if it were 0, but for SYNs that begin anew what is in TIME-WAIT
};

/// Whether ends agree that routers mark packets instead of dropping them (ECN). The numbers are those of Linux's
/// net.ipv4.tcp_ecn.
///
/// Source: RFC 3168 section 6.1.1.
enum class Ecn : std::uint8_t {
    off,         ///< neither asked for nor agreed to
    asks,        ///< each SYN asks for it, and peers that ask get it
    when_asked,  ///< peers that ask get it
};

struct TcpLimits {
    static constexpr std::uint32_t receive_buffer_usual = 64 * 1024;
    static constexpr std::uint32_t send_buffer_usual = 256 * 1024;

    std::uint32_t receive_buffer_bytes = receive_buffer_usual;  ///< what one connection keeps unread, and so its window
    std::uint32_t send_buffer_bytes = send_buffer_usual;  ///< what one connection keeps until it is acknowledged
    // What these two grow to while they are what limits a connection, where no program has set them; a limit that is
    // not more than they are lets them be. And by how much those of all connections together, because a window is a
    // promise of frames: the stack cuts that to 1 KiB for each frame that the two limits below allow.
    std::uint32_t receive_buffer_max = 4U << 20U;
    std::uint32_t send_buffer_max = 4U << 20U;
    std::uint32_t receive_growth_max = 64U << 20U;
    std::uint32_t send_growth_max = 64U << 20U;
    // As many more as full segments fit what a buffer has beyond the usual one.
    std::uint32_t send_segments_max = 512;  ///< in how many pieces it is kept until it is acknowledged
    std::uint32_t reassembly_segments_max = 256;  ///< out of order, for one connection
    // All queues together must leave the port frames to receive acknowledgements with, or none would ever be free
    // again: the stack cuts these two to 1/2 and 3/8 of the port's pool.
    std::uint32_t send_frames_max = 2048;  ///< kept until they are acknowledged, by all connections
    std::uint32_t receive_frames_max = 1536;  ///< kept until they are read, by all connections
    std::uint32_t half_open_max = 1024;  ///< for one listener
    SynCookies syn_cookies = SynCookies::when_full;  ///< what is done past it; RFC 4987 section 3.6
    std::uint32_t time_wait_max = 131'072;  ///< the oldest goes for a new one
    std::uint32_t orphans_max = 131'072;  ///< closed, and not over: one more is reset when it is closed
    std::uint32_t resets_per_second = 1000;  ///< for segments of no connection, about
    std::uint32_t challenges_per_second = 1000;  ///< RFC 5961, about

    // RFC 6298 section 2.4 asks for at least 1 s. Like Linux we count the four deviations as at least 200 ms: however
    // steady the round trip is, a peer may put its acknowledgement off.
    std::chrono::nanoseconds rto_min = std::chrono::milliseconds{200};
    std::chrono::nanoseconds rto_initial = std::chrono::seconds{1};
    std::chrono::nanoseconds rto_after_lost_syn = std::chrono::seconds{3};  ///< RFC 6298 section 5.7
    std::chrono::nanoseconds rto_max = std::chrono::seconds{120};
    // A closed window is asked for after a time-out, which doubles, but no sooner and no later than these.
    std::chrono::nanoseconds window_probe_min{0};
    std::chrono::nanoseconds window_probe_max = std::chrono::seconds{120};
    std::chrono::nanoseconds delayed_ack = std::chrono::milliseconds{40};
    std::chrono::nanoseconds time_wait = std::chrono::seconds{60};
    /// A connect may follow one in TIME-WAIT so long after its last end, where both have timestamps. The slowest
    /// clock of timestamps counts seconds (RFC 7323 section 5.4); Linux's net.ipv4.tcp_tw_reuse_delay.
    std::chrono::nanoseconds time_wait_reuse = std::chrono::seconds{1};
    std::chrono::nanoseconds fin_wait_2 = std::chrono::seconds{60};  ///< for a peer that never ends its direction
    std::chrono::nanoseconds user_timeout = std::chrono::minutes{15};  ///< about Linux's 15 retries
    std::chrono::nanoseconds challenge_interval = std::chrono::milliseconds{500};  ///< for one connection

    // --- how a connection begins and ends: src/stack/tcp/README.md has a table

    /// The SYNs are given up then, if not before; 0: after the last of them.
    std::chrono::nanoseconds syn_timeout{0};
    std::uint8_t syn_retries = 6;  ///< 1 + 2 + ... + 64 s: given up after 127 s; syn_schedule.hpp has the waits
    std::uint8_t syn_steady_retries = 0;  ///< so many come at even distances, before the wait begins to double
    std::uint8_t syn_doublings_max = 255;  ///< it doubles so often at most, and never past rto_max
    std::uint8_t syns_with_options = 255;  ///< later ones have the MSS alone, for peers whom options confuse
    std::uint8_t syn_ack_retries = 5;  ///< given up after 63 s; the wait doubles with each
    /// So many SYNs, or SYN-ACKs, may be lost before the first window is one segment. RFC 6928 section 2, and Linux.
    std::uint8_t lost_syns_forgiven = 1;
    // Offered to peers, and to those who offer it.
    bool sack = true;  ///< RFC 2018
    bool timestamps = true;  ///< RFC 7323 section 3; without them no PAWS, and no round trips of what was sent again
    bool window_scaling = true;  ///< RFC 7323 section 2; without it no window is larger than 64 KiB
    Ecn ecn = Ecn::when_asked;  ///< RFC 3168
    std::uint8_t window_scale = 7;  ///< for receive buffers up to 8 MiB
    /// A timestamp that is older by no more than so many of the peer's ticks is not too old (PAWS). RFC 7323 section
    /// 5.3 has none; Linux has 1.
    std::uint8_t paws_slack = 0;
    /// A segment without timestamps counts on a connection that has them, as Linux's does, though nothing shows that it
    /// is not old; else it is dropped. RFC 7323 section 3.2.
    bool takes_missing_timestamps = false;
    wire::SynLayout syn_layout = wire::SynLayout::linux_like;
    /// Both buffers are rounded up to whole segments when the connection stands.
    bool buffers_in_segments = false;
    /// Each segment tells of all the room that there is, as long as that is a segment, as FreeBSD's do; else room is
    /// told of in steps of a segment, as Linux's do. RFC 9293 section 3.8.6.2.2 allows both. Which room is told of by a
    /// segment of its own is each kernel's, too: src/stack/tcp/README.md.
    bool tells_all_room = false;
    // What may be under way at the beginning, and after a silence: so many segments, but no more than so many bytes or
    // two segments. RFC 6928 section 2.
    std::uint8_t initial_window_segments = 10;
    std::uint32_t initial_window_bytes = 14'600;
    /// How much may be under way from then on, unless a socket says otherwise: reno, cubic or fixed.
    backend::CongestionControl congestion_control = backend::CongestionControl::cubic;
    std::uint32_t fixed_window_bytes = 1U << 20U;  ///< with `fixed`
    /// Behind a silence of a time-out the window is smaller, down to the first one. RFC 5681 section 4.1.
    bool slow_start_after_idle = true;
    /// By half for each time-out that the silence lasted, as Linux's (RFC 2861 section 3.1); else it is the first one.
    bool halves_when_idle = true;
    /// `rto_min` is the least of the whole time-out, as FreeBSD's is, and not of its deviations.
    bool rto_min_is_of_all = false;
    /// A closed window is asked for by the next byte, as FreeBSD does (RFC 9293 section 3.8.6.1); else by a segment
    /// with an old number and no data.
    bool probes_with_data = false;
    /// 1 or 2: with so many an acknowledgement is due at the end of the turn. RFC 5681 section 4.2 asks for one for
    /// every second segment at least.
    std::uint8_t segments_per_ack = 2;
    /// So many segments of the beginning, and behind known data, are acknowledged each, at the end of their turn: the
    /// window of a peer in slow start grows sooner. Data sent within `delayed_ack` of data that came ends it: that is a
    /// dialogue, whose replies carry acknowledgements. At most 31; Linux has 16.
    std::uint8_t quick_acks = 0;
    /// So many segments, or more on a way that takes more in a millisecond, leave as one burst, as Linux's do where the
    /// device cuts long segments: the last of several has PSH, and one without room may wait; 1: there are none.
    std::uint8_t burst_segments = 1;
    /// Less than a segment waits only while another such is under way, as Linux's does (Minshall's variant): the end of
    /// a large write does not. Else while anything is. RFC 9293 section 3.7.4.
    bool nagle_by_minshall = false;

    // --- what is done about losses: src/stack/tcp/README.md

    LossDetection loss_detection = LossDetection::rack;
    /// When nothing is acknowledged for two round trips something goes once more, so that the peer's answer tells what
    /// is lost before a time-out does; RFC 8985 section 7. With peers that say what arrived.
    bool tail_probe = true;
    /// Longer than two round trips, for the peer's timers and ours. As Linux.
    std::chrono::nanoseconds tail_probe_slack = std::chrono::milliseconds{2};
    /// In a recovery the window comes down with what arrives, and not at once; RFC 6937.
    bool proportional_rate = true;
    /// A window that was made smaller for a loss that was none is as large again; RFC 3522, RFC 4015, RFC 3708.
    bool undoes_spurious = true;
    /// After a time-out new segments tell whether it was one; RFC 5682.
    bool forward_after_time_out = true;

    /// Who closes with unread data resets, so that its sender knows: RFC 1122 section 4.2.2.13. Else the data is thrown
    /// away, and what was written leaves, and a FIN.
    bool resets_unread = true;
    /// A reset ends a connection also at the number of the FIN that the peer sent, and with SACK behind all that waits
    /// out of order, as on Linux. RFC 5961 section 3.2 has both challenged.
    bool takes_late_resets = false;

    constexpr TcpLimits() noexcept {}

    friend constexpr bool operator==(const TcpLimits&, const TcpLimits&) noexcept = default;
};

}  // namespace skerry::stack
