#pragma once

// TCP of one stack: which connection a segment is for, the states, and what the sockets ask for.
//
//   input ── flow table ─┬─ Tcb ───────── this file: RFC 9293 section 3.10.7.4 ── Receiver, Sender ── Output
//                        ├─ HalfOpen ──── PassiveOpen, which makes Tcbs
//                        ├─ TimeWait ──── TimeWaits
//                        └─ nothing ───── PassiveOpen: a listener, or a reset
//
// An acknowledgement that is not urgent waits for flush(), after the tasks: a reply carries it then.
//
// Source: RFC 9293, with the checks of RFC 5961 and the timestamps of RFC 7323. src/stack/README.md has every rule.

#include "active_open.hpp"
#include "output.hpp"
#include "passive_open.hpp"
#include "receiver.hpp"
#include "sender.hpp"
#include "shared.hpp"
#include "time_wait.hpp"

#include "../glance.hpp"
#include "../icmp.hpp"
#include "../packet.hpp"
#include "../../base/io_buf.hpp"
#include "../../backend/tcp_info.hpp"
#include "../../base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace skerry::stack::tcp {

/// How many there are.
struct Sizes {
    std::size_t connections = 0;
    std::size_t half_open = 0;
    std::size_t time_wait = 0;
    std::size_t orphans = 0;  ///< connections that were closed and are not over
};

/// Threads: one core.
class Tcp {
public:
    Tcp(const StackConfig& config, Link& link, IpOutput& output, Timers& timers, DropCounters& drops);
    ~Tcp();
    Tcp(const Tcp&) = delete;
    Tcp& operator=(const Tcp&) = delete;

    // --- from below

    /// Takes the packet over.
    void input(Packet& packet) noexcept;
    /// Fetches the slots of a burst of more than a few, and all that its first segments need. False when all is here.
    [[nodiscard]] bool fetch_slots(std::span<Glance> burst) noexcept;
    /// Then, before each one is taken in: fetches what those behind it will touch.
    void fetch_around(std::span<Glance> burst, std::size_t at) noexcept;
    /// Takes the frame over if it is the usual segment of a connection; false, and nothing is changed, if it is not.
    /// `glance` has seen a segment.
    [[nodiscard]] bool input_usual(const Glance& glance, time::Instant now) noexcept;
    /// False when it is about nothing that it could end.
    [[nodiscard]] bool input_error(const IcmpError& error, time::Instant now) noexcept;
    /// After a burst and after timers: tells the endpoints to which something happened.
    void deliver() noexcept { shared_.ready.deliver(); }
    /// After the tasks: sends the acknowledgements that nothing carried.
    void flush(time::Instant now) noexcept {
        if (!shared_.owed.empty()) send_owed(now);
    }

    // --- listening

    /// Gives the acceptor its port; 0 takes a free one. `shared`: other cores may listen there too, if they share it.
    ///
    /// Errors: address_in_use; address_not_available, for an address that is not ours.
    [[nodiscard]] Result<> listen(Acceptor& acceptor, wire::Ipv4Addr local, std::uint16_t port, std::size_t backlog,
                                  bool shared = false) noexcept {
        return passive_.listen(acceptor, local, port, backlog, shared);
    }
    /// From now on other cores may listen there too, if they share it.
    void share(const Acceptor& acceptor) noexcept { passive_.share(acceptor); }
    /// Resets the connections that nobody accepted.
    void close(Acceptor& acceptor, time::Instant now) noexcept;
    /// Hands the oldest connection over to `endpoint`. False when there is none.
    [[nodiscard]] bool accept(Acceptor& acceptor, Endpoint& endpoint) noexcept;

    // --- a connection

    /// Begins a connection. It is made when its state is established, and failed when that is closed.
    ///
    /// Errors: those of ActiveOpen::connect.
    [[nodiscard]] Result<> connect(Endpoint& endpoint, wire::Ipv4Addr to, std::uint16_t port, time::Instant now,
                                   LocalEnd from = {}) noexcept;

    /// The error that ended the connection, once.
    [[nodiscard]] static Error take_error(Tcb& tcb) noexcept;
    /// Whether the peer sends no more: what is not read is all.
    [[nodiscard]] static bool is_at_end(const Tcb& tcb) noexcept {
        return tcb.state == State::closed || (tcb.has_fin && seq_after(tcb.rcv_nxt, tcb.fin_seq));
    }
    std::size_t read(Tcb& tcb, std::span<std::byte> into, time::Instant now) noexcept {
        return receiver_.read(tcb, into, now);
    }
    [[nodiscard]] static std::size_t peek(Tcb& tcb, std::span<std::byte> into) noexcept {
        return Receiver::peek(tcb, into);
    }
    [[nodiscard]] IoBuf read_buf(Tcb& tcb, time::Instant now) noexcept { return receiver_.read_buf(tcb, now); }

