#pragma once

// Connections that are over, kept for 60 s so that a segment that was under way meets them and not their successor, and
// so that the peer's FIN is acknowledged again when our acknowledgement was lost. 64 bytes each; all wait equally long,
// so a list in order of the deadline and one timer are enough.
//
// Source: RFC 9293 section 3.10.7.4; RFC 6191 for the reuse by a new SYN; RFC 1337: a reset ends nothing here.

#include "output.hpp"
#include "segment.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace skerry::stack::tcp {

class TimeWaits {
public:
    TimeWaits(Shared& shared, Output& output) noexcept;
    ~TimeWaits();
    TimeWaits(const TimeWaits&) = delete;
    TimeWaits& operator=(const TimeWaits&) = delete;

    /// The connection is over; its place in the table of connections passes to an entry here.
    void enter(Tcb& tcb, time::Instant now) noexcept;

    /// What a segment does here. When it begins a new connection, which somebody takes (`may_begin`), `isn` is where
    /// that one's numbers begin. Until that has its place the entry stays, since nobody else knows that number.
    struct Outcome {
        Drop drop = Drop::none;
        std::optional<std::uint32_t> isn;
    };
    /// Whether a connection that we begin may take the entry's place: when the last end of the old one came
    /// `time_wait_reuse` ago, and the timestamps of both tell them apart. As Linux's net.ipv4.tcp_tw_reuse; RFC 6191
    /// section 2 is what the peer does about it, should it not be done with the old one.
    [[nodiscard]] bool may_be_followed(const TimeWait& entry, time::Instant now) const noexcept;
    /// Where the numbers of the next one begin: beyond everything that the old one may have had under way.
    [[nodiscard]] static std::uint32_t next_isn(const TimeWait& entry) noexcept { return entry.snd_nxt + 0x1'0002; }
    [[nodiscard]] Outcome input(TimeWait& entry, const Segment& segment, bool may_begin) noexcept;
    /// Something else has the entry's place in the table of connections.
    void replaced(TimeWait& entry) noexcept;
    /// The entry goes, and its place becomes free.
    void remove(TimeWait& entry) noexcept;
    /// So do all at an address.
    void lose(wire::Ipv4Addr local) noexcept;

private:
    [[nodiscard]] static bool is_newer(const TimeWait& entry, const Segment& segment) noexcept;
    void keep(TimeWait& entry, time::Instant now) noexcept;
    void expire(time::Instant now) noexcept;

    struct Expiry : Timer {
        TimeWaits* owner = nullptr;
    };

    Shared& shared_;
    Output& output_;
    IntrusiveList<TimeWait> by_deadline_;
    Expiry timer_;
};

}  // namespace skerry::stack::tcp
