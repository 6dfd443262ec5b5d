#include "intervals.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <utility>

namespace skerry::loadgen {

namespace {

std::size_t pieces(Nanos measured, Nanos length) noexcept {
    return static_cast<std::size_t>(std::max<Nanos::rep>((measured + length - Nanos{1}) / length, 1));
}

void add_text(std::string& to, const std::string& from) {
    if (from.empty()) return;
    metrics::HdrHistogram sum = interval_histogram(from);
    if (!to.empty()) sum.add(interval_histogram(to));
    to = encode_v2(sum);
}

}  // namespace

metrics::HdrHistogram interval_histogram(const std::string& encoded) {
    if (encoded.empty()) return metrics::HdrHistogram();
    auto histogram = decode_v2(encoded);
    SKERRY_ASSERT(histogram.has_value(), "an interval holds what encode_v2() wrote");
    return *std::move(histogram);
}

void Intervals::add(const Intervals& other) {
    SKERRY_ASSERT(length == other.length, "intervals of different lengths cannot be added");
    rows.resize(std::max(rows.size(), other.rows.size()));
    for (std::size_t i = 0; i < other.rows.size(); ++i) {
        add_text(rows[i].response, other.rows[i].response);
        add_text(rows[i].service, other.rows[i].service);
    }
}

IntervalRecorder::IntervalRecorder(Nanos begin, Nanos measured, Nanos length)
    : begin_(begin), length_(length), count_(0), end_(begin + length) {
    SKERRY_ASSERT(length > Nanos{0}, "an interval has a length");
    count_ = pieces(measured, length);
    SKERRY_ASSERT(count_ <= count_max, "a run has a bounded number of intervals");
    rows_.reserve(count_);
    if (count_ == 1) end_ = Nanos::max();
}

Interval IntervalRecorder::encoded() const {
    if (response_.empty()) return {};
    return {encode_v2(response_), encode_v2(service_)};
}

void IntervalRecorder::turn(Nanos finished) {
    rows_.push_back(encoded());
    response_.reset();
    service_.reset();
    index_ = std::min(static_cast<std::size_t>((finished - begin_) / length_), count_ - 1);
    rows_.resize(index_);
    const bool is_last = index_ + 1 == count_;
    end_ = is_last ? Nanos::max() : begin_ + length_ * static_cast<Nanos::rep>(index_ + 1);
}

Intervals IntervalRecorder::intervals() const {
    Intervals all{length_, rows_};
    if (!response_.empty()) all.rows.push_back(encoded());
    return all;
}

}  // namespace skerry::loadgen
