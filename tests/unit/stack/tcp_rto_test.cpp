// How long a sender waits and how much it sends: RFC 6298, 5681, 6582 and 6928.

#include "support/catch.hpp"

#include <skerry/stack/tcp/congestion.hpp>
#include <skerry/stack/rate_limit.hpp>
#include <skerry/stack/tcp/rto.hpp>

#include <algorithm>
#include <chrono>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using stack::TcpLimits;
using stack::tcp::AckSample;
using stack::tcp::Congestion;
using stack::tcp::Rto;

TEST_CASE("the time-out is 1 s before anything was measured, and doubles to its limit", "[stack][tcp]") {
    const TcpLimits limits;
    Rto rto;
    CHECK(rto.value(limits) == 1s);
    for (const auto expected : {2s, 4s, 8s, 16s, 32s, 64s, 120s, 120s}) {
        rto.back_off();
        CHECK(rto.value(limits) == expected);
    }
    rto.reset_back_off();
    CHECK(rto.value(limits) == 1s);
}

TEST_CASE("the first measure gives a mean and half of it as deviation", "[stack][tcp]") {
    const TcpLimits limits;
    Rto rto;
    rto.sample(400ms);
    CHECK(rto.smoothed() == 400ms);
    CHECK(rto.value(limits) == 1200ms);  // 400 + 4 x 200
    rto.sample(400ms);
    CHECK(rto.value(limits) == 1000ms);  // the deviation fell to 150
    rto.sample(800ms);
    CHECK(rto.smoothed() == 450ms);
    CHECK(rto.value(limits) == 450ms + 4 * 212500us);
}

TEST_CASE("a round trip that never varies leaves 200 ms for an acknowledgement that is put off", "[stack][tcp]") {
    TcpLimits limits;
    for (const std::chrono::microseconds way : {100us, 250'000us, 3'000'000us}) {
        Rto rto;
        for (int i = 0; i < 100; ++i) rto.sample(way);
        CHECK(rto.value(limits) == way + 200ms);
        limits.rto_min = 5ms;
        CHECK(rto.value(limits) == way + 5ms);
        limits.rto_min = 200ms;
    }
}

TEST_CASE("the floor may be one of the whole time-out", "[stack][tcp]") {
    TcpLimits limits;
    limits.rto_min_is_of_all = true;
    Rto rto;
    for (int i = 0; i < 100; ++i) rto.sample(100us);
    CHECK(rto.value(limits) == 200ms);
    for (int i = 0; i < 1000; ++i) rto.sample(250ms);
    CHECK(rto.value(limits) < 251ms);
}

TcpLimits reno_limits() {
    TcpLimits limits;
    limits.congestion_control = stack::tcp::CongestionControl::reno;
    return limits;
}

AckSample acked(std::uint32_t bytes) {
    AckSample sample;
    sample.acked_bytes = bytes;
    sample.is_window_limited = true;
    return sample;
}

TEST_CASE("the first window is ten segments, and less of large ones", "[stack][tcp]") {
    const TcpLimits limits;
    CHECK(stack::tcp::initial_window(limits, 1460) == 14'600);
    CHECK(stack::tcp::initial_window(limits, 536) == 5360);
    CHECK(stack::tcp::initial_window(limits, 9000) == 18'000);
    Congestion congestion;
    congestion.init(reno_limits(), 1460, 14'600);
    CHECK(congestion.window == 14'600);
}

TEST_CASE("slow start adds what is acknowledged, then a segment a window", "[stack][tcp]") {
    Congestion congestion;
    congestion.init(reno_limits(), 1000, 10'000);
    (void)congestion.on_ack(acked(10'000));
    CHECK(congestion.window == 20'000);
    congestion.threshold = 21'000;
    (void)congestion.on_ack(acked(3000));
    CHECK(congestion.window == 21'000);  // 1,000 of them; 2,000 count for the next segment
    (void)congestion.on_ack(acked(18'000));
    CHECK(congestion.window == 21'000);
    (void)congestion.on_ack(acked(1000));
    CHECK(congestion.window == 22'000);
}

TEST_CASE("a sender that does not use its window does not get a larger one", "[stack][tcp]") {
    Congestion congestion;
    congestion.init(reno_limits(), 1000, 10'000);
    AckSample sample = acked(10'000);
    sample.is_window_limited = false;
    (void)congestion.on_ack(sample);
    CHECK(congestion.window == 10'000);
}

// The acknowledgements of segments of 1,000 bytes that left together: two by two, the last perhaps alone.
void acknowledge_window(Congestion& congestion, std::uint32_t segments) {
    const std::uint32_t window = congestion.window;
    AckSample sample;
    sample.snd_nxt = segments * 1000;
    for (std::uint32_t left = segments; left != 0; left -= sample.acked_bytes / 1000) {
        sample.acked_bytes = std::min(left, 2U) * 1000;
        sample.in_flight_before = left * 1000;
        sample.is_window_limited = sample.in_flight_before + 1000 > window;
        sample.ack += sample.acked_bytes;
        if (congestion.minds(sample.in_flight_before)) (void)congestion.on_ack(sample);
    }
}

TEST_CASE("a window that was used grows by all of its acknowledgements", "[stack][tcp]") {
    Congestion congestion;
    congestion.init(reno_limits(), 1000, 10'000);
    acknowledge_window(congestion, 10);
    CHECK(congestion.window == 20'000);
}

TEST_CASE("in slow start a window grows to twice what was used of it, above the threshold not", "[stack][tcp]") {
    Congestion congestion;
    congestion.init(reno_limits(), 1000, 10'000);
    const bool is_slow_start = GENERATE(true, false);
    if (!is_slow_start) congestion.threshold = 10'000;
    acknowledge_window(congestion, 9);
    CHECK(congestion.window == (is_slow_start ? 18'000 : 10'000));
    acknowledge_window(congestion, 4);
    CHECK(congestion.window == (is_slow_start ? 18'000 : 10'000));
}

TEST_CASE("above the threshold a window that was used is counted whole", "[stack][tcp]") {
    Congestion congestion;
    congestion.init(reno_limits(), 1000, 10'000);
    congestion.threshold = 10'000;
    acknowledge_window(congestion, 10);
    CHECK(congestion.window == 11'000);
}

TEST_CASE("a loss halves what was under way, a time-out leaves one segment", "[stack][tcp]") {
    Congestion congestion;
    congestion.init(reno_limits(), 1000, 10'000);
    congestion.on_loss(30'000);
    CHECK(congestion.threshold == 15'000);
    congestion.on_timeout(12'000, true);
    CHECK(congestion.threshold == 6000);
    CHECK(congestion.window == 1000);
    congestion.on_timeout(1000, false);
    CHECK(congestion.threshold == 6000);  // the second of a row finds nothing to halve
    congestion.on_loss(1000);
    CHECK(congestion.threshold == 2000);
}

TEST_CASE("a rate limit lets about so many through, and not always as many", "[stack][tcp]") {
    stack::RateLimit limit(1000);
    stack::Random random(1, stack::SecretUse::tcp_numbers);
    auto now = time::Instant::from_nanos(1'000'000'000);
    unsigned total = 0;
    unsigned least = 1000;
    unsigned most = 0;
    for (int i = 0; i < 100; ++i) {  // a second
        unsigned taken = 0;
        while (limit.take(now, random)) ++taken;
        least = std::min(least, taken);
        most = std::max(most, taken);
        total += taken;
        now = now + 10ms;
    }
    CHECK(total > 700);
    CHECK(total < 1300);
    CHECK(least < most);
}

}  // namespace
}  // namespace skerry
