#pragma once

// Hot path. A connection of the generator: one task sends, another takes the answers.
//
// Each connection has its own share of the schedule, so a send that blocks, because a stopped server has let the
// buffers fill, delays no other connection. A request that the window of requests in flight holds back is sent as
// soon as there is a place, and keeps its intended time: what the server's stop cost stays in the response times.
// What the schedule asked for and was never sent is counted when the run is over, whatever kept it from being sent.
//
// A closed loop asks a silent server for nothing, and so hides its silence: ten thousand answers and then none for the
// rest of the run are one request that is lost. So what was silent is remembered here and makes such a run invalid.
//
// Requests that may leave at the same moment leave in one write, where the protocol can give several in one piece:
// those of a closed loop for which there is a place, and those of an open loop that are due.

#include "client_run.hpp"
#include "in_flight.hpp"

#include <skerry/sync/notify.hpp>
#include <skerry/task/task.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace skerry::loadgen {

/// What every link has, whatever its transport.
struct LinkState {
    explicit LinkState(CoreRun& core_run) noexcept
        : run(core_run), may_carry(core_run.settings.per_conn.value_or(std::numeric_limits<std::uint64_t>::max())) {}

    CoreRun& run;
    InFlight in_flight;
    sync::local::Notify changed;  ///< an answer came, the link closed, or the run ends earlier
    bool closed = false;
    bool is_up = true;            ///< false while a connection that ended is made anew
    std::uint64_t may_carry;      ///< requests, this connection before another takes its place
    std::optional<Nanos> connecting_since;  ///< of a connection that takes another's place
    bool is_wanted = false;  ///< there is something to send, and it is not up
    sync::local::Notify wanted;
    bool is_write_open = false;  ///< one has begun that the server has not taken yet
    bool was_silent = false;  ///< in a closed loop the server said nothing for as long as an answer is waited for
    Nanos last_answer{0};
    Nanos last_piece{0};          ///< when the newest piece of what a source sends came
    std::size_t writers = 0;      ///< tasks that are in a write on the connection, or may be
    sync::local::Notify writer_left;
    std::optional<Schedule> schedule;  ///< of an open loop
    Nanos due{0};                      ///< of its next request, which the recorder does not know yet

    [[nodiscard]] bool window_is_open() const noexcept {
        const std::uint64_t limit = run.settings.inflight_limit();
        return is_up && may_carry != 0 && !in_flight.full() && (limit == 0 || in_flight.waiting() < limit);
    }

    void follow(const Schedule& times) {
        schedule = times;
        due = schedule->next();
    }
    Nanos take_due() noexcept {
        const Nanos taken = due;
        due = schedule->next();
        return taken;
    }
    /// After the run: tells the recorder what the schedule asked for and was not sent, and whether the server had
    /// stopped answering. A stream loses nothing, so what has no answer for so long was the end of the connection.
    void settle() noexcept {
        note_silence(run.drain_end);
        if (!closed && (was_silent || is_server_overdue())) run.recorder.on_ended_early();
        if (is_piece_due()) run.recorder.on_send(last_piece, last_piece);
        // Not one by one: of a run of hours whose server went away they are billions, and nothing else goes on here.
        if (schedule) run.recorder.on_all_unsent(due, *schedule, run.end);
    }

