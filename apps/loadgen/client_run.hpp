#pragma once

// What the connections of one core share while a run goes on.

#include "client_settings.hpp"
#include "recorder.hpp"

#include "common/time_series.hpp"

#include <skerry/base/error.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/task/join_set.hpp>
#include <skerry/time/instant.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace skerry::loadgen {

/// Threads: its core.
struct CoreRun {
    explicit CoreRun(const Settings& all_settings)
        : settings(all_settings),
          end(all_settings.warmup + all_settings.duration),
          drain_end(end + all_settings.timeout),
          recorder(recorder_options(all_settings)) {
        if (!all_settings.series_file.empty()) series.emplace(all_settings.window, drain_end);
    }

    [[nodiscard]] Nanos now() const noexcept { return time::Instant::now() - start; }
    [[nodiscard]] time::Instant at(Nanos since_start) const noexcept { return start + since_start; }

    /// A connection ended, or the kernel refused a datagram. The first reason is told at the end.
    void note(Error error) {
        ++failures;
        if (first_failure.empty()) first_failure = error.message();
    }
    void note(const std::string& why) {
        ++failures;
        if (first_failure.empty()) first_failure = why;
    }

    /// The server said no. The first one is told at the end, in the words of `complaint()`.
    template <class Complaint>
    void refuse(Nanos intended, Complaint&& complaint) {
        recorder.on_refused(intended);
        if (first_refusal.empty()) first_refusal = complaint();
    }

    /// The server answered something else. As refuse().
    template <class Complaint>
    void find_damaged(Nanos intended, Complaint&& complaint) {
        recorder.on_error(intended);
        if (first_damage.empty()) first_damage = complaint();
    }

    /// As Recorder::on_reply().
    void on_reply(Nanos intended, Nanos sent, Nanos finished) {
        recorder.on_reply(intended, sent, finished);
        if (series)
            series->record(at(finished), static_cast<std::uint64_t>(std::max(finished - intended, Nanos{0}).count()));
    }

    /// Nothing is due any more, and answers are waited for `patience` from now.
    void stop(Nanos patience) noexcept {
        end = std::min(end, now());
        drain_end = std::min(drain_end, now() + patience);
        stopped.notify_waiters();
    }

    const Settings& settings;
    time::Instant start;  ///< the same on all cores
    Nanos end;            ///< nothing is due from here on
    Nanos drain_end;      ///< nothing is waited for any more
    bool is_drained = false;  ///< `drain_end` has come, and every link was told
    sync::local::Notify stopped;  ///< `end` has come nearer
    Recorder recorder;
    std::optional<apps::TimeSeries> series;  ///< response times, those of the warm-up too
    std::uint64_t failures = 0;
    std::string first_failure;  ///< empty: there was none
    std::string first_refusal;
    std::string first_damage;
    JoinSet<>* tasks = nullptr;  ///< of the client: a sender and a receiver for each link, and what they start

private:
    static RecorderOptions recorder_options(const Settings& settings) {
        RecorderOptions options;
        options.loop = settings.loop;
        options.warm_up = settings.warmup;
        options.measured = settings.duration;
        options.piece = settings.piece();
        if (settings.rate) options.interval = Schedule::constant(*settings.rate).mean_interval();
        return options;
    }
};

}  // namespace skerry::loadgen
