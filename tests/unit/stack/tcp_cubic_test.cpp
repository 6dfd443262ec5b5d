// CUBIC: RFC 9438. What is expected is reckoned in floating point, by the document's formulas, in segments and seconds.

#include "support/catch.hpp"

#include <skerry/stack/tcp/congestion.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using stack::TcpLimits;
using stack::tcp::AckSample;
using stack::tcp::Congestion;
using stack::tcp::CongestionControl;
using stack::tcp::no_threshold;

constexpr double c = 0.4;
constexpr double beta = 0.7;

double w_cubic(double t, double k, double w_max) { return c * std::pow(t - k, 3) + w_max; }
double k_of(double w_max, double window) { return std::cbrt((w_max - window) / c); }

/// A sender that always has something to send, on a way of one round trip whose peer acknowledges every second segment.
struct Flow {
    static constexpr std::uint32_t mss = 1448;

    explicit Flow(std::chrono::nanoseconds way, CongestionControl algorithm = CongestionControl::cubic)
        : round_trip(way) {
        limits.congestion_control = algorithm;
        congestion.init(limits, mss, 10 * mss);
    }

    [[nodiscard]] double window() const { return static_cast<double>(congestion.window) / mss; }
    [[nodiscard]] double threshold() const { return static_cast<double>(congestion.threshold) / mss; }

    void acknowledge(std::uint32_t bytes, std::uint32_t in_flight, bool leaves_nothing = false) {
        AckSample sample;
        sample.acked_bytes = bytes;
        sample.in_flight_before = in_flight;
        sample.round_trip = round_trip;
        sample.is_window_limited = in_flight + mss > congestion.window;
        sample.leaves_nothing = leaves_nothing;
        sample.snd_nxt = una + in_flight;
        una += bytes;
        sample.ack = una;
        sample.smoothed = std::chrono::duration_cast<std::chrono::microseconds>(round_trip);
        sample.now = now;
        if (congestion.minds(in_flight)) (void)congestion.on_ack(sample);
    }
    /// The acknowledgements of a round trip in which the whole window is used; `each` is called before each of them.
    template <class Each>
    void pass(Each&& each) {
        const std::uint32_t count = std::max(congestion.window / (2 * mss), 1U);
        for (std::uint32_t i = 0; i < count; ++i) {
            now += round_trip / count;
            each();
            acknowledge(2 * mss, congestion.window);
        }
    }
    void pass() {
        pass([] {});
    }
    /// One acknowledgement of such a round trip.
    void step() {
        now += round_trip / std::max(congestion.window / (2 * mss), 1U);
        acknowledge(2 * mss, congestion.window);
    }
    /// What the sender does about a loss, when it has recovered.
    void lose() {
        congestion.on_loss(congestion.window);
        congestion.window = congestion.threshold;
    }
    /// In congestion avoidance, with a window of so many segments, of which nothing is known.
    void stand_at(std::uint32_t segments) { congestion.window = congestion.threshold = segments * mss; }

    std::chrono::nanoseconds round_trip;
    TcpLimits limits;
    Congestion congestion;
    std::uint32_t una = 1;
    time::Instant now = time::Instant::from_nanos(1'000'000'000);
};

/// Sections 4.2 to 4.5, from the beginning of an epoch.
struct Reference {
    Reference(double window_at_first, double w_max_known, double prior_known)
        : window(window_at_first),
          w_max(std::max(w_max_known, window_at_first)),
          prior(prior_known),
          k(k_of(w_max, window)),
          w_est(window) {}

    void acknowledge(double acked, double t, double rtt) {
        const double alpha = w_est < prior ? 3 * (1 - beta) / (1 + beta) : 1.0;
        w_est += alpha * acked / window;
        if (w_cubic(t, k, w_max) < w_est) {
            window = std::max(window, w_est);
            return;
        }
        const double target = std::clamp(w_cubic(t + rtt, k, w_max), window, 1.5 * window);
        window += (target - window) / window * acked;
    }

