#include "loadgen/schedule.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

using namespace skerry::loadgen;

std::vector<std::int64_t> times_of(Schedule schedule, std::size_t count) {
    std::vector<std::int64_t> times;
    for (std::size_t i = 0; i < count; ++i) times.push_back(schedule.next().count());
    return times;
}

Rate rate_of(const char* text) {
    const auto rate = Rate::parse(text);
    REQUIRE(rate.has_value());
    return *rate;
}

}  // namespace

TEST_CASE("a rate is read as the exact fraction it is written as", "[apps][loadgen]") {
    CHECK(rate_of("5000").events == 5'000);
    CHECK(rate_of("5000").seconds == 1);
    CHECK(rate_of("0.3").events == 3);
    CHECK(rate_of("0.3").seconds == 10);
    CHECK(rate_of("0.000001").events == 1);
    CHECK(rate_of("0.000001").seconds == 1'000'000);
    CHECK(rate_of("1000000000").per_second() == 1e9);
    CHECK(rate_of("999999999.999999").events == 999'999'999'999'999);
    CHECK(rate_of("1000000000.000000").per_second() == 1e9);
}

TEST_CASE("what is no rate in range is refused", "[apps][loadgen]") {
    const auto* text = GENERATE("", ".", "0", "0.0", "-1", "+1", "1e3", "1 ", "1.2.3", "ten", "0.0000001", "1000000001",
                                "1000000000.1", "99999999999999999999999999");
    INFO("rate '" << text << "'");
    CHECK_FALSE(Rate::parse(text).has_value());
}

TEST_CASE("a constant schedule starts at 0 and keeps its interval", "[apps][loadgen]") {
    CHECK(times_of(Schedule::constant(rate_of("1000")), 4) ==
          std::vector<std::int64_t>{0, 1'000'000, 2'000'000, 3'000'000});
    CHECK(Schedule::constant(rate_of("1000")).mean_interval() == Nanos(1'000'000));
}

TEST_CASE("a constant schedule whose interval is no whole nanosecond does not drift", "[apps][loadgen]") {
    // 3 requests in 10 µs: an interval of 3,333.3 ns. Request 3,000,000 is due at 10 s, to the nanosecond.
    auto schedule = Schedule::constant(rate_of("300000"));
    CHECK(times_of(schedule, 4) == std::vector<std::int64_t>{0, 3'333, 6'666, 10'000});
    for (int i = 0; i < 3'000'000; ++i) static_cast<void>(schedule.next());
    CHECK(schedule.next() == std::chrono::seconds{10});
}

TEST_CASE("every time of a constant schedule is the floor of i / rate", "[apps][loadgen]") {
    const auto* text = GENERATE("7", "12345.678", "999999.999999", "0.7");
    const auto rate = rate_of(text);
    auto schedule = Schedule::constant(rate);
    bool exact = true;
    for (std::uint64_t i = 0; i < 9'000; ++i) {
        // i * 10^9 * seconds stays below 2^63 here, so that plain integers are the judge.
        const auto due = i * 1'000'000'000 * rate.seconds / rate.events;
        exact = exact && schedule.next().count() == static_cast<std::int64_t>(due);
    }
    INFO("rate " << text);
    CHECK(exact);
}

TEST_CASE("the shares of a constant schedule are together the whole", "[apps][loadgen]") {
    const auto rate = rate_of("300000");
    std::vector<std::int64_t> together;
    for (const unsigned index : {0U, 1U, 2U, 3U}) {
        const auto part = times_of(Schedule::constant(rate, {index, 4}), 1'000);
        together.insert(together.end(), part.begin(), part.end());
    }
    std::sort(together.begin(), together.end());
    CHECK(together == times_of(Schedule::constant(rate), 4'000));
}

TEST_CASE("what is skipped of a constant schedule is as many as next() would give", "[apps][loadgen][skip]") {
    const auto* text = GENERATE("7", "12345.678", "999999.999999", "0.7", "300000");
    const Share share = GENERATE(Share{}, Share{2, 3});
    const auto end =
        GENERATE(Nanos{0}, Nanos{1}, Nanos{3'333}, Nanos{10'000}, Nanos{123'456'789}, Nanos{2'000'000'000});
    auto one_by_one = Schedule::constant(rate_of(text), share);
    auto at_once = one_by_one;
    std::uint64_t count = 0;
    for (auto ahead = one_by_one; ahead.next() < end; static_cast<void>(one_by_one.next())) ++count;
    INFO("rate " << text << ", " << end.count() << " ns");
    CHECK(at_once.skip_before(end) == count);
    CHECK(times_of(at_once, 100) == times_of(one_by_one, 100));
    CHECK(at_once.skip_before(end) == 0);
}

TEST_CASE("ten years of the highest rate are skipped at once, to the request", "[apps][loadgen][skip]") {
    constexpr std::int64_t ten_years_s = 10LL * 365 * 86'400;
    auto schedule = Schedule::constant(rate_of("1000000000.000000"));
    CHECK(schedule.skip_before(std::chrono::seconds{ten_years_s}) == 1'000'000'000ULL * ten_years_s);
    CHECK(schedule.next() == std::chrono::seconds{ten_years_s});
}

TEST_CASE("few Poisson arrivals are skipped as next() would give them", "[apps][loadgen][skip]") {
    auto one_by_one = Schedule::poisson(rate_of("1000"), 3);
    auto at_once = one_by_one;
    const Nanos end = std::chrono::seconds{2};
    std::uint64_t count = 0;
    for (auto ahead = one_by_one; ahead.next() < end; static_cast<void>(one_by_one.next())) ++count;
    CHECK(at_once.skip_before(end) == count);
    CHECK(times_of(at_once, 100) == times_of(one_by_one, 100));
}

TEST_CASE("the number of many Poisson arrivals has the mean and the spread of theirs", "[apps][loadgen][skip]") {
    constexpr double expected = 1e6;
    double sum = 0;
    double squares = 0;
    for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
        auto schedule = Schedule::poisson(rate_of("1000000"), seed);
        const double off = static_cast<double>(schedule.skip_before(std::chrono::seconds{1})) - expected;
        sum += off;
        squares += off * off;
        CHECK(schedule.next() >= std::chrono::seconds{1});
    }
    // The seeds are fixed, so the checks cannot flicker: three standard errors of the mean, 10 % of the spread.
    CHECK(std::abs(sum / 1'000) < 3 * std::sqrt(expected / 1'000));
    CHECK(std::sqrt(squares / 1'000) == Approx(std::sqrt(expected)).epsilon(0.1));
}

TEST_CASE("ten years of Poisson arrivals are skipped at once", "[apps][loadgen][skip]") {
    auto schedule = Schedule::poisson(rate_of("1000000000"), 1);
    CHECK(static_cast<double>(schedule.skip_before(std::chrono::hours{24 * 3'650})) == Approx(3.1536e17));
}

TEST_CASE("Poisson arrivals keep the rate and have the spread of exponential gaps", "[apps][loadgen]") {
    constexpr std::size_t count = 200'000;
    const auto times = times_of(Schedule::poisson(rate_of("1000"), 42), count);
    const double mean = static_cast<double>(times.back()) / count;
    double squares = 0;
    std::size_t above_mean = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const double gap = static_cast<double>(times[i] - (i > 0 ? times[i - 1] : 0));
        squares += (gap - mean) * (gap - mean);
        above_mean += gap > mean;
    }
    // One standard error of the mean is 0.22 %; the seed is fixed, so the check cannot flicker.
    CHECK(mean == Approx(1e6).epsilon(0.01));
    CHECK(std::sqrt(squares / count) == Approx(1e6).epsilon(0.02));
    CHECK(static_cast<double>(above_mean) / count == Approx(std::exp(-1.0)).epsilon(0.01));
    CHECK(std::is_sorted(times.begin(), times.end()));
}

TEST_CASE("Poisson gaps shorter than a nanosecond are carried, not lost", "[apps][loadgen]") {
    constexpr std::size_t count = 100'000;
    const auto times = times_of(Schedule::poisson(rate_of("1000000000"), 7), count);
    CHECK(static_cast<double>(times.back()) == Approx(static_cast<double>(count)).epsilon(0.02));
}

TEST_CASE("a seed gives the same Poisson times again, another seed or share others", "[apps][loadgen]") {
    const auto rate = rate_of("1000");
    const auto times = times_of(Schedule::poisson(rate, 1), 100);
    CHECK(times == times_of(Schedule::poisson(rate, 1), 100));
    CHECK(times != times_of(Schedule::poisson(rate, 2), 100));
    CHECK(times_of(Schedule::poisson(rate, 1, {0, 2}), 100) != times_of(Schedule::poisson(rate, 1, {1, 2}), 100));
}

TEST_CASE("the shares of a Poisson schedule have the rate together", "[apps][loadgen]") {
    std::int64_t last_sum = 0;
    for (const unsigned index : {0U, 1U, 2U, 3U})
        last_sum += times_of(Schedule::poisson(rate_of("1000"), 5, {index, 4}), 50'000).back();
    CHECK(static_cast<double>(last_sum) / 4 / 50'000 == Approx(4e6).epsilon(0.01));
}
