// Reads whole numbers from standard input into a histogram of skerry and prints what it knows of them, for
// hdr_percentiles.py to compare with another implementation:
//
//     hdr_dump [significant digits] < samples
//
// One `name value` a line, then the .hgrm text after a line `hgrm`.

#include <skerry/metrics/hdr_histogram.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace {

void print(const skerry::metrics::HdrHistogram& histogram) {
    std::printf("count %llu\n", static_cast<unsigned long long>(histogram.total_count()));
    std::printf("over_range %llu\n", static_cast<unsigned long long>(histogram.over_range()));
    std::printf("min %llu\n", static_cast<unsigned long long>(histogram.min()));
    std::printf("max %llu\n", static_cast<unsigned long long>(histogram.max()));
    std::printf("mean %.17g\n", histogram.mean());
    std::printf("stddev %.17g\n", histogram.stddev());
    for (const char* percentile : {"0", "25", "50", "75", "90", "99", "99.9", "99.99", "99.999", "100"})
        std::printf("p%s %llu\n", percentile,
                    static_cast<unsigned long long>(histogram.value_at_percentile(std::strtod(percentile, nullptr))));
    std::printf("hgrm\n%s", histogram.to_hgrm().c_str());
}

}  // namespace

int main(int argc, char** argv) {
    using skerry::metrics::HdrHistogram;
    const int digits = argc > 1 ? std::atoi(argv[1]) : HdrHistogram::default_significant_digits;
    if (digits < 1 || digits > 5) {
        std::fprintf(stderr, "hdr_dump: significant digits are 1 to 5\n");
        return 2;
    }
    HdrHistogram histogram(HdrHistogram::default_limit, digits);
    std::uint64_t sample = 0;
    while (std::cin >> sample) histogram.record(sample);
    if (!std::cin.eof()) {
        std::fprintf(stderr, "hdr_dump: what follows sample %llu is not a whole number\n",
                     static_cast<unsigned long long>(histogram.total_count()));
        return 2;
    }
    print(histogram);
    return 0;
}
