#pragma once

// Buffers that grow with what a connection's way holds, so that nobody has to know how long it is: what may lie unread
// with what is read in a round trip, and with it the window that the peer is told; what may wait for acknowledgements
// with the congestion window. Those that a program has set stay as they are, and none becomes smaller.
//
// Four times what was read in a round trip, because a peer in slow start sends twice as much in each, and learns of a
// window one round trip after it has grown. Half of a window read sooner than that is enough to know. Twice the
// congestion window: what is under way, and what follows it. A round trip is what the handshake took, or the mean of
// what was measured since. Where a queue on the way makes it longer, the way is full, and a window that is too small
// for a longer queue loses nothing.
//
// A window is a promise of frames, so what all connections have grown by is counted and limited: who finds the limit
// reached keeps what he has. Measuring is done for `measured_max` connections at a time, in a table beside them: a
// place is free again with each round trip, and all of a connection's own lines are full.
//
// Nothing here is asked for a usual segment or write: the two come from a read that has made room for two segments or
// begins another 8 KiB, and from a write that found no room.
//
// Source: the window, W. Feng and others, "Dynamic Right-Sizing", 2001, as Linux's tcp_rcv_space_adjust(); the other,
// Linux's tcp_sndbuf_expand().

#include "limits.hpp"
#include "tcb.hpp"

#include "../../time/instant.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace skerry::stack::tcp {

/// Bytes that all connections' buffers are larger than at their beginning, and how often one that wanted to grow could
/// not; a send buffer that goes on wanting to counts once.
struct GrowthCounts {
    std::uint64_t send_bytes = 0;
    std::uint64_t receive_bytes = 0;
    std::uint64_t refused = 0;
};

class BufferGrowth {
public:
    /// Connections whose reading is measured at once.
    static constexpr std::size_t measured_max = 64;

    explicit BufferGrowth(const TcpLimits& limits) noexcept : limits_(limits) {}

    /// A connection begins, and a program has set the buffers or not. Nothing grows beyond whole segments: with
    /// TcpLimits::buffers_in_segments they are what they are.
    void start(Tcb& tcb, bool is_send_set, bool is_receive_set) const noexcept;
    /// Much of what came was read.
    void on_read(Tcb& tcb, time::Instant now) noexcept;
    /// A write waits for room.
    void on_full(Tcb& tcb) noexcept;
    /// A program sets them: they stay so.
    void set_send(Tcb& tcb, std::uint32_t bytes) noexcept;
    void set_receive(Tcb& tcb, std::uint32_t bytes) noexcept;
    /// The connection is over.
    void forget(const Tcb& tcb) noexcept;

    /// By how many bytes a connection's buffers have grown.
    [[nodiscard]] std::uint32_t send_grown(const Tcb& tcb) const noexcept;
    [[nodiscard]] std::uint32_t receive_grown(const Tcb& tcb) const noexcept;

    /// How many segments more than of a usual buffer may be kept of one as large as a connection's is, whether it has
    /// grown so, or was set or configured.
    [[nodiscard]] std::uint32_t more_to_send(const Tcb& tcb) const noexcept;
    [[nodiscard]] std::uint32_t more_to_receive(const Tcb& tcb, std::uint32_t segment_bytes) const noexcept;

    [[nodiscard]] const GrowthCounts& counts() const noexcept { return counts_; }

private:
    static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

    struct Measure {
        std::uint32_t index = nobody;  ///< the connection
        std::uint32_t seq = 0;  ///< read up to there when it began
        std::int64_t began_ns = 0;
    };

    /// Whether it grew as far as was wanted.
    bool grow(std::uint32_t& limit, std::uint32_t wanted, std::uint64_t& grown, std::uint64_t grown_max) noexcept;
    [[nodiscard]] Measure& measure_of(const Tcb& tcb) noexcept { return measures_[tcb.index % measured_max]; }

    const TcpLimits& limits_;
    GrowthCounts counts_;
    std::array<Measure, measured_max> measures_;
};

}  // namespace skerry::stack::tcp
