#include "loadgen/sweep/knee.hpp"
#include "loadgen/sweep/sweep_text.hpp"
#include "loadgen/sweep/trial_judge.hpp"
#include "loadgen/report/report_reader.hpp"
#include "loadgen_sample.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace {

using namespace loadgen_sample;
using namespace std::chrono_literals;

/// Searches where rates up to `limit` pass; the rates that were tried.
std::vector<std::uint64_t> tried(KneeSearch& search, std::uint64_t limit) {
    std::vector<std::uint64_t> rates;
    while (const auto rate = search.next()) {
        rates.push_back(*rate);
        search.take(*rate <= limit);
        REQUIRE(rates.size() < 100);
    }
    return rates;
}

}  // namespace

TEST_CASE("the knee is found to the gap that was asked for", "[apps][loadgen][knee]") {
    for (const std::uint64_t limit : {1'000ULL, 1'001ULL, 1'999ULL, 2'000ULL, 77'777ULL, 9'999'999ULL}) {
        KneeSearch search({1'000, 10'000'000, 0.05});
        (void)tried(search, limit);
        INFO(limit);
        CHECK(search.knee() <= limit);
        CHECK(static_cast<double>(limit) <= static_cast<double>(search.knee()) * 1.05);
        CHECK(search.is_bounded());
    }
}

TEST_CASE("rates double, then the gap is halved, and what fails is tried twice", "[apps][loadgen][knee]") {
    KneeSearch search({100, 1'000'000, 0.2});
    CHECK(tried(search, 510) == std::vector<std::uint64_t>{100, 200, 400, 800, 800, 600, 600, 500});
    CHECK(search.knee() == 500);
}

TEST_CASE("one failure of a rate that then passes is forgotten", "[apps][loadgen][knee]") {
    KneeSearch search({100, 400, 0.05});
    search.take(true);
    CHECK(search.next() == 200);
    search.take(false);
    CHECK(search.next() == 200);
    search.take(true);
    CHECK(search.next() == 400);
    search.take(false);
    search.take(true);
    CHECK_FALSE(search.next());
    CHECK(search.knee() == 400);
    CHECK_FALSE(search.is_bounded());
}

TEST_CASE("a first rate that fails ends the search without a knee", "[apps][loadgen][knee]") {
    KneeSearch search({1'000, 10'000, 0.05});
    CHECK(tried(search, 10).size() == 2);
    CHECK(search.knee() == 0);
    CHECK(knee_text({0, true, 1'000, 1'500}) ==
          "no knee: at 1,000 requests a second there was no valid run with a response p99 of at most 1500 us; lower "
          "--from, or raise --p99-max");
}

TEST_CASE("rates of one a second end the search too", "[apps][loadgen][knee]") {
    KneeSearch search({1, 100, 0.001});
    (void)tried(search, 5);
    CHECK(search.knee() == 5);
}

TEST_CASE("a sweep's JSON has the knee and its runs", "[apps][loadgen][knee]") {
    const std::vector<Report> runs{report(1, uneven)};
    const std::string text = to_json(SweepResult{5'000, true, 1'000, 1'500}, runs);
    CHECK(text.find("\"knee\": 5000,") != std::string::npos);
    CHECK(read_reports(text)->size() == 1);
}

TEST_CASE("the bound of a sweep comes from its first valid trial", "[apps][loadgen][sweep]") {
    const Summary calm = report(2, uneven).summary;  // p99 is some 30 us, and ten times that below 1 ms
    Summary stalled = report(2, [](int i) { return uneven(i) + Nanos(i < 100 ? 500'000'000 : 0); }).summary;
    stalled.late = stalled.sent;
    TrialJudge judge(std::nullopt);
    CHECK(judge.why_failed(stalled).find("late_share is 1.0000") == 0);
    CHECK_FALSE(judge.p99_max_us().has_value());
    CHECK(judge.why_failed(calm).empty());
    CHECK(judge.p99_max_us() == 1'000);
    stalled.late = 0;
    CHECK(judge.why_failed(stalled) == "p99 is above 1000 us");
    CHECK(judge.p99_max_us() == 1'000);
    CHECK(TrialJudge(10).why_failed(calm) == "p99 is above 10 us");
}

TEST_CASE("a trial with too few answers for a p99 says so", "[apps][loadgen][sweep]") {
    Recorder recorder({Loop::open, 0s, 1s, 1ms});
    for (Nanos due = 1ms; due < 1s; due += 1ms) {
        recorder.on_send(due, due);
        recorder.on_reply(due, due, due + 20us);
    }
    CHECK(TrialJudge(std::nullopt).why_failed(recorder.summary()).find("p99 is n/a: 999 answers to 999 requests") == 0);
}

TEST_CASE("where no trial was valid there is no bound to tell", "[apps][loadgen][sweep]") {
    SweepResult result;
    result.from = 1'000;
    CHECK(knee_text(result) ==
          "no knee: at 1,000 requests a second there was no valid run; see why above, or lower --from");
}
