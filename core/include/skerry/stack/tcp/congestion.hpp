#pragma once

// Hot path. How much may be under way. The sender finds losses and recovers from them; what it then may send is asked
// here, of the algorithm that the connection has: RFC 5681's (reno), cubic.hpp's, or a window that nothing changes.
//
// Most acknowledgements change nothing, because the window is not what limits the sender: `minds` says so in a
// comparison of two numbers, and nothing is called. Rejected: a table of functions in each connection, a call for each
// acknowledgement.
//
// Source of how Reno tells that its window is used: Linux's tcp_is_cwnd_limited(), for RFC 7661.
//
// In the 24 bytes there is room for reno alone. Cubic's are on the heap, made when a window is used for the first time;
// without memory the connection goes on with reno.

#include "cubic.hpp"
#include "limits.hpp"

#include "../../time/instant.hpp"

#include <chrono>
#include <cstdint>
#include <limits>

namespace skerry::stack::tcp {

using backend::CongestionControl;

inline constexpr std::uint32_t window_max = 1U << 30U;
/// The threshold until something was lost, or HyStart++ has set one.
inline constexpr std::uint32_t no_threshold = std::numeric_limits<std::uint32_t>::max();

/// What an acknowledgement says.
struct AckSample {
    std::uint32_t acked_bytes = 0;
    std::uint32_t in_flight_before = 0;
    std::chrono::nanoseconds round_trip{};  ///< 0: not measured
    bool is_window_limited = false;  ///< all that the window allowed was under way: growing it means something
    bool leaves_nothing = false;  ///< all is acknowledged, and nothing waits to be sent
    std::uint32_t ack = 0;
    std::uint32_t snd_nxt = 0;  ///< when it came
    std::chrono::microseconds smoothed{};  ///< the round trip
    time::Instant now;
};

/// A connection's part.
class Congestion {
public:
    std::uint32_t window = 0;  ///< bytes
    std::uint32_t threshold = 0;  ///< slow start below it
    std::uint32_t mss = 0;

    Congestion() noexcept = default;
    ~Congestion() { forget(); }
    Congestion(const Congestion&) = delete;
    Congestion& operator=(const Congestion&) = delete;

    void init(const TcpLimits& limits, std::uint32_t segment_bytes, std::uint32_t first_window) noexcept;
    /// Goes on with another algorithm, from the window and the threshold that there are. False, and nothing is changed,
    /// for one that this stack does not have.
    bool choose(CongestionControl other, const TcpLimits& limits) noexcept;

    [[nodiscard]] CongestionControl algorithm() const noexcept { return algorithm_; }

    /// Whether on_ack() would change anything when `in_flight` bytes were under way: not if that was less than half of
    /// the window. A segment more counts, because a window need not be one of whole segments.
    [[nodiscard]] bool minds(std::uint32_t in_flight) const noexcept {
        return (in_flight + mss) * 2 > window || minds_all_;
    }
    /// Outside of recovery. False when there was no memory for what is asked of the algorithm.
    bool on_ack(const AckSample& sample) noexcept;
    /// Recovery begins: sets the threshold.
    void on_loss(std::uint32_t in_flight) noexcept;
    /// A router has marked what was under way: sets the threshold, and undo() of what follows does not take that back.
    /// Source: RFC 3168 section 6.1.2.
    void on_mark() noexcept;
    /// Sets both. Only the first of a row sets the threshold: the later ones found nothing of the window under way.
    /// RFC 5681 section 3.1.
    void on_timeout(std::uint32_t in_flight, bool is_first) noexcept;
    /// Nothing was sent for a time-out: what was learned of the way is out of date, but what it could carry is
    /// remembered as a threshold. The window is halved so many times, down to the first one.
    /// Source: RFC 5681 section 4.1; RFC 2861 section 3.1 for halves and threshold.
    void on_idle(std::uint32_t first_window, std::uint32_t halvings = all_halvings) noexcept;
    static constexpr std::uint32_t all_halvings = 31;  ///< the first window, whatever it was
    /// What on_loss() or on_timeout() answered was no loss. The window and the threshold were these before; a window
    /// that is larger again stays, with all that belongs to it. Source: RFC 9438 section 4.9.
    void undo(std::uint32_t window_before, std::uint32_t threshold_before) noexcept;

private:
    // Reno's. The use is what Cubic::Use is: of the window, in what is under way until `use_end` is acknowledged.
    struct Counted {
        std::uint32_t acked;  // bytes since the window grew
        std::uint32_t use_end;
    };
    union Own {
        Counted counted{};
        Cubic* cubic;  // null until it is needed
    };

    [[nodiscard]] Cubic* make_cubic(std::uint32_t snd_nxt) noexcept;
    void begin_reno() noexcept;
    void note_use(const AckSample& sample) noexcept;
    void forget_use() noexcept;
    void grow_by_reno(const AckSample& sample) noexcept;
    void count(std::uint32_t acked) noexcept;
    void forget() noexcept;

    CongestionControl algorithm_ = CongestionControl::reno;
    bool minds_all_ : 1 = false;
    bool is_limited_ : 1 = false;  // reno: all of the window is used
    std::uint16_t used_most_ = 0;  // reno: segments, those that are cut counted whole; 0: nothing is known
    Own own_;
};
static_assert(sizeof(Congestion) == 24);

/// The window that a connection starts with, in bytes: RFC 6928 section 2.
[[nodiscard]] std::uint32_t initial_window(const TcpLimits& limits, std::uint32_t segment_bytes) noexcept;

/// Whether this stack has it.
[[nodiscard]] constexpr bool is_known(CongestionControl algorithm) noexcept {
    return algorithm <= CongestionControl::fixed;
}

}  // namespace skerry::stack::tcp
