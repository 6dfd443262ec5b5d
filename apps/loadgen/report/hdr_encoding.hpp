#pragma once

// Histograms as bytes and as text, in the form that HdrHistogram's readers of every language take: "V2".
//
// V2 is a header and the counters up to the last one that is not 0, each a ZigZag LEB128 number; a negative number n
// stands for -n counters of 0. Compressed it is a shorter header and the zlib stream of all that. A .hlog file holds
// that in base64. A run of microseconds to milliseconds takes about 1 KiB of the 224 KiB in memory.
//
// Every value comes back at the highest value of its counter, so percentiles are those of the histogram that was
// encoded, to the last digit; only the exact minimum and maximum are rounded to their counters. over_range() is lost.
//
// Source: HdrHistogram's V2 encoding, EncodableHistogram and AbstractHistogram of the Java implementation.

#include <skerry/metrics/hdr_histogram.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace skerry::loadgen {

/// The bytes of `histogram`, uncompressed.
[[nodiscard]] std::string encode_v2(const metrics::HdrHistogram& histogram);

/// What encode_v2() was given. Errors: nothing, when `bytes` are no such histogram of integers from 1 up.
[[nodiscard]] std::optional<metrics::HdrHistogram> decode_v2(std::string_view bytes);

/// Compressed and in base64; begins with `HISTF`. Shape: `v2` is what encode_v2() returned.
[[nodiscard]] std::string histogram_text(std::string_view v2);

/// The V2 bytes in such a text. Errors: nothing, when it is damaged, or says that it is above 64 MiB.
[[nodiscard]] std::optional<std::string> histogram_bytes(std::string_view text);

}  // namespace skerry::loadgen
