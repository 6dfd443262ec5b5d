#pragma once

// How a run's times moved while it went on: their count, median and longest, window by window. A median over a whole
// run hides that the machine was another one in its second half.

#include <skerry/metrics/hdr_histogram.hpp>
#include <skerry/time/instant.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace skerry::apps {

/// Times of one core, in windows that begin at whole multiples of their length on the CLOCK_MONOTONIC time line: those
/// of several programs lie on each other. A window without a time has no row.
///
/// Threads: one core's; rows belong after it has stopped.
/// Cost:    240 KiB and 32 bytes a window, allocated at once; record() is a comparison and a record of the histogram.
class TimeSeries {
public:
    /// More windows than this are not kept.
    static constexpr std::size_t windows_max = 1'000'000;

    /// Shape: 0 < window; `expected` is how long the run will be, and decides how many rows there is room for.
    TimeSeries(std::chrono::nanoseconds window, std::chrono::nanoseconds expected);

    /// Something that took `ns` was over `at`. Shape: `at` is not before that of the last call; one that is counts in
    /// the window of now.
    void record(time::Instant at, std::uint64_t ns) noexcept {
        if (at >= end_) [[unlikely]]
            turn(at);
        times_.record(ns);
    }

    /// Windows that there was no room for.
    [[nodiscard]] std::uint64_t left_out() const noexcept { return left_out_; }

    /// Adds a line of CSV for each window: start in seconds, `core`, count, p50 and longest in microseconds. A median
    /// of fewer than 20 is n/a. Closes the window of now.
    void append_rows(std::string& csv, std::size_t core);

    /// The first line of such a file.
    static constexpr const char* header = "start_s,core,count,p50_us,max_us\r\n";

private:
    struct Row {
        time::Instant start;
        std::uint64_t count;
        std::uint64_t p50_ns;
        std::uint64_t max_ns;
    };

    void turn(time::Instant at) noexcept;

    std::chrono::nanoseconds window_;
    time::Instant end_;  // of the window of now
    metrics::HdrHistogram times_;
    std::vector<Row> rows_;  // never more than it has room for
    std::uint64_t left_out_ = 0;
};

}  // namespace skerry::apps