    double window;
    double w_max;
    double prior;
    double k;
    double w_est;
};

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

/// Runs `flow` from the beginning of an epoch and holds every window against the formulas.
void check_epoch(Flow& flow, Reference reference, std::chrono::nanoseconds duration) {
    const auto end = flow.now + duration;
    time::Instant begun = flow.now;
    bool has_begun = false;
    double worst = 0;
    while (flow.now < end) {
        flow.pass([&] {
            if (!has_begun) begun = flow.now;
            has_begun = true;
            reference.acknowledge(2, seconds(flow.now - begun), seconds(flow.round_trip));
        });
        worst = std::max(worst, std::abs(flow.window() - reference.window));
    }
    CHECK(worst < 1.0);
}

TEST_CASE("the cubic function is RFC 9438's within a segment", "[stack][tcp][cubic]") {
    for (const std::uint32_t mss : {88U, 536U, 1448U, 8948U}) {
        for (const std::uint32_t w_max : {10U, 100U, 1000U, 20'000U}) {
            if (std::uint64_t{w_max} * mss > stack::tcp::window_max) continue;
            const double k = k_of(w_max, beta * w_max);
            const std::uint32_t k_ms = stack::tcp::cubic_k_ms(w_max * mss - w_max * mss / 10 * 7, mss);
            CHECK(std::abs(k_ms / 1000.0 - k) < 0.002);
            for (int t_ms = 0; t_ms < 60'000; t_ms += 333) {
                const double expected = std::max(w_cubic(t_ms / 1000.0, k, w_max), 0.0);
                if (expected * mss >= stack::tcp::window_max) break;
                const double got = stack::tcp::cubic_window(t_ms, k_ms, w_max * mss, mss) / static_cast<double>(mss);
                // A millisecond of K is worth the slope of the function.
                const double slope = 3 * c * std::pow(t_ms / 1000.0 - k, 2) * 0.002;
                CHECK(std::abs(got - expected) < 0.1 + slope);
            }
        }
    }
}

TEST_CASE("the cubic function has ends where its numbers would", "[stack][tcp][cubic]") {
    using stack::tcp::cubic_window;
    CHECK(cubic_window(0, 10'000, 1000, 1448) == 0);
    CHECK(cubic_window(std::int64_t{1} << 60U, 0, 1000, 1448) == stack::tcp::window_max);
    CHECK(cubic_window(std::int64_t{1} << 60U, 0, stack::tcp::window_max, 65'535) == stack::tcp::window_max);
    CHECK(stack::tcp::cubic_k_ms(0, 1448) == 0);
    CHECK(stack::tcp::cubic_k_ms(0xffff'ffffU, 1) == stack::tcp::cubic_k_ms(stack::tcp::window_max, 1));
}

TEST_CASE("a loss leaves seven tenths of what was under way, and two segments at least", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    flow.congestion.on_loss(10 * Flow::mss);
    CHECK(flow.threshold() == 7);
    flow.congestion.on_loss(2 * Flow::mss);
    CHECK(flow.threshold() == 2);
    flow.congestion.on_timeout(100 * Flow::mss, true);
    CHECK(flow.threshold() == 70);
    CHECK(flow.window() == 1);
    flow.congestion.on_timeout(Flow::mss, false);
    CHECK(flow.threshold() == 70);  // the second of a row finds nothing under way
}

TEST_CASE("behind a loss the window follows the function to where it was, and past it", "[stack][tcp][cubic]") {
    const std::uint32_t segments = GENERATE(60U, 300U, 2000U);
    const auto way = GENERATE(20ms, 100ms, 300ms);
    INFO(segments << " segments, " << way.count() << " ms");
    Flow flow(way);
    flow.stand_at(segments);
    flow.lose();
    check_epoch(flow, Reference(flow.window(), segments, segments), 30s);
}

TEST_CASE("at K the window is where it was before the loss", "[stack][tcp][cubic]") {
    Flow flow(50ms);
    flow.stand_at(1000);
    flow.lose();
    const double k = k_of(1000, 700);
    const auto begun = flow.now + 50ms;
    while (flow.now < begun + std::chrono::nanoseconds(static_cast<std::int64_t>(k * 1e9))) flow.pass();
    CHECK(flow.window() > 998);
    CHECK(flow.window() < 1002);
}

TEST_CASE("on a short way the window is not smaller than Reno's would be on average", "[stack][tcp][cubic]") {
    Flow flow(5ms);
    flow.stand_at(40);
    flow.lose();
    check_epoch(flow, Reference(flow.window(), 40, 40), 5s);
    CHECK(flow.window() > 40 + 500);  // a segment for each round trip, once it is where it was
}

TEST_CASE("a second loss below the first one's window gives room to others", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    flow.stand_at(1000);
    flow.lose();
    for (int i = 0; i < 20; ++i) flow.pass();
    const double lost_at = flow.window();
    REQUIRE(lost_at < 990);
    flow.lose();
    check_epoch(flow, Reference(flow.window(), lost_at * (1 + beta) / 2, lost_at), 20s);
}

TEST_CASE("behind a time-out the function begins with its plateau", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    flow.stand_at(1000);
    flow.congestion.on_timeout(1000 * Flow::mss, true);
    CHECK(flow.window() == 1);
    int steps = 0;
    for (; flow.congestion.window < flow.congestion.threshold; ++steps) flow.step();
    CHECK(steps == 350);  // slow start adds what is acknowledged
    CHECK(flow.threshold() == 700);
    check_epoch(flow, Reference(flow.window(), 0, 1000), 20s);
}

TEST_CASE("a window that is not used does not grow, and its time does not count", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    flow.stand_at(1000);
    flow.lose();
    Flow other(100ms);
    other.stand_at(1000);
    other.lose();
    for (int i = 0; i < 10; ++i) flow.pass(), other.pass();
    CHECK(flow.congestion.window == other.congestion.window);
    const std::uint32_t before = flow.congestion.window;
    flow.acknowledge(before, before, true);  // the last of it
    const std::uint32_t at_the_end = flow.congestion.window;
    for (int i = 0; i < 600; ++i) {
        flow.now += 100ms;
        flow.acknowledge(2 * Flow::mss, 2 * Flow::mss, true);
    }
    CHECK(flow.congestion.window == at_the_end);
    for (int i = 0; i < 10; ++i) flow.pass(), other.pass();
    CHECK(std::abs(flow.window() - other.window()) < 20);
}

TEST_CASE("above the threshold a window that is used for the most part does not grow either", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    flow.stand_at(100);
    for (int i = 0; i < 1000; ++i) {
        flow.now += 10ms;
        flow.acknowledge(2 * Flow::mss, 90 * Flow::mss);
    }
    CHECK(flow.window() == 100);
    flow.acknowledge(2 * Flow::mss, 100 * Flow::mss);
    CHECK(flow.window() > 100);
}

TEST_CASE("in slow start a window that is half used grows to twice of that", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    flow.acknowledge(2 * Flow::mss, 5 * Flow::mss);
    CHECK(flow.window() == 10);
    Flow other(100ms);
    for (std::uint32_t left = 6; left > 0; left -= 2) other.acknowledge(2 * Flow::mss, left * Flow::mss);
    CHECK(other.window() == 12);
}

TEST_CASE("an acknowledgement changes nothing when little is under way, and is not shown", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    CHECK_FALSE(flow.congestion.minds(Flow::mss));
    CHECK_FALSE(flow.congestion.minds(4 * Flow::mss));
    CHECK(flow.congestion.minds(5 * Flow::mss));
    Flow reno(100ms, CongestionControl::reno);
    CHECK_FALSE(reno.congestion.minds(Flow::mss));
}

TEST_CASE("the first slow start ends when round trips grow, and the function begins there", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    flow.pass();
    flow.pass();
    while (flow.congestion.threshold == no_threshold) {
        flow.round_trip += 20ms;
        flow.pass();
        REQUIRE(flow.window() < 10'000);
    }
    CHECK(flow.congestion.threshold <= flow.congestion.window);
    CHECK(flow.window() < 400);  // five rounds of a quarter's growth
    Reference reference(flow.window(), 0, 0);
    if (flow.congestion.threshold == flow.congestion.window) check_epoch(flow, reference, 20s);
}

TEST_CASE("a second slow start is not left early", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    flow.stand_at(1000);
    flow.congestion.on_timeout(1000 * Flow::mss, true);
    for (int i = 0; i < 9; ++i) {
        flow.round_trip += 50ms;
        flow.pass();
    }
    CHECK(flow.window() > 500);
}

TEST_CASE("a loss that was none gives the window and the function back", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    flow.stand_at(1000);
    flow.lose();
    for (int i = 0; i < 20; ++i) flow.pass();
    Flow other(100ms);
    other.stand_at(1000);
    other.lose();
    for (int i = 0; i < 20; ++i) other.pass();
    const std::uint32_t window = flow.congestion.window;
    const std::uint32_t threshold = flow.congestion.threshold;
    const bool by_time = GENERATE(false, true);
    if (by_time)
        flow.congestion.on_timeout(window, true);
    else
        flow.lose();
    REQUIRE(flow.congestion.window < window);
    flow.congestion.undo(window, threshold);
    CHECK(flow.congestion.window == window);
    CHECK(flow.congestion.threshold == threshold);
    for (int i = 0; i < 100; ++i) flow.pass(), other.pass();
    CHECK(std::abs(flow.window() - other.window()) < 1);
}

TEST_CASE("a window that is larger again is not given back", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    flow.stand_at(10);
    flow.lose();
    flow.congestion.window = 12 * Flow::mss;
    flow.congestion.undo(10 * Flow::mss, 10 * Flow::mss);
    CHECK(flow.window() == 12);
    CHECK(flow.threshold() == 7);
}

TEST_CASE("behind a silence three quarters of the window are remembered", "[stack][tcp][cubic]") {
    const auto algorithm = GENERATE(CongestionControl::reno, CongestionControl::cubic);
    Flow flow(100ms, algorithm);
    flow.stand_at(100);
    flow.congestion.on_idle(10 * Flow::mss);
    CHECK(flow.window() == 10);
    CHECK(flow.threshold() == 100);  // it was larger
    flow.stand_at(100);
    flow.congestion.threshold = 50 * Flow::mss;
    flow.congestion.on_idle(10 * Flow::mss);
    CHECK(flow.threshold() == 75);
    flow.congestion.window = 5 * Flow::mss;
    flow.congestion.on_idle(10 * Flow::mss);
    CHECK(flow.window() == 5);
}

TEST_CASE("a silence halves the window so many times, down to the first one", "[stack][tcp][cubic]") {
    const auto algorithm = GENERATE(CongestionControl::reno, CongestionControl::cubic);
    Flow flow(100ms, algorithm);
    flow.stand_at(100);
    flow.congestion.on_idle(10 * Flow::mss, 1);
    CHECK(flow.window() == 50);
    flow.congestion.on_idle(10 * Flow::mss, 2);
    CHECK(flow.window() == 12.5);
    flow.congestion.on_idle(10 * Flow::mss, 1);
    CHECK(flow.window() == 10);
}

TEST_CASE("behind a silence the function begins anew", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    flow.stand_at(200);
    flow.lose();
    for (int i = 0; i < 20; ++i) flow.pass();
    flow.now += 100s;
    flow.congestion.on_idle(10 * Flow::mss);
    while (flow.congestion.window < flow.congestion.threshold) flow.pass();
    CHECK(flow.window() < 160);
    const double before = flow.window();
    flow.pass();
    CHECK(flow.window() < before + 6);
}

TEST_CASE("a window that is fixed stays, whatever is lost", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    flow.limits.fixed_window_bytes = 50'000;
    REQUIRE(flow.congestion.choose(CongestionControl::fixed, flow.limits));
    CHECK(flow.congestion.window == 50'000);
    flow.lose();
    CHECK(flow.congestion.window == 50'000);
    flow.congestion.on_timeout(50'000, true);
    CHECK(flow.congestion.window == 50'000);
    flow.congestion.window = 3000;  // what a recovery leaves
    flow.acknowledge(Flow::mss, Flow::mss);
    CHECK(flow.congestion.window == 50'000);
    flow.congestion.on_idle(1000);
    CHECK(flow.congestion.window == 50'000);
}

TEST_CASE("another algorithm goes on from the window that there is", "[stack][tcp][cubic]") {
    Flow flow(100ms);
    for (int i = 0; i < 3; ++i) flow.pass();
    flow.lose();
    const std::uint32_t window = flow.congestion.window;
    CHECK_FALSE(flow.congestion.choose(CongestionControl::bbr, flow.limits));
    CHECK(flow.congestion.algorithm() == CongestionControl::cubic);
    REQUIRE(flow.congestion.choose(CongestionControl::reno, flow.limits));
    CHECK(flow.congestion.window == window);
    flow.congestion.on_loss(window);
    CHECK(flow.congestion.threshold == window / 2);
    REQUIRE(flow.congestion.choose(CongestionControl::cubic, flow.limits));
    flow.congestion.on_loss(10 * Flow::mss);
    CHECK(flow.threshold() == 7);
}

}  // namespace
}  // namespace skerry