    /// Whether a write would be taken.
    [[nodiscard]] static bool is_writable(const Tcb& tcb) noexcept { return may_send(tcb.state) && !tcb.is_fin_queued; }
    /// Takes all of the usual write; false, and nothing is changed, if it is another. Defined in usual_write.hpp, for
    /// those that compile it in.
    [[nodiscard]] bool write_usual(Tcb& tcb, std::span<const std::byte> from, time::Instant now) noexcept;
    /// Every other write: copies what there is room for; the endpoint is told when there is more.
    std::size_t write_otherwise(Tcb& tcb, std::span<const std::byte> from, time::Instant now) noexcept;
    struct Written {
        std::size_t bytes = 0;
        bool is_all = false;
    };
    /// All slices in as few segments as they need, as far as there is room; the endpoint is told when there is more.
    Written write(Tcb& tcb, std::span<const std::span<const std::byte>> slices, time::Instant now) noexcept;
    /// Takes all of a buffer over, which leaves without being copied; else says why not, and where it waits, the
    /// endpoint is told when there is room.
    [[nodiscard]] Given write_given(Tcb& tcb, IoBuf& data, time::Instant now) noexcept;
    /// Whether a write would take something; the endpoint is told when one would.
    [[nodiscard]] bool has_room(Tcb& tcb) const noexcept {
        tcb.wants_room = !sender_.has_room(tcb);
        return !tcb.wants_room;
    }
    /// A write of either kind; returns how much was taken.
    std::size_t write(Tcb& tcb, std::span<const std::byte> from, time::Instant now) noexcept;
    /// Ends this direction behind what was written; in SYN-RECEIVED when the handshake is done. False when there was no
    /// memory for that: the connection is over.
    bool finish(Tcb& tcb, time::Instant now) noexcept;
    /// Nobody will read what comes when this end's direction is over, too: such data resets the peer then
    /// (TcpLimits::resets_unread). Until then all is as it was, as on Linux.
    static void shut_read(Tcb& tcb) noexcept { tcb.is_read_shut = true; }
    /// The endpoint goes. What was written is still sent; unread data makes it a reset, or is thrown away
    /// (TcpLimits::resets_unread). Past TcpLimits::orphans_max it is a reset too, as with Linux's tcp_max_orphans.
    void close(Endpoint& endpoint, time::Instant now) noexcept;
    /// The connection ends here, and its peer is not told: nothing carries it any more.
    void fail(Endpoint& endpoint, Errc error) noexcept {
        if (endpoint.tcb->state != State::closed) end(*endpoint.tcb, error);
    }
    /// `local` is no address of ours any more: its connections end with connection_aborted, as Linux's do that an
    /// administrator ends (SOCK_DESTROY). No peer is told: nothing may leave from there. Listeners stay, and hear
    /// nothing while the address is away.
    void lose(wire::Ipv4Addr local) noexcept;
    /// The endpoint goes with the stack, or before it was ever connected: nothing is said.
    void forget(Endpoint& endpoint) noexcept;

    void set_no_delay(Tcb& tcb, bool on, time::Instant now) noexcept;
    /// Less than a segment waits for more: until that is off, this direction ends or a time-out is over.
    ///
    /// Source: Linux's TCP_CORK.
    void set_cork(Tcb& tcb, bool on, time::Instant now) noexcept;
    void set_quick_ack(Tcb& tcb, bool on) noexcept;
    /// One that this stack has: tcp::is_known.
    void set_congestion(Tcb& tcb, CongestionControl algorithm) noexcept;
    /// They stay so, and do not grow any more. What the window can say is the caller's to know.
    void set_send_buffer(Tcb& tcb, std::uint32_t bytes) noexcept;
    void set_receive_buffer(Tcb& tcb, std::uint32_t bytes) noexcept;
    /// keep_alive or its times were set.
    void restart_keep_alive(Tcb& tcb, time::Instant now) noexcept;

    /// It is another's from now on: who listens there listens nowhere.
    void leave_address(wire::Ipv4Addr own) noexcept { passive_.leave_address(own); }

    // --- looked at from outside

    /// Where the connection between these ends stands, handshakes and TIME-WAIT included; nothing when there is none.
    [[nodiscard]] std::optional<backend::TcpState> state_of(const Tuple& tuple) noexcept;
    /// An administrator ends it, whoever has it: its peer is told, and its owner of connection_aborted. False when
    /// there is none; a handshake that a peer began is none yet.
    bool abort(const Tuple& tuple, time::Instant now) noexcept;

