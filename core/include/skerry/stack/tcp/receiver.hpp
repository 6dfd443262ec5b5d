#pragma once

// Hot path. The receiving half of a connection: what came in order is queued as it is, frame by frame, what came too
// early waits for what is missing, and what is read opens the window.

#include "output.hpp"

#include "../../base/io_buf.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::tcp {

class Receiver {
public:
    Receiver(Shared& shared, Output& output) noexcept : shared_(shared), output_(output) {}

    /// The peer's numbers begin behind `irs`. What was agreed on is known, and `receive_limit` is what was asked for.
    void start(Tcb& tcb, std::uint32_t irs) noexcept;

    /// Payload and FIN of a segment in the window. The FIN counts when is_finished() says so.
    [[nodiscard]] Drop accept(Tcb& tcb, Segment& segment) noexcept;
    [[nodiscard]] bool may_keep() noexcept { return shared_.may_keep_received(); }
    /// Payload only, and exactly what is expected next; may_keep() was asked. False when it was copied and the frame
    /// stays the caller's.
    [[nodiscard]] bool take_next(Tcb& tcb, Frame& payload, time::Instant now) noexcept;

    /// Whether all that the peer sends has come; take_fin() then counts its FIN, once.
    [[nodiscard]] static bool is_finished(const Tcb& tcb) noexcept { return tcb.has_fin && tcb.rcv_nxt == tcb.fin_seq; }
    void take_fin(Tcb& tcb) noexcept;

    /// Copies what there is; 0 when there is nothing.
    std::size_t read(Tcb& tcb, std::span<std::byte> into, time::Instant now) noexcept;
    [[nodiscard]] static std::size_t peek(Tcb& tcb, std::span<std::byte> into) noexcept;
    /// Throws away what nobody will read. Nothing is said of the room that it leaves.
    void discard(Tcb& tcb) noexcept;
    /// The oldest frame; an empty buffer when there is none.
    [[nodiscard]] IoBuf read_buf(Tcb& tcb, time::Instant now) noexcept;

private:
    [[nodiscard]] static bool can_join(const Tcb& tcb, const Frame& payload) noexcept;
    [[nodiscard]] Drop accept_next(Tcb& tcb, Segment& segment) noexcept;
    static void queue(Tcb& tcb, Frame& payload) noexcept;
    [[nodiscard]] Drop wait_for_gap(Tcb& tcb, std::uint32_t seq, Segment& segment) noexcept;
    static void forget_dropped(Tcb& tcb) noexcept;
    void take_what_follows(Tcb& tcb) noexcept;
    void acknowledge(Tcb& tcb, const wire::SackBlock& known, time::Instant now) noexcept;
    void acknowledge_known(Tcb& tcb, std::uint32_t seq, const Segment& segment) noexcept;
    void begin_quick_acks(Tcb& tcb) noexcept;
    void use_quick_ack(Tcb& tcb, time::Instant now) noexcept;
    void owe_for_data(Tcb& tcb, time::Instant now) noexcept;
    void on_read(Tcb& tcb, std::size_t bytes, time::Instant now) noexcept;
    // What marks ask for: ecn.cpp.
    void note_mark(Tcb& tcb, std::uint8_t ecn) noexcept;
    static void stop_echoing(Tcb& tcb) noexcept;

    Shared& shared_;
    Output& output_;
};

}  // namespace skerry::stack::tcp