    /// Whether a source has yet to send the piece that it was at when the run ended.
    [[nodiscard]] bool is_piece_due() const noexcept {
        return run.settings.mode == Mode::source && last_piece < run.end;
    }
    /// Whether a stream waits for its server: to answer, to take what is written, or to send.
    [[nodiscard]] bool is_server_due() const noexcept {
        return !run.settings.is_datagram() && (in_flight.waiting() != 0 || is_wire_due());
    }
    /// The same in the end, when nothing is waited for any more. A server that is slower than an open loop asks answers
    /// until then, and what it has not come to is no sign that it is gone.
    [[nodiscard]] bool is_server_overdue() const noexcept {
        const bool is_behind = run.settings.loop == Loop::open && last_answer + run.settings.timeout > run.drain_end;
        return is_server_due() && (!is_behind || is_wire_due());
    }
    /// Whether a stream waits for its server to let it connect, to take what is written, or to send.
    [[nodiscard]] bool is_wire_due() const noexcept {
        if (connecting_since && run.now() - *connecting_since >= run.settings.timeout) return true;
        return (is_write_open && !run.settings.has_answers()) || is_piece_due();
    }
    /// Datagrams that wait at `now` may be lost each for itself; without any answer for so long, it is the server.
    void note_silence(Nanos now) noexcept {
        if (run.settings.loop != Loop::closed || !run.settings.is_datagram() || in_flight.waiting() == 0) return;
        if (now >= run.settings.warmup && last_answer < now - run.settings.timeout) was_silent = true;
    }

    /// A connection in place of another has been made, or not. While it was not there a closed loop asked for nothing.
    void note_connected() noexcept {
        const bool was_long = run.now() - *connecting_since >= run.settings.timeout;
        was_silent = was_silent || (was_long && run.settings.loop == Loop::closed);
        connecting_since.reset();
    }

    /// The connection is over, and so is everything that waits on it. `why`: an Error, or words.
    template <class Why>
    void close(const Why& why) {
        if (closed) return;
        closed = true;
        run.note(why);
        if (run.now() < run.end || was_silent || is_server_due()) run.recorder.on_ended_early();
        give_up_waiting();
        changed.notify_one();
    }

    /// What waits ends by an error.
    void give_up_waiting() noexcept {
        while (const auto request = in_flight.finish_oldest()) run.recorder.on_error(request->intended);
    }

    void finished(const InFlight::Times& request, Nanos at) {
        last_answer = at;
        run.on_reply(request.intended, request.sent, at);
        changed.notify_one();
    }

    /// Gives up datagrams whose answer is overdue. A stream loses none, it only waits.
    void drop_lost(Nanos now) {
        if (!run.settings.is_datagram()) return;
        const Nanos limit = now - run.settings.timeout;
        if (const auto oldest = in_flight.oldest_sent(); oldest && *oldest < limit) note_silence(now);
        while (in_flight.drop_sent_before(limit)) {
        }
    }

    /// When waiting for an answer is of no more use.
    [[nodiscard]] time::Instant patience() const noexcept {
        Nanos until = run.drain_end;
        if (run.settings.is_datagram())
            if (const auto oldest = in_flight.oldest_sent())
                until = std::min(until, *oldest + run.settings.timeout + Nanos{1});
        return run.at(until);
    }
};

/// Present while a task writes, so that the connection under it is not exchanged.
class Writing {
public:
    explicit Writing(LinkState& link) noexcept : link_(link) { ++link.writers; }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;
    ~Writing() {
        if (--link_.writers == 0) link_.writer_left.notify_one();
    }

private:
    LinkState& link_;
};

/// Waits until a request may be sent; false when none may be any more.
///
/// On a stream without a timer of its own, which would be armed between the last request and its leaving, at the end of
/// the core's turn, and so be part of its time: CoreClient::end_waits() wakes everybody in the end.
inline Task<bool> wait_for_window(LinkState& link) {
    while (!link.closed && !link.window_is_open()) {
        if (!link.is_up) {
            link.is_wanted = true;
            link.wanted.notify_one();
        }
        if (link.run.settings.is_datagram())
            (void)co_await time::timeout_at(link.patience(), link.changed.notified());
        else if (link.run.is_drained)
            co_return false;
        else
            co_await link.changed.notified();
        const Nanos now = link.run.now();
        if (now >= link.run.drain_end) co_return false;
        link.drop_lost(now);
    }
    co_return !link.closed;
}

/// Requests that leave together.
struct Batch {
    std::uint64_t first = 0;  ///< number of the first
    std::size_t count = 0;
    Nanos intended{0};  ///< of the first
};

