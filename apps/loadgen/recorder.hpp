#pragma once

// What one core of the generator saw, and what a run is worth.
//
// Two times are kept of every request. Response time = finish - intended send is what a user feels. Service
// time = finish - actual send is what the server and the way took. A closed loop, or a generator that waits for
// a slow reply before it sends the next request, has only the second and hides a stop of the server in one
// sample (coordinated omission). An example: 1,000 requests a second with one in flight, and the server stops
// for 100 ms. One request has a service time of 100 ms; the 99 due in the meantime have response times of 99,
// 98, 97 ms ... and service times as short as ever. Over 5 s the response p99 is 50 ms, the service p99 that of
// an idle server. Both are true; only the first is what the users of that service saw.
//
// A request belongs to the measured time by its intended send time, so that what the warm-up or the end of the
// run cuts off is decided by the schedule and not by the server.
//
// A closed loop asks for nothing that it does not send, so no share of what was offered can tell that a connection
// ended after a tenth of the time: there, such a connection alone makes the run invalid.
//
// Source: Tene, "How NOT to measure latency"; the wrk2 README for the terms.

#include "intervals.hpp"
#include "schedule.hpp"

#include <skerry/metrics/hdr_histogram.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::loadgen {

enum class Loop : std::uint8_t { open, closed };

[[nodiscard]] std::string_view to_string(Loop loop) noexcept;

/// Whether a send had to wait for a free place in the window of requests in flight.
enum class Held : std::uint8_t { no, by_window };

/// The limits of a valid run.
inline constexpr double achieved_share_min = 0.999;
inline constexpr double late_share_max = 0.01;
inline constexpr Nanos late_floor = std::chrono::microseconds{100};

struct RecorderOptions {
    Loop loop = Loop::open;
    Nanos warm_up{0};   ///< requests intended before this are sent and not counted
    Nanos measured{0};  ///< how long is measured after that
    Nanos interval{0};  ///< the schedule's mean_interval(); 0 in a closed loop
    Nanos piece{0};     ///< length of the pieces that Summary::intervals keeps; 0: none
};

/// The figures of a run, all of the measured time.
struct Summary {
    Loop loop = Loop::open;
    double measured_s = 0;
    metrics::HdrHistogram response;
    metrics::HdrHistogram service;
    std::uint64_t offered = 0;             ///< requests the schedule asked for; in a closed loop those sent
    std::uint64_t sent = 0;                ///< of them
    std::uint64_t received = 0;            ///< of those, answered as expected
    std::uint64_t errors = 0;              ///< of those, ended by an error (connection reset, damaged answer)
    std::uint64_t refused = 0;             ///< of those, answered by a no (an HTTP status, an error of RESP)
    std::uint64_t lost = 0;                ///< the rest of those sent: no answer until the run ended
    std::uint64_t unexpected = 0;          ///< answers to nothing that was waiting: duplicates, or late ones
    std::uint64_t bounced = 0;  ///< datagrams that were received as far as one could see, and came back as an error
    std::uint64_t ended_early = 0;  ///< connections that ended, or fell silent, before the run was over
    /// Connections that the server ended, as it may, or that had carried --per-conn requests, and that were made anew.
    std::uint64_t reconnects = 0;
    std::uint64_t late = 0;  ///< sent later than max(1 interval, 100 µs) after the intended time
    std::uint64_t late_held = 0;  ///< of those, held by the window of requests in flight
    // An interrupted run is halved by when answers came, which its intervals tell; else by when requests were due.
    std::optional<Nanos> first_half_p50;  ///< response time; far apart from the second, the run was
    std::optional<Nanos> second_half_p50;  ///< not in a steady state
    Intervals intervals = {};

    [[nodiscard]] double offered_per_s() const noexcept { return rate_of(offered); }
    [[nodiscard]] double achieved_per_s() const noexcept { return rate_of(received); }
    [[nodiscard]] double achieved_share() const noexcept;
    [[nodiscard]] double late_share() const noexcept;

    /// Requests that were due and have no answer, for whatever reason; in no histogram.
    [[nodiscard]] std::uint64_t unanswered() const noexcept { return offered - std::min(offered, received); }

    /// Whether the server gave no answer at all, a refusal neither, although it was asked or its connections ended.
    [[nodiscard]] bool is_unanswered() const noexcept {
        return received == 0 && refused == 0 && (offered != 0 || ended_early != 0);
    }

    /// Whether all that was answered was no.
    [[nodiscard]] bool is_refused() const noexcept { return received == 0 && refused != 0; }

