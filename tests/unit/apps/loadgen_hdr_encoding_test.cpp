#include "loadgen/report/hdr_encoding.hpp"

#include "loadgen/report/base64.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace skerry::loadgen;
using skerry::metrics::HdrHistogram;

std::string bytes(const std::vector<unsigned>& values) {
    std::string out;
    for (const unsigned value : values) out += static_cast<char>(value);
    return out;
}

HdrHistogram mixed() {
    HdrHistogram histogram;
    for (std::uint64_t i = 0; i < 5'000; ++i) histogram.record(20'000 + i * i % 70'000);
    histogram.record_n(0, 3);
    histogram.record_n(HdrHistogram::default_limit, 2);
    histogram.record_n(1'000'000, 1'000'000'007);
    return histogram;
}

}  // namespace

TEST_CASE("base64 pads to groups of four and comes back", "[apps][loadgen][encoding]") {
    // The vectors of RFC 4648 section 10.
    for (const auto& [plain, text] : std::vector<std::pair<std::string, std::string>>{
             {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}}) {
        CHECK(base64_text(plain) == text);
        CHECK(base64_bytes(text) == plain);
    }
    CHECK(base64_text(bytes({0xFB, 0xFF})) == "+/8=");
    CHECK_FALSE(base64_bytes("Zm9"));
    CHECK_FALSE(base64_bytes("Zm9?"));
    CHECK_FALSE(base64_bytes("Z==="));
}

TEST_CASE("V2 has a header of 40 bytes, zeros as one negative number, and counts up to the last", "[apps][loadgen]") {
    HdrHistogram histogram(3'600'000'000, 3);
    histogram.record_n(1, 200);
    histogram.record(3);
    histogram.record(10);
    const std::string expected = bytes({0x1C, 0x84, 0x93, 0x13, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 3}) +
                                 bytes({0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0xD6, 0x93, 0xA4, 0}) +
                                 bytes({0x3F, 0xF0, 0, 0, 0, 0, 0, 0}) +
                                 bytes({0, 0x90, 3, 0, 2, 11, 2});  // 0, 200, 0, 1, six zeros, 1
    CHECK(encode_v2(histogram) == expected);
}

TEST_CASE("a histogram comes back with every counter", "[apps][loadgen][encoding]") {
    const HdrHistogram before = mixed();
    const auto after = decode_v2(encode_v2(before));
    REQUIRE(after);
    CHECK(after->total_count() == before.total_count());
    CHECK(after->limit() == before.limit());
    std::vector<std::uint64_t> places;
    before.for_each_counter(
        [&](const HdrHistogram::Counter& each) { places.insert(places.end(), {each.index, each.count}); });
    std::vector<std::uint64_t> back;
    after->for_each_counter(
        [&](const HdrHistogram::Counter& each) { back.insert(back.end(), {each.index, each.count}); });
    CHECK(back == places);
    for (const double percentile : {0.0, 50.0, 99.0, 99.9, 100.0})
        CHECK(after->value_at_percentile(percentile) == before.value_at_percentile(percentile));
}

TEST_CASE("a count of 64 bits takes nine bytes and comes back", "[apps][loadgen][encoding]") {
    HdrHistogram histogram;
    const std::uint64_t most = (std::uint64_t{1} << 62U) + 5;
    histogram.record_n(0, most);
    const std::string encoded = encode_v2(histogram);
    CHECK(encoded.size() == 40 + 9);
    CHECK(decode_v2(encoded)->total_count() == most);
}

TEST_CASE("compressed text begins with HISTF and is far smaller than the counters", "[apps][loadgen][encoding]") {
    const std::string plain = encode_v2(mixed());
    const std::string text = histogram_text(plain);
    CHECK(text.substr(0, 5) == "HISTF");
    CHECK(text.size() < mixed().counter_count() * 8 / 20);
    CHECK(histogram_bytes(text) == plain);
}

TEST_CASE("damaged histograms are refused", "[apps][loadgen][encoding]") {
    const std::string good = encode_v2(mixed());
    REQUIRE(decode_v2(good));
    CHECK_FALSE(decode_v2(""));
    CHECK_FALSE(decode_v2(good.substr(0, 39)));
    CHECK_FALSE(decode_v2(good.substr(0, good.size() - 1)));  // the length no longer fits
    for (const std::size_t at : {0U, 7U, 11U, 15U, 23U, 33U}) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x55);
        INFO("byte " << at);
        CHECK_FALSE(decode_v2(bad));
    }
    // More zeros than there are counters, then a number that does not end.
    for (const auto& counters : {bytes({0xFF, 0xFF, 0xFF, 0x7F, 2}), bytes({0x80})}) {
        std::string bad = good.substr(0, 40) + counters;
        bad[6] = 0;
        bad[7] = static_cast<char>(counters.size());
        bad[4] = bad[5] = 0;
        CHECK_FALSE(decode_v2(bad));
    }
    std::string text = histogram_text(good);
    CHECK_FALSE(histogram_bytes(text.substr(4)));
    CHECK_FALSE(histogram_bytes(text.substr(0, text.size() - 4)));
    text[40] = text[40] == 'A' ? 'B' : 'A';
    text[60] = text[60] == 'A' ? 'B' : 'A';
    CHECK_FALSE(histogram_bytes(text));
}
