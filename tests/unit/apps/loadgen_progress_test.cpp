#include "loadgen/progress.hpp"

#include "support/catch.hpp"

#include <chrono>

namespace {

using namespace skerry::loadgen;
using namespace std::chrono_literals;

}  // namespace

TEST_CASE("a reader that is no terminal gets no progress line", "[apps][loadgen]") {
    Progress progress(false, 1s, 10s);
    CHECK_FALSE(progress.line(5s, {}).has_value());
    CHECK(progress.clear().empty());
}

TEST_CASE("a progress line comes once a second at most", "[apps][loadgen]") {
    Progress progress(true, 1s, 10s);
    CHECK_FALSE(progress.line(999ms, {}).has_value());
    CHECK(progress.line(1s, {}).has_value());
    CHECK_FALSE(progress.line(1'999ms, {}).has_value());
    CHECK(progress.line(2'500ms, {}).has_value());
}

TEST_CASE("a progress line has the rates since the last one and overwrites it", "[apps][loadgen]") {
    Progress progress(true, 1s, 10s);
    REQUIRE(progress.line(2s, {10'000, 9'990, 0, 0}).has_value());
    CHECK(progress.line(4s, {22'000, 21'000, 3, 5}).value() ==
          "\r4 of 11 s  measuring  sent 6,000/s  received 5,505/s  waiting 997  late 5  errors 3\x1b[K");
    CHECK(progress.clear() == "\r\x1b[K");
}

TEST_CASE("a progress line names the phase of the run", "[apps][loadgen]") {
    Progress progress(true, 3s, 2s);
    CHECK_THAT(progress.line(1s, {}).value(), Catch::Contains("warm-up"));
    CHECK_THAT(progress.line(3s, {}).value(), Catch::Contains("measuring"));
    CHECK_THAT(progress.line(5s, {}).value(), Catch::Contains("waiting for the last answers"));
}

TEST_CASE("numbers are grouped by three digits from the right", "[apps][loadgen]") {
    CHECK(skerry::apps::grouped_text(0) == "0");
    CHECK(skerry::apps::grouped_text(999) == "999");
    CHECK(skerry::apps::grouped_text(1'000) == "1,000");
    CHECK(skerry::apps::grouped_text(1'234'567) == "1,234,567");
}
