#pragma once

// A run in pieces of equal length: what a percentile over the whole of it hides, drift and stalls, shows there, and
// two runs can be compared by pieces where single answers cannot, because neighbours wait for the same stall.

#include "schedule.hpp"

#include "report/hdr_encoding.hpp"

#include <skerry/metrics/hdr_histogram.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace skerry::loadgen {

/// Times of one piece as encode_v2() writes them; empty texts where no answer came. Decoded, an hour of seconds would
/// take 1.5 GiB.
struct Interval {
    std::string response;
    std::string service;
};

/// The pieces of the measured time, from its begin to the last one with an answer.
struct Intervals {
    Nanos length{0};  ///< of each, the last one too, which the end of the run may have cut short; 0: none were kept
    std::vector<Interval> rows;

    /// Adds what another core saw. Shape: the same length; asserted.
    void add(const Intervals& other);
};

/// The histogram of one text of an Interval; an empty one of an empty text. Shape: encode_v2() wrote it; asserted.
[[nodiscard]] metrics::HdrHistogram interval_histogram(const std::string& encoded);

/// Keeps the pieces of one core. An answer belongs to the piece in which it came; one that comes after the measured
/// time counts in the last.
///
/// Threads: its core.
/// Cost:    448 KiB of histograms; record() is a comparison and two records. Once a piece the counters from shortest to
///          longest time are read and cleared and two texts of 1 to 4 KiB allocated: 37 us for a thousand different
///          times from 20 us to 5 ms (Zen 3). That is when an answer has come, so in an open loop it mostly passes
///          before the next request is due.
class IntervalRecorder {
public:
    /// More pieces than this are not kept.
    static constexpr std::size_t count_max = 100'000;

    /// Shape: 0 < length; measured / length <= count_max; asserted. `begin` is when the measured time does.
    IntervalRecorder(Nanos begin, Nanos measured, Nanos length);

    void record(Nanos finished, std::uint64_t response_ns, std::uint64_t service_ns) {
        if (finished >= end_) [[unlikely]]
            turn(finished);
        response_.record(response_ns);
        service_.record(service_ns);
    }

    /// All pieces up to the one of now.
    [[nodiscard]] Intervals intervals() const;

private:
    void turn(Nanos finished);
    [[nodiscard]] Interval encoded() const;

    Nanos begin_;
    Nanos length_;
    std::size_t count_;
    std::size_t index_ = 0;
    Nanos end_;  // of the piece of now
    metrics::HdrHistogram response_;
    metrics::HdrHistogram service_;
    std::vector<Interval> rows_;  // those before the piece of now
};

}  // namespace skerry::loadgen