    /// Whether each of so many connections ended, or fell silent, before the run was over.
    [[nodiscard]] bool lost_its_server(std::uint64_t conns) const noexcept { return ended_early >= conns; }

    /// Says that the run ended when only that much had been measured. The halves are then those of it, as far as the
    /// intervals tell them apart; without two intervals there are none.
    void cut_to(Nanos measured);

    /// Why the figures must not be used; empty for a valid run.
    [[nodiscard]] std::vector<std::string> invalid_reasons() const;
    [[nodiscard]] bool invalid() const noexcept;

private:
    [[nodiscard]] double rate_of(std::uint64_t count) const noexcept {
        return measured_s > 0 ? static_cast<double>(count) / measured_s : 0;
    }
};

/// Counts and times the requests of one core. Each is reported once by on_send() or on_unsent(), and one that was
/// sent at most once more, by on_reply(), on_refused() or on_error(). What is reported by none of them counts as lost.
///
/// Threads: the core that made it. add() and summary() belong after the cores have stopped.
/// Cost:    672 KiB of histograms, allocated once; a call is some additions and up to two records. With `piece` that of
///          IntervalRecorder too.
class Recorder {
public:
    explicit Recorder(const RecorderOptions& options) : options_(options) {
        if (options.piece > Nanos{0}) intervals_.emplace(options.warm_up, options.measured, options.piece);
    }

    /// A request that was due at `intended` left at `sent`. In a closed loop the two are the same.
    void on_send(Nanos intended, Nanos sent, Held held = Held::no) noexcept;
    /// The schedule asked for a request and the run ended before it could be sent.
    void on_unsent(Nanos intended) noexcept;
    /// The same of the one at `due` and of all that `rest` asks for behind it, as far as they are due before `end`.
    void on_all_unsent(Nanos due, Schedule rest, Nanos end) noexcept;
    /// Its answer was complete at `finished`.
    void on_reply(Nanos intended, Nanos sent, Nanos finished);
    /// Its answer was a no. It is in no histogram: a server that refuses fast is not fast.
    void on_refused(Nanos intended) noexcept;
    /// It ended by an error.
    void on_error(Nanos intended) noexcept;
    /// What needs no answer came back at that time: nobody had it.
    void on_bounced(Nanos at) noexcept;
    /// An answer came that nothing waited for.
    void on_unexpected() noexcept { ++unexpected_; }
    /// A connection ended, or had no answer for as long as one is waited for, before the run was over.
    void on_ended_early() noexcept { ++ended_early_; }
    /// A connection was made anew, at that time. Those after the measured time are for requests that were due in it.
    void on_reconnect(Nanos at) noexcept { reconnects_ += at >= options_.warm_up; }

    /// Adds what another core saw. Shape: the same loop, warm-up, measured time and pieces; asserted.
    void add(const Recorder& other);

    [[nodiscard]] Summary summary() const;

    /// The pieces of all cores that were added; none without RecorderOptions::piece.
    [[nodiscard]] Intervals intervals() const;

    /// Running totals, warm-up included, for a progress line.
    struct Totals {
        std::uint64_t sent = 0;
        std::uint64_t received = 0;
        std::uint64_t errors = 0;  ///< refusals too
        std::uint64_t late = 0;
    };
    [[nodiscard]] const Totals& totals() const noexcept { return totals_; }

    [[nodiscard]] const RecorderOptions& options() const noexcept { return options_; }

private:
    [[nodiscard]] bool counts(Nanos intended) const noexcept {
        return intended >= options_.warm_up && intended < options_.warm_up + options_.measured;
    }
    [[nodiscard]] bool in_first_half(Nanos intended) const noexcept {
        return intended < options_.warm_up + options_.measured / 2;
    }
    [[nodiscard]] bool is_late(Nanos intended, Nanos sent) const noexcept;

    RecorderOptions options_;
    Totals totals_;
    std::uint64_t offered_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t errors_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t reconnects_ = 0;
    std::uint64_t unexpected_ = 0;
    std::uint64_t bounced_ = 0;
    std::uint64_t ended_early_ = 0;
    std::uint64_t late_ = 0;
    std::uint64_t late_held_ = 0;
    metrics::HdrHistogram response_first_half_;
    metrics::HdrHistogram response_second_half_;
    metrics::HdrHistogram service_;
    std::optional<IntervalRecorder> intervals_;
    Intervals added_;  // of other cores
};

}  // namespace skerry::loadgen
