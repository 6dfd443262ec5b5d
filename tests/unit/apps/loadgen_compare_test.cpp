#include "loadgen/compare/bootstrap.hpp"
#include "loadgen/compare/verdict.hpp"
#include "loadgen_sample.hpp"

#include "support/catch.hpp"

#include <string>
#include <vector>

namespace {

using namespace loadgen_sample;

constexpr double levels[] = {50, 99};

Nanos slower(int i) { return uneven(i) + Nanos(3'000); }

/// As uneven(), but whole intervals of 100 ms differ, now and then by much: what a busy machine looks like.
Nanos moody(int i) { return uneven(i + 3) + Nanos((i / 100) * 6'151LL % 9 * 1'000); }

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("percentiles of the table are those of the run", "[apps][loadgen][compare]") {
    const Report run = report(4, moody);
    const DrawTable table(run.summary.intervals);
    CHECK(table.rows() == 40);
    CHECK(table.block_rows() == 4);
    const auto found = bootstrap(table, table, levels);
    REQUIRE(found.size() == 2);
    for (const Difference& each : found) {
        const auto ns = static_cast<double>(run.summary.response.value_at_percentile(each.percentile));
        CHECK(each.a_us == Approx(ns / 1e3));
        CHECK(each.b_us == each.a_us);
    }
}

TEST_CASE("requests without an answer are above the percentiles of the table, too", "[apps][loadgen][compare]") {
    const Report run = report(4, uneven);
    const DrawTable table(run.summary.intervals, 40);  // and 4,000 are answered
    const Difference p99 = bootstrap(table, table, levels)[1];
    CHECK(p99.a_us == Approx(static_cast<double>(run.summary.response.value_at_percentile(100)) / 1e3));
}

TEST_CASE("a run beside itself shows no difference", "[apps][loadgen][compare]") {
    const DrawTable table(report(4, moody).summary.intervals);
    for (const Difference& each : bootstrap(table, table, levels)) {
        CHECK(each.low_us <= 0);
        CHECK(each.high_us >= 0);
        CHECK(to_verdict(each) == "no difference shown");
    }
}

TEST_CASE("a difference larger than what intervals differ by is shown", "[apps][loadgen][compare]") {
    const DrawTable a(report(4, uneven).summary.intervals);
    const DrawTable b(report(4, slower).summary.intervals);
    for (const Difference& each : bootstrap(a, b, levels)) {
        CHECK(each.low_us <= 3.1);
        CHECK(each.high_us >= 2.9);
        CHECK(to_verdict(each) == "slower");
    }
    for (const Difference& each : bootstrap(b, a, levels)) CHECK(to_verdict(each) == "faster");
}

TEST_CASE("intervals that differ widen what a difference may be", "[apps][loadgen][compare]") {
    const DrawTable calm(report(4, uneven).summary.intervals);
    const DrawTable busy(report(4, moody).summary.intervals);
    const auto narrow = bootstrap(calm, calm, levels)[0];
    const auto wide = bootstrap(calm, busy, levels)[0];
    CHECK(wide.high_us - wide.low_us > 2 * (narrow.high_us - narrow.low_us));
}

TEST_CASE("the same seed draws the same", "[apps][loadgen][compare]") {
    const DrawTable table(report(2, moody).summary.intervals);
    const auto first = bootstrap(table, table, levels);
    const auto again = bootstrap(table, table, levels);
    const auto other = bootstrap(table, table, levels, {2'000, 0.95, 2});
    CHECK(first[0].low_us == again[0].low_us);
    CHECK(first[0].high_us == again[0].high_us);
    CHECK((first[0].low_us != other[0].low_us || first[0].high_us != other[0].high_us));
}

TEST_CASE("long runs are put together to at most 200 rows", "[apps][loadgen][compare]") {
    const DrawTable table(report(45, uneven).summary.intervals);  // 450 intervals
    CHECK(table.merged() == 3);
    CHECK(table.rows() == 150);
    std::vector<std::uint64_t> counts;
    table.sum(std::vector<std::uint32_t>(150, 1), counts);
    std::uint64_t total = 0;
    for (const std::uint64_t count : counts) total += count;
    CHECK(total == 45'000);
}

TEST_CASE("the verdict says where B is faster, slower, and where nothing is shown", "[apps][loadgen][compare]") {
    const Difference faster{50, 10, 8, -2.5, -1.5};
    const Difference slower_at{99, 10, 12, 1.5, 2.5};
    const Difference open{90, 10, 9, -2, 0.5};
    const Difference too_small{99.9, 1'000, 1'000.5, 0.2, 0.9};  // below what the histogram tells apart
    CHECK(verdict_of({faster}) == "B is faster than A at p50");
    CHECK(verdict_of({faster, open, slower_at}) ==
          "B is faster than A at p50; B is slower than A at p99; no difference shown at p90");
    CHECK(verdict_of({open, too_small}) == "no difference shown");
}

TEST_CASE("there is no verdict on an invalid run, or on a short one", "[apps][loadgen][compare]") {
    const Report good = report(4, uneven);
    CHECK(why_no_verdict(good, good).empty());
    Report bad = good;
    bad.summary.received = 0;
    CHECK(why_no_verdict(bad, good).find("A is an invalid run: achieved/offered is 0.0000") == 0);
    Report brief = good;
    brief.summary.intervals.rows.resize(39);
    CHECK(why_no_verdict(good, brief).find("B has 39 intervals; 40 are needed") == 0);
}

TEST_CASE("the text of a comparison names what else differs, and ends with the verdict", "[apps][loadgen][compare]") {
    Report a = report(4, uneven);
    Report b = report(4, slower);
    a.run.mode = "echo";
    b.run.mode = "sink";
    b.run.rate = 1'500;
    b.run.arrivals = Arrivals::poisson;
    b.run.warm_up_s = 2.5;
    b.machine.kernel = "Linux 6.12";
    const std::string text = compare_text(a, b);
    CHECK(has(text, "p50 "));
    CHECK(has(text, "p99 "));
    CHECK_FALSE(has(text, "p99.9 "));  // 4,000 answers are too few
    CHECK(has(text, "not the same in A and B: rate: 1000 / 1500\n"));
    CHECK(has(text, "not the same in A and B: arrivals: constant / poisson\n"));
    CHECK(has(text, "not the same in A and B: mode: echo / sink\n"));
    CHECK(has(text, " / 2.5 s\n"));
    CHECK(has(text, "not the same in A and B: kernel: Linux 6.1 x86_64 / Linux 6.12\n"));
    CHECK(has(text, "blocks of 4 of 40 intervals of 100 ms"));
    CHECK(has(text, "\nverdict: B is slower than A at p50, p90, p99\n"));
    b.run.mode = "";  // an earlier version's file
    CHECK_FALSE(has(compare_text(a, b), "mode"));
}