    /// Frames in all queues together.
    [[nodiscard]] std::size_t frames_kept() const noexcept { return shared_.send_frames + shared_.receive_frames; }
    /// Buffers that were taken over by write_given().
    [[nodiscard]] std::uint64_t buffers_given() const noexcept { return shared_.buffers_given; }
    [[nodiscard]] Sizes sizes() const noexcept {
        return {shared_.tcbs.size(), shared_.half_opens.size(), shared_.time_waits.size(), orphans_};
    }
    [[nodiscard]] const GrowthCounts& growth() const noexcept { return shared_.buffers.counts(); }
    [[nodiscard]] const CookieCounts& cookies() const noexcept { return passive_.cookies(); }
    [[nodiscard]] const EcnCounts& ecn() const noexcept { return shared_.ecn; }

private:
    void send_owed(time::Instant now) noexcept;
    [[nodiscard]] Drop read_header(Segment& segment) noexcept;
    [[nodiscard]] Drop dispatch(Segment& segment) noexcept;
    [[nodiscard]] bool may_begin_again(const Tuple& tuple) const noexcept;
    [[nodiscard]] Drop begin_again(TimeWait& before, Segment& segment, std::uint32_t isn) noexcept;
    [[nodiscard]] Drop input_stranger(Segment& segment, std::optional<std::uint32_t> isn) noexcept;
    bool hand_over(std::uint16_t owner, Segment& segment, std::optional<std::uint32_t> isn) noexcept;
    [[nodiscard]] Drop input_listener(Segment& segment, std::optional<std::uint32_t> isn) noexcept;
    [[nodiscard]] Drop input_made(Tcb& made, Segment& segment) noexcept;
    [[nodiscard]] Drop input_connection(Tcb& tcb, Segment& segment) noexcept;
    void fetch_connection(Glance& glance) noexcept;
    [[nodiscard]] Tcb* find(const Glance& glance) noexcept {
        return last_ != nullptr && last_->tuple == glance.tuple ? last_ : find_slow(glance);
    }
    [[nodiscard]] Tcb* find_slow(const Glance& glance) noexcept;
    [[nodiscard]] static bool is_answer_of_both(const Tcb& tcb, const Segment& segment) noexcept;
    [[nodiscard]] Drop take_answer_of_both(Tcb& tcb, Segment& segment) noexcept;
    [[nodiscard]] Drop check_timestamp(Tcb& tcb, Segment& segment) noexcept;
    [[nodiscard]] Drop check_sequence(Tcb& tcb, const Segment& segment) noexcept;
    [[nodiscard]] static bool is_beyond_little_window(const Tcb& tcb, const Segment& segment) noexcept;
    void take_ack_alone(Tcb& tcb, Segment& segment) noexcept;
    [[nodiscard]] bool may_reset(const Tcb& tcb, std::uint32_t seq) const noexcept;
    [[nodiscard]] Drop take_reset(Tcb& tcb, const Segment& segment) noexcept;
    [[nodiscard]] Drop take_ack(Tcb& tcb, Segment& segment, bool& is_over) noexcept;
    [[nodiscard]] bool has_no_reader(const Tcb& tcb) const noexcept;
    [[nodiscard]] Drop take_payload(Tcb& tcb, Segment& segment) noexcept;
    void on_fin_acknowledged(Tcb& tcb, time::Instant now, bool& is_over) noexcept;
    void take_fin(Tcb& tcb, time::Instant now) noexcept;
    /// Not of a segment that anybody could have sent.
    static void on_heard(Tcb& tcb, time::Instant now) noexcept {
        tcb.heard_at = now.as_nanos();
        tcb.keep_alive_sent = 0;
    }
    void leave_table(Tcb& tcb) noexcept;
    static void remember_timestamp(Tcb& tcb, std::uint32_t value, time::Instant now) noexcept;

    [[nodiscard]] bool take_too_long(Tcb& tcb, const IcmpError& error, time::Instant now) noexcept;
    [[nodiscard]] static bool take_soft_error(Tcb& tcb, const IcmpError& error) noexcept;
    static void forget_soft_error(Tcb& tcb) noexcept { tcb.has_soft_error = false; }
    [[nodiscard]] static Error why_given_up(const Tcb& tcb) noexcept;
    void enter_time_wait(Tcb& tcb, time::Instant now) noexcept;
    /// The connection is over; it goes, unless an endpoint has still to be told.
    void end(Tcb& tcb, Error error) noexcept;
    void destroy(Tcb& tcb) noexcept;

    static void on_time(Timer& timer, time::Instant now) noexcept;
    void on_time(Tcb& tcb, time::Instant now) noexcept;
    // False when that was the end of the connection.
    [[nodiscard]] bool on_retransmit(Tcb& tcb, time::Instant now) noexcept;
    [[nodiscard]] bool on_keep_alive(Tcb& tcb, time::Instant now) noexcept;
    /// Nobody has it any more. False when there are too many of those already: it was reset.
    [[nodiscard]] bool become_orphan(Tcb& tcb, time::Instant now) noexcept;
    void watch_orphan(Tcb& tcb, time::Instant now) noexcept;

    Shared shared_;
    Output output_;
    Sender sender_;
    Receiver receiver_;
    PassiveOpen passive_;
    TimeWaits time_waits_;
    ActiveOpen active_;
    Tcb* last_ = nullptr;  // found last, and in the table
    std::size_t orphans_ = 0;
    IntrusiveList<HolderLink> held_;  // all but those in an Acceptor's queue
};

}  // namespace skerry::stack::tcp
