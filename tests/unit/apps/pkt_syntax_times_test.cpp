#include "pkt_syntax_sample.hpp"

namespace skerry {
namespace {

using namespace pkt_syntax_sample;

EventTime time_of(std::string_view text) { return event(std::string(text) + " close(3) = 0").time; }

TEST_CASE("a time without a sign counts from the start of the script", "[apps][pkt][syntax]") {
    const EventTime time = time_of("1.25");
    CHECK(time.base == TimeBase::start);
    CHECK(time.begin_ns == 1'250'000'000);
    CHECK_FALSE(time.until_ns);
    CHECK_FALSE(time.call_end_ns);
}

TEST_CASE("a time with a plus counts from the event before", "[apps][pkt][syntax]") {
    CHECK(time_of("+0.000000001").base == TimeBase::previous);
    CHECK(time_of("+0.000000001").begin_ns == 1);
    CHECK(time_of("+.5").begin_ns == 500'000'000);
    CHECK(time_of("+3").begin_ns == 3'000'000'000);
    CHECK(time_of("+2.").begin_ns == 2'000'000'000);
}

TEST_CASE("a plus alone is at once after the event before", "[apps][pkt][syntax]") {
    const EventTime time = time_of("+");
    CHECK(time.base == TimeBase::previous);
    CHECK(time.begin_ns == 0);
}

TEST_CASE("an asterisk is any time", "[apps][pkt][syntax]") { CHECK(time_of("*").base == TimeBase::any); }

TEST_CASE("a range of times has both ends from the same base", "[apps][pkt][syntax]") {
    const EventTime absolute = time_of("0.1~0.3");
    CHECK(absolute.base == TimeBase::start);
    CHECK(absolute.begin_ns == 100'000'000);
    CHECK(absolute.until_ns == 300'000'000);
    const EventTime relative = time_of("+0 ~ +.25");
    CHECK(relative.base == TimeBase::previous);
    CHECK(relative.begin_ns == 0);
    CHECK(relative.until_ns == 250'000'000);
}

TEST_CASE("a range that began with a plus ends with one", "[apps][pkt][syntax]") {
    CHECK(refusal("+0.1~0.3 close(3) = 0") == "a.pkt:1:6: expected '+', found \"0.3\"");
}

TEST_CASE("a range does not end before it begins", "[apps][pkt][syntax]") {
    CHECK(refusal("0.3~0.1 close(3) = 0") ==
          "a.pkt:1:5: expected a time not before the beginning, found an earlier one");
}

TEST_CASE("a call that waits has the time of its end", "[apps][pkt][syntax]") {
    const EventTime time = time_of("+.1...0.200");
    CHECK(time.begin_ns == 100'000'000);
    CHECK(time.call_end_ns == 200'000'000);
    CHECK(time_of("0...0.010").call_end_ns == 10'000'000);
    CHECK(refusal("0.2...0.1 close(3) = 0") ==
          "a.pkt:1:7: expected an end not before the beginning, found an earlier one");
}

TEST_CASE("only a call has the time of an end", "[apps][pkt][syntax]") {
    CHECK(refusal("0...0.1 < . 1:1(0)") == "a.pkt:1:1: expected an end only for a call, found another event");
}

TEST_CASE("a time is not finer than a nanosecond, but for zeros", "[apps][pkt][syntax]") {
    CHECK(time_of("0.1000000000000").begin_ns == 100'000'000);
    CHECK(refusal("0.1234567891 close(3) = 0") == "a.pkt:1:12: expected at most nine decimals, found \"1\"");
}

TEST_CASE("a time has a limit", "[apps][pkt][syntax]") {
    CHECK(time_of("999999999.999999999").begin_ns == 999'999'999'999'999'999);
    CHECK(refusal("1000000000 close(3) = 0") ==
          "a.pkt:1:1: expected a time in seconds up to 999999999, found \"1000000000\"");
    CHECK(refusal("+99999999999999999999999999 close(3) = 0").find("up to 999999999") != std::string::npos);
}

TEST_CASE("a time stands where its event begins", "[apps][pkt][syntax]") {
    const Script script = read("// first\n  +0 close(3) = 0\n\t0.1 close(4) = 0\n");
    REQUIRE(script.events.size() == 2);
    CHECK(script.events[0].time.at == Position{2, 3});
    CHECK(script.events[1].time.at == Position{3, 2});
}

}  // namespace
}  // namespace skerry
