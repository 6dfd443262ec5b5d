#include "loadgen/intervals.hpp"

#include "loadgen/recorder.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <vector>

namespace {

using namespace skerry::loadgen;
using namespace std::chrono_literals;

std::vector<std::uint64_t> counts(const Intervals& intervals) {
    std::vector<std::uint64_t> out;
    for (const Interval& row : intervals.rows) out.push_back(interval_histogram(row.response).total_count());
    return out;
}

}  // namespace

TEST_CASE("an answer counts in the interval in which it came", "[apps][loadgen][intervals]") {
    IntervalRecorder recorder(1s, 500ms, 100ms);
    recorder.record(1'000ms, 10, 5);
    recorder.record(1'099ms, 10, 5);
    recorder.record(1'100ms, 30, 20);
    recorder.record(1'350ms, 40, 40);
    const Intervals all = recorder.intervals();
    CHECK(counts(all) == std::vector<std::uint64_t>{2, 1, 0, 1});
    CHECK(all.length == 100ms);
    CHECK(interval_histogram(all.rows[1].response).max() == 30);
    CHECK(interval_histogram(all.rows[1].service).max() == 20);
    CHECK(all.rows[2].response.empty());
}

TEST_CASE("what comes after the measured time counts in the last interval", "[apps][loadgen][intervals]") {
    IntervalRecorder recorder(0s, 250ms, 100ms);
    recorder.record(240ms, 1, 1);
    recorder.record(900ms, 1, 1);
    CHECK(counts(recorder.intervals()) == std::vector<std::uint64_t>{0, 0, 2});
    IntervalRecorder late(0s, 250ms, 100ms);
    late.record(900ms, 1, 1);
    CHECK(counts(late.intervals()) == std::vector<std::uint64_t>{0, 0, 1});
    IntervalRecorder one(0s, 50ms, 100ms);
    one.record(120ms, 1, 1);
    CHECK(counts(one.intervals()) == std::vector<std::uint64_t>{1});
}

TEST_CASE("the intervals of two cores add up", "[apps][loadgen][intervals]") {
    const RecorderOptions options{Loop::open, 0s, 300ms, 1ms, 100ms};
    Recorder first(options);
    Recorder second(options);
    Recorder all(options);
    first.on_reply(10ms, 10ms, 20ms);
    first.on_reply(150ms, 150ms, 160ms);
    second.on_reply(10ms, 10ms, 40ms);
    second.on_reply(250ms, 250ms, 260ms);
    all.add(first);
    all.add(second);
    const Summary summary = all.summary();
    CHECK(counts(summary.intervals) == std::vector<std::uint64_t>{2, 1, 1});
    CHECK(summary.response.total_count() == 4);
    CHECK(interval_histogram(summary.intervals.rows[0].response).max() == 30'015'487);  // 30 ms and its counter
}

TEST_CASE("intervals hold what the run counts, without the warm-up", "[apps][loadgen][intervals]") {
    Recorder recorder({Loop::open, 100ms, 200ms, 1ms, 100ms});
    recorder.on_reply(90ms, 90ms, 110ms);  // due in the warm-up
    recorder.on_reply(110ms, 110ms, 120ms);
    CHECK(counts(recorder.summary().intervals) == std::vector<std::uint64_t>{1});
    Recorder without({Loop::open, 100ms, 200ms, 1ms});
    without.on_reply(110ms, 110ms, 120ms);
    CHECK(without.summary().intervals.rows.empty());
}
