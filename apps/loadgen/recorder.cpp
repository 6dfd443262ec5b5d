#include "recorder.hpp"

#include "common/number_text.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>

namespace skerry::loadgen {

namespace {

/// A time span for the histogram. Clocks of two cores may differ by some nanoseconds, and a span must not wrap.
std::uint64_t span_ns(Nanos from, Nanos to) noexcept {
    return to > from ? static_cast<std::uint64_t>((to - from).count()) : 0;
}

std::optional<Nanos> median(const metrics::HdrHistogram& histogram) {
    if (histogram.empty()) return std::nullopt;
    return Nanos(static_cast<Nanos::rep>(histogram.value_at_percentile(50)));
}

double share_of(std::uint64_t part, std::uint64_t whole, double without) noexcept {
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : without;
}

}  // namespace

std::string_view to_string(Loop loop) noexcept { return loop == Loop::open ? "open" : "closed"; }

double Summary::achieved_share() const noexcept { return share_of(received, offered, 0); }

double Summary::late_share() const noexcept { return share_of(late, sent, 0); }

bool Summary::invalid() const noexcept {
    return achieved_share() < achieved_share_min || late_share() > late_share_max ||
           (loop == Loop::closed && ended_early != 0) || bounced != 0;
}

void Summary::cut_to(Nanos measured) {
    measured_s = std::chrono::duration<double>(measured).count();
    metrics::HdrHistogram first;
    metrics::HdrHistogram second;
    for (std::size_t i = 0; i < intervals.rows.size(); ++i) {
        // The middle of an interval decides; of two times it, so that it is a whole number.
        const Nanos twice_the_middle = intervals.length * static_cast<Nanos::rep>(2 * i + 1);
        (twice_the_middle < measured ? first : second).add(interval_histogram(intervals.rows[i].response));
    }
    const bool has_halves = measured > intervals.length && intervals.rows.size() >= 2;
    first_half_p50 = has_halves ? median(first) : std::nullopt;
    second_half_p50 = has_halves ? median(second) : std::nullopt;
}

std::vector<std::string> Summary::invalid_reasons() const {
    if (offered == 0) return {"no request was due in the measured time"};
    std::vector<std::string> reasons;
    if (achieved_share() < achieved_share_min)
        reasons.push_back("achieved/offered is " + apps::fixed_text(achieved_share(), 4) +
                          ", below 0.999: " + std::to_string(received) + " answers to " + std::to_string(offered) +
                          " requests due" + (refused == 0 ? "" : "; " + std::to_string(refused) + " were refused"));
    if (late_share() > late_share_max)
        reasons.push_back("late_share is " + apps::fixed_text(late_share(), 4) + ", above 0.01: " +
                          std::to_string(late) + " of " + std::to_string(sent) + " sends were late, " +
                          std::to_string(late_held) + " of them held by the window of requests in flight");
    if (loop == Loop::closed && ended_early != 0)
        reasons.push_back(std::to_string(ended_early) +
                          " connections ended, or had no answer for --timeout, before the run was over");
    if (bounced != 0)
        reasons.push_back(std::to_string(bounced) + " of " + std::to_string(sent) +
                          " datagrams came back: nobody receives at that address");
    return reasons;
}

bool Recorder::is_late(Nanos intended, Nanos sent) const noexcept {
    return sent - intended > std::max(options_.interval, late_floor);
}

void Recorder::on_send(Nanos intended, Nanos sent, Held held) noexcept {
    const bool late = is_late(intended, sent);
    ++totals_.sent;
    totals_.late += late;
    if (!counts(intended)) return;
    ++offered_;
    ++sent_;
    late_ += late;
    late_held_ += late && held == Held::by_window;
}

void Recorder::on_unsent(Nanos intended) noexcept { offered_ += counts(intended); }

void Recorder::on_all_unsent(Nanos due, Schedule rest, Nanos end) noexcept {
    end = std::min(end, options_.warm_up + options_.measured);
    if (due >= end) return;
    on_unsent(due);
    (void)rest.skip_before(options_.warm_up);
    offered_ += rest.skip_before(end);
}

void Recorder::on_reply(Nanos intended, Nanos sent, Nanos finished) {
    ++totals_.received;
    if (!counts(intended)) return;
    ++received_;
    auto& response = in_first_half(intended) ? response_first_half_ : response_second_half_;
    const std::uint64_t response_ns = span_ns(intended, finished);
    const std::uint64_t service_ns = span_ns(sent, finished);
    response.record(response_ns);
    service_.record(service_ns);
    if (intervals_) intervals_->record(finished, response_ns, service_ns);
}

void Recorder::on_error(Nanos intended) noexcept {
    ++totals_.errors;
    errors_ += counts(intended);
}

void Recorder::on_bounced(Nanos at) noexcept {
    ++totals_.errors;
    bounced_ += at >= options_.warm_up;
}

void Recorder::on_refused(Nanos intended) noexcept {
    ++totals_.errors;
    refused_ += counts(intended);
}

void Recorder::add(const Recorder& other) {
    SKERRY_ASSERT(options_.loop == other.options_.loop && options_.warm_up == other.options_.warm_up &&
                      options_.measured == other.options_.measured && options_.piece == other.options_.piece,
                  "recorders of different runs cannot be added");
    totals_.sent += other.totals_.sent;
    totals_.received += other.totals_.received;
    totals_.errors += other.totals_.errors;
    totals_.late += other.totals_.late;
    offered_ += other.offered_;
    sent_ += other.sent_;
    received_ += other.received_;
    errors_ += other.errors_;
    refused_ += other.refused_;
    reconnects_ += other.reconnects_;
    unexpected_ += other.unexpected_;
    bounced_ += other.bounced_;
    ended_early_ += other.ended_early_;
    late_ += other.late_;
    late_held_ += other.late_held_;
    response_first_half_.add(other.response_first_half_);
    response_second_half_.add(other.response_second_half_);
    service_.add(other.service_);
    if (!intervals_) return;
    added_.length = options_.piece;
    added_.add(other.intervals());
}

Intervals Recorder::intervals() const {
    if (!intervals_) return {};
    Intervals all = intervals_->intervals();
    if (added_.length > Nanos{0}) all.add(added_);
    return all;
}

Summary Recorder::summary() const {
    Summary summary;
    summary.loop = options_.loop;
    summary.measured_s = std::chrono::duration<double>(options_.measured).count();
    summary.response = response_first_half_;
    summary.response.add(response_second_half_);
    summary.service = service_;
    summary.offered = offered_;
    summary.sent = sent_;
    summary.received = received_;
    summary.errors = errors_;
    summary.refused = refused_;
    summary.reconnects = reconnects_;
    summary.lost = sent_ - std::min(sent_, received_ + errors_ + refused_);
    summary.unexpected = unexpected_;
    summary.bounced = bounced_;
    summary.ended_early = ended_early_;
    summary.late = late_;
    summary.late_held = late_held_;
    summary.first_half_p50 = median(response_first_half_);
    summary.second_half_p50 = median(response_second_half_);
    summary.intervals = intervals();
    return summary;
}

}  // namespace skerry::loadgen
