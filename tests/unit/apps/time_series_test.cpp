#include "common/time_series.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <string>

namespace {

using skerry::apps::TimeSeries;
using skerry::time::Instant;
using namespace std::chrono_literals;

constexpr Instant at(std::chrono::nanoseconds since_origin) { return Instant::from_nanos(since_origin.count()); }

std::string rows_of(TimeSeries& series) {
    std::string csv;
    series.append_rows(csv, 3);
    return csv;
}

}  // namespace

TEST_CASE("times are told by the window in which they were over", "[apps][time_series]") {
    TimeSeries series(100ms, 1s);
    for (int i = 0; i < 30; ++i) series.record(at(5s + 250ms + i * 1ms), 1'000);
    for (int i = 0; i < 20; ++i) series.record(at(5s + 300ms + i * 1ms), 2'000);
    series.record(at(5s + 399ms), 9'000);

    CHECK(rows_of(series) == "5.200000,3,30,1.000,1.000\r\n5.300000,3,21,2.000,9.000\r\n");
}

TEST_CASE("a window in which nothing was over has no row", "[apps][time_series]") {
    TimeSeries series(10ms, 1s);
    series.record(at(1s), 500);
    series.record(at(3s), 700);

    CHECK(rows_of(series) == "1.000000,3,1,n/a,0.500\r\n3.000000,3,1,n/a,0.700\r\n");
}

TEST_CASE("a series that nothing came to has no rows", "[apps][time_series]") {
    TimeSeries series(10ms, 1s);
    CHECK(rows_of(series).empty());
}

TEST_CASE("windows beyond the room of a run are counted and left out", "[apps][time_series]") {
    TimeSeries series(10ms, 20ms);  // room for the two, the one that was begun and the one that ends
    for (int i = 0; i < 6; ++i) series.record(at(1s + i * 10ms), 1'000);

    const std::string csv = rows_of(series);
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 4);
    CHECK(series.left_out() == 2);
}