/// Adds a request to what leaves now.
inline void add_request(LinkState& link, Batch& batch, Nanos intended, Nanos sent, Held held) {
    link.run.recorder.on_send(intended, sent, held);
    --link.may_carry;
    const std::uint64_t number = link.run.settings.has_answers() ? link.in_flight.push(intended, sent) : 0;
    if (batch.count++ == 0) {
        batch.first = number;
        batch.intended = intended;
    }
}

/// Sends what was added. `Link` is a LinkState whose transmit(first, count) gives the awaitable that sends; it has
/// batch_max() 1 where requests have no answers. The caller has been Writing since before it added.
///
/// A write that blocks is given up when answers are: a server that reads no more must not keep the run from ending.
template <class Link>
Task<bool> send_batch(Link& link, Batch batch, Nanos sent) {
    CoreRun& run = link.run;
    link.is_write_open = true;
    auto written = co_await time::timeout_at(run.at(run.drain_end), link.transmit(batch.first, batch.count));
    const bool is_over = !written && link.send_failed(written.error());
    link.is_write_open = false;
    if (!written) co_return !is_over;
    if (!run.settings.has_answers()) run.on_reply(batch.intended, sent, run.now());
    co_return true;
}

/// Sends what the schedule says, when it says so.
template <class Link>
Task<> send_open_loop(Link& link) {
    CoreRun& run = link.run;
    Nanos last_held{-1};
    while (link.due < run.end) {
        if (run.now() < link.due) {
            (void)co_await time::timeout_at(run.at(link.due), run.stopped.notified());
            if (link.due >= run.end) co_return;  // stopped while it waited
        }
        bool was_held = false;
        if (!link.window_is_open()) {
            const bool open = co_await wait_for_window(link);
            if (!open) co_return;
            was_held = true;
        }
        const Nanos sent = run.now();
        if (link.closed || sent >= run.drain_end) co_return;
        if (was_held) last_held = sent;
        link.drop_lost(sent);
        const Writing writing(link);
        Batch batch;
        do {
            // Held is, too, what was due while an earlier one was.
            const Held held = was_held || link.due < last_held ? Held::by_window : Held::no;
            add_request(link, batch, link.take_due(), sent, held);
            was_held = false;
        } while (batch.count < link.batch_max() && link.due <= sent && link.due < run.end && link.window_is_open());
        const bool sound = co_await send_batch(link, batch, sent);
        if (!sound) co_return;
    }
}

/// Sends as long as the window is open.
template <class Link>
Task<> send_closed_loop(Link& link) {
    CoreRun& run = link.run;
    co_await time::sleep_until(run.start);  // what is sent before the run would belong to none
    for (;;) {
        if (!link.window_is_open()) {
            const bool open = co_await wait_for_window(link);
            if (!open) co_return;
        }
        const Nanos sent = run.now();
        if (link.closed || sent >= run.end) co_return;
        const Writing writing(link);
        Batch batch;
        do {
            add_request(link, batch, sent, sent, Held::no);
        } while (batch.count < link.batch_max() && link.window_is_open());
        const bool sound = co_await send_batch(link, batch, sent);
        if (!sound) co_return;
    }
}

/// After the end of a run that the server sends: until the piece that it was at has come, or is given up.
inline Task<> wait_for_piece(LinkState& link) {
    while (!link.closed && link.is_piece_due() && link.run.now() < link.run.drain_end)
        (void)co_await time::timeout_at(link.run.at(link.run.drain_end), link.changed.notified());
}

/// Sends nothing: until the run is over, or the connection.
inline Task<> wait_for_end(LinkState& link) {
    while (!link.closed && link.run.now() < link.run.end)
        (void)co_await time::timeout_at(link.run.at(link.run.end), link.changed.notified());
}

/// After the last send: until everything is answered or given up.
inline Task<> wait_for_answers(LinkState& link) {
    while (!link.closed && link.in_flight.waiting() != 0) {
        (void)co_await time::timeout_at(link.patience(), link.changed.notified());
        const Nanos now = link.run.now();
        if (now >= link.run.drain_end) co_return;
        link.drop_lost(now);
    }
}

}  // namespace skerry::loadgen
