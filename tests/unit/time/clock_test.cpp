#include "support/catch.hpp"

#include <skerry/time/clock.hpp>
#include <skerry/time/instant.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <time.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using skerry::time::Clock;
using skerry::time::ClockSource;
using skerry::time::Instant;
using skerry::time::VirtualTime;
using skerry::time::VirtualTimeScope;
using skerry::time::detail::Bend;
using skerry::time::detail::ClockSample;
using skerry::time::detail::CycleScale;
using skerry::time::detail::KeptLine;
using skerry::time::detail::endless_cycles;
using skerry::time::detail::plan_bend;
using skerry::time::detail::Rate;

constexpr Rate one = Rate{1} << skerry::time::detail::rate_fraction_bits;

/// A counter that a test moves. `on_read` runs inside each read, so that a test can look at the scale
/// while bend() is under way.
struct FakeCounter {
    static inline std::uint64_t cycles = 0;
    static inline std::function<void()> on_read;

    static std::uint64_t read() noexcept {
        if (on_read) on_read();
        return cycles;
    }
    static void reset(std::uint64_t start) {
        cycles = start;
        on_read = nullptr;
    }
};

std::int64_t show(const CycleScale& scale, std::uint64_t cycles) {
    FakeCounter::cycles = cycles;
    std::int64_t fast_ns = 0;
    const std::int64_t slow_ns = scale.read_slowly(FakeCounter::read);
    if (scale.read(FakeCounter::read, fast_ns)) CHECK(fast_ns == slow_ns);
    CHECK(scale.at(cycles) == slow_ns);
    return slow_ns;
}

bool reads_fast(const CycleScale& scale, std::uint64_t cycles) {
    FakeCounter::cycles = cycles;
    std::int64_t now_ns = 0;
    return scale.read(FakeCounter::read, now_ns);
}

std::int64_t monotonic_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::uint64_t monotonic_counter() noexcept { return static_cast<std::uint64_t>(monotonic_ns()); }

}  // namespace

TEST_CASE("a scale that was not started answers no fast read", "[time][clock]") {
    const CycleScale scale;
    FakeCounter::reset(0);
    CHECK_FALSE(reads_fast(scale, 0));
    CHECK_FALSE(reads_fast(scale, 1000));
}

TEST_CASE("a scale turns cycles into nanoseconds, also a little before its start", "[time][clock]") {
    CycleScale scale;
    FakeCounter::reset(0);
    scale.start(1000, 50'000, one / 4);
    CHECK(reads_fast(scale, 1000));
    CHECK(show(scale, 1000) == 50'000);
    CHECK(show(scale, 1003) == 50'000);
    CHECK(show(scale, 1004) == 50'001);
    CHECK(show(scale, 996) == 49'999);
    CHECK(show(scale, 1000 + 4'000'000'000'000'000'000) == 1'000'000'000'000'050'000);
}

TEST_CASE("a bent scale meets the old line where it begins", "[time][clock]") {
    for (const Rate rate : {one / 2, one - one / 2000, one + one / 2000, 2 * one}) {
        CycleScale scale;
        FakeCounter::reset(0);
        scale.start(0, 0, one + 12'345);
        std::vector<std::int64_t> before;
        for (std::uint64_t cycles = 5000; cycles <= 6000; ++cycles) before.push_back(show(scale, cycles));

        FakeCounter::cycles = 5000;
        REQUIRE(scale.bend(FakeCounter::read, 1000, Bend{rate, rate, endless_cycles, 0}));

        std::vector<std::int64_t> after;
        for (std::uint64_t cycles = 5000; cycles <= 6000; ++cycles) after.push_back(show(scale, cycles));
        CHECK(after == before);
        CHECK(show(scale, 7000) - before.back() == skerry::time::detail::scaled(1000, rate));
        CHECK(reads_fast(scale, 6000));
    }
}

TEST_CASE("a kept line shows what its scale shows, and nothing once the scale has another", "[time][clock]") {
    CycleScale scale;
    FakeCounter::reset(1000);
    KeptLine line;
    std::int64_t now_ns = 0;
    const auto reads = [&](std::uint64_t cycles) {
        FakeCounter::cycles = cycles;
        return scale.read(FakeCounter::read, line, now_ns);
    };
    CHECK_FALSE(reads(1000));
    scale.keep(line);
    CHECK_FALSE(reads(1000));  // there is none

    scale.start(1000, 50'000, one / 4);
    CHECK_FALSE(reads(2000));
    scale.keep(line);
    CHECK_FALSE(reads(996));  // it has not begun
    REQUIRE(reads(2000));
    CHECK(now_ns == show(scale, 2000));

    int looks = 0;
    FakeCounter::on_read = [&] {
        if (++looks != 2) return;  // the read after the announcement
        CHECK_FALSE(reads(2100));
        KeptLine pending;
        scale.keep(pending);
        CHECK(pending.length_cycles == 0);
        FakeCounter::cycles = 2200;
    };
    REQUIRE(scale.bend(FakeCounter::read, 1000, Bend{one / 2, one / 2, 500, 0}));
    FakeCounter::on_read = nullptr;
    CHECK_FALSE(reads(3200));
    scale.keep(line);
    CHECK_FALSE(reads(2999));  // the bend is still to come
    REQUIRE(reads(3200));
    CHECK(now_ns == show(scale, 3200));
    CHECK_FALSE(reads(3500));  // its end
}

TEST_CASE("readers keep to the old line up to the limit while a bend is pending", "[time][clock]") {
    CycleScale scale;
    FakeCounter::reset(5000);
    scale.start(0, 0, one);
    int looks = 0;
    bool pending_seen = false;
    FakeCounter::on_read = [&] {
        if (++looks != 2) return;  // the read after the announcement
        pending_seen = !reads_fast(scale, 5100);
        CHECK(scale.read_slowly(FakeCounter::read) == 5100);
        FakeCounter::cycles = 6000;
        CHECK(scale.read_slowly(FakeCounter::read) == 6000);
        FakeCounter::cycles = 5200;
    };
    REQUIRE(scale.bend(FakeCounter::read, 1000, Bend{one / 2, one / 2, endless_cycles, 0}));
    FakeCounter::on_read = nullptr;
    CHECK(pending_seen);
    CHECK(show(scale, 6100) == 6050);
}

TEST_CASE("a bend announced too late changes nothing", "[time][clock]") {
    CycleScale scale;
    FakeCounter::reset(5000);
    scale.start(0, 0, one);
    int looks = 0;
    FakeCounter::on_read = [&] {
        if (++looks == 2) FakeCounter::cycles = 5501;  // the writer was away for more than half of the margin
    };
    CHECK_FALSE(scale.bend(FakeCounter::read, 1000, Bend{one / 2, one / 2, endless_cycles, 7}));
    FakeCounter::on_read = nullptr;
    CHECK(reads_fast(scale, 5501));
    CHECK(show(scale, 9000) == 9000);
}

TEST_CASE("past its end a bend goes on at the rate after it", "[time][clock]") {
    CycleScale scale;
    FakeCounter::reset(0);
    scale.start(0, 0, one);
    REQUIRE(scale.bend(FakeCounter::read, 100, Bend{one / 2, one, 1000, 0}));
    CHECK(show(scale, 1098) == 599);
    CHECK(reads_fast(scale, 1099));
    CHECK(show(scale, 1100) == 600);
    CHECK_FALSE(reads_fast(scale, 1100));
    CHECK(show(scale, 2100) == 1600);

    SECTION("and the next bend begins on it") {
        FakeCounter::cycles = 2100;
        REQUIRE(scale.bend(FakeCounter::read, 100, Bend{2 * one, 2 * one, endless_cycles, 0}));
        CHECK(show(scale, 2150) == 1650);
        CHECK(show(scale, 2200) == 1700);
        CHECK(show(scale, 2300) == 1900);
    }
}

TEST_CASE("a step is taken where the bend begins", "[time][clock]") {
    CycleScale scale;
    FakeCounter::reset(0);
    scale.start(0, 0, one);
    REQUIRE(scale.bend(FakeCounter::read, 100, Bend{one, one, endless_cycles, 1'000'000}));
    CHECK(show(scale, 99) == 99);
    CHECK(show(scale, 100) == 1'000'100);
}

TEST_CASE("a plan removes a small error within a second", "[time][clock]") {
    const ClockSample before{0, 0, 0};
    const ClockSample now{2'500'000'000, 1'000'000'000, 0};
    const std::int64_t error_ns = GENERATE(-400'000, -1000, 0, 1, 1000, 500'000);
    const Bend bend = plan_bend(before, now, now.now_ns + error_ns);
    CHECK(bend.step_ns == 0);
    CHECK(bend.rate_after == one * 2 / 5);
    CHECK(std::abs(static_cast<std::int64_t>(bend.length_cycles) - 2'500'000'000) <= 5);
    const auto length = static_cast<std::int64_t>(bend.length_cycles);
    const std::int64_t corrected_ns =
        skerry::time::detail::scaled(length, bend.rate_after) - skerry::time::detail::scaled(length, bend.rate);
    CHECK(std::abs(corrected_ns - error_ns) <= 2);
}

TEST_CASE("a correction is never above 500 ppm up to an error of 10 ms", "[time][clock]") {
    const ClockSample before{0, 0, 0};
    const ClockSample now{1'000'000'000, 1'000'000'000, 0};
    const std::int64_t error_ns = GENERATE(-10'000'000, -600'000, 600'000, 10'000'000);
    const Bend bend = plan_bend(before, now, now.now_ns + error_ns);
    CHECK(bend.step_ns == 0);
    CHECK(std::abs(bend.rate - one) <= one / 2000 + 1);
    CHECK(std::abs(bend.rate - one) >= one / 2000 - 1);
    const std::int64_t corrected_ns =
        skerry::time::detail::scaled(static_cast<std::int64_t>(bend.length_cycles), bend.rate_after - bend.rate);
    CHECK(std::abs(corrected_ns - error_ns) <= 20);
}

TEST_CASE("far behind the clock steps forward, far ahead it slows down and never steps back", "[time][clock]") {
    const ClockSample before{0, 0, 0};
    const ClockSample now{1'000'000'000, 1'000'000'000, 0};

    const Bend behind = plan_bend(before, now, now.now_ns - 10'000'001);
    CHECK(behind.step_ns == 10'000'001);
    CHECK(behind.rate == behind.rate_after);

    const Bend ahead = plan_bend(before, now, now.now_ns + 10'000'000'000);
    CHECK(ahead.step_ns == 0);
    CHECK(ahead.rate == one / 2);
    CHECK(ahead.length_cycles == 20'000'000'000);

    const Bend somewhat_ahead = plan_bend(before, now, now.now_ns + 20'000'000);
    CHECK(somewhat_ahead.length_cycles == 1'000'000'000);
    CHECK(std::abs(somewhat_ahead.rate - (one - one / 50)) <= 1);
}

TEST_CASE("slewing each second keeps a drifting counter within a microsecond", "[time][clock]") {
    // The counter runs at 1 GHz with a calibration that is 80 ppm off, on a time line that itself drifts.
    CycleScale scale;
    FakeCounter::reset(0);
    scale.start(0, 0, one + one / 12'500);
    const auto true_ns = [](std::uint64_t cycles) {
        const auto seconds = static_cast<std::int64_t>(cycles / 1'000'000'000);
        return static_cast<std::int64_t>(cycles) + 40 * seconds * seconds;  // the rate grows by 0.08 ppm each second
    };
    ClockSample before{0, 0, 0};
    std::int64_t last_ns = 0;
    for (std::uint64_t second = 1; second <= 60; ++second) {
        const std::uint64_t cycles = second * 1'000'000'000;
        const ClockSample now{cycles, true_ns(cycles), 0};
        const std::int64_t shown_ns = show(scale, cycles);
        CHECK(shown_ns > last_ns);
        last_ns = shown_ns;
        if (second == 1) CHECK(shown_ns - now.now_ns > 70'000);
        if (second > 2) CHECK(std::abs(shown_ns - now.now_ns) < 1000);
        REQUIRE(scale.bend(FakeCounter::read, 1'000'000, plan_bend(before, now, shown_ns)));
        before = now;
    }
}

TEST_CASE("no thread sees time run back while another bends the scale", "[time][clock][threads]") {
    // The rates are a thousand times what slew() uses, so that a reader on the wrong line is off by
    // microseconds. The counter is CLOCK_MONOTONIC, which is ordered between threads.
    CycleScale scale;
    scale.start(monotonic_counter(), 0, one);
    std::atomic<std::int64_t> last_ns{0};
    std::atomic<int> steps_back{0};
    std::atomic<bool> stop{false};
    const auto read = [&] {
        while (!stop.load(std::memory_order_relaxed)) {
            const std::int64_t before_ns = last_ns.load(std::memory_order_acquire);
            std::int64_t now_ns = 0;
            if (!scale.read(monotonic_counter, now_ns)) now_ns = scale.read_slowly(monotonic_counter);
            if (now_ns < before_ns) steps_back.fetch_add(1, std::memory_order_relaxed);
            last_ns.store(now_ns, std::memory_order_release);
        }
    };
    std::thread first{read};
    std::thread second{read};
    int bends = 0;
    for (int i = 0; i < 1000; ++i) {
        const Rate rate = i % 2 == 0 ? one / 2 : one * 3 / 2;
        constexpr std::uint64_t margin = 20'000;
        bends += scale.bend(monotonic_counter, margin, Bend{rate, one, 10'000, 0}) ? 1 : 0;
        // The line has begun before the next one is made, however long this thread was away inside.
        const std::uint64_t bent = monotonic_counter();
        while (monotonic_counter() < bent + 2 * margin) {
        }
    }
    stop.store(true, std::memory_order_relaxed);
    first.join();
    second.join();
    CHECK(bends > 0);
    CHECK(steps_back.load() == 0);
}

TEST_CASE("the clock is on the line of CLOCK_MONOTONIC", "[time][clock]") {
    const std::int64_t before_ns = monotonic_ns();
    const std::int64_t now_ns = Clock::now_ns();
    const std::int64_t ordered_ns = Clock::now_ns_ordered();
    const std::int64_t after_ns = monotonic_ns();
    // Calibration leaves an error of some ppm of the process's age; 50 ms is far from that and from a wrong line.
    CHECK(now_ns > before_ns - 50'000'000);
    CHECK(ordered_ns < after_ns + 50'000'000);
    CHECK(now_ns <= ordered_ns);
}

TEST_CASE("the clock never runs back on one thread while it is slewed", "[time][clock]") {
    const std::int64_t first_ns = Clock::now_ns();
    std::int64_t last_ns = first_ns;
    int steps_back = 0;
    int reads_after_slew = 0;
    // The first slew comes 100 ms after the calibration; the limit is for a clock that never bends.
    while (reads_after_slew < 100'000 && last_ns - first_ns < 2'000'000'000) {
        const bool can_slew = Clock::source() != ClockSource::monotonic;
        if (reads_after_slew > 0 || !can_slew || Clock::slew()) ++reads_after_slew;
        const std::int64_t now_ns = Clock::now_ns();
        if (now_ns < last_ns) ++steps_back;
        last_ns = now_ns;
    }
    CHECK(reads_after_slew == 100'000);
    CHECK(steps_back == 0);
}

TEST_CASE("ordered reads never run back from one thread to another", "[time][clock][threads]") {
    std::atomic<std::int64_t> last_ns{0};
    std::atomic<int> steps_back{0};
    const auto read = [&] {
        for (int i = 0; i < 300'000; ++i) {
            if (i % 1000 == 0) static_cast<void>(Clock::slew());
            const std::int64_t before_ns = last_ns.load(std::memory_order_acquire);
            const std::int64_t now_ns = Instant::now_ordered().as_nanos();
            if (now_ns < before_ns) steps_back.fetch_add(1, std::memory_order_relaxed);
            last_ns.store(now_ns, std::memory_order_release);
        }
    };
    std::thread first{read};
    std::thread second{read};
    first.join();
    second.join();
    CHECK(steps_back.load() == 0);
}

TEST_CASE("slews that follow each other at once do nothing", "[time][clock]") {
    int bends = 0;
    for (int i = 0; i < 1000; ++i) bends += Clock::slew() ? 1 : 0;
    CHECK(bends < 500);  // one per 100 ms, should the thread be kept off the CPU
}

TEST_CASE("cycles and durations convert both ways and saturate", "[time][clock]") {
    CHECK(Clock::cycles_from(-1ns) == 0);
    CHECK(Clock::cycles_from(0ns) == 0);
    CHECK(Clock::cycles_from(std::chrono::nanoseconds::max()) <= endless_cycles);
    CHECK(Clock::duration_of(std::numeric_limits<std::uint64_t>::max()) > 24h);
    for (const auto duration : {1000ns, 20'000ns, 1'000'000'000ns}) {
        const auto back = Clock::duration_of(Clock::cycles_from(duration));
        CHECK(back <= duration);
        CHECK(duration - back <= 100ns);
    }
    const std::uint64_t earlier = Clock::cycles();
    CHECK(Clock::cycles() >= earlier);
}

TEST_CASE("the description names the source", "[time][clock]") {
    const std::string text = Clock::describe();
    switch (Clock::source()) {
        case ClockSource::tsc: CHECK(text.rfind("tsc, ", 0) == 0); break;
        case ClockSource::cntvct: CHECK(text.rfind("cntvct, ", 0) == 0); break;
        case ClockSource::monotonic: CHECK(text.rfind("monotonic (", 0) == 0); break;
        case ClockSource::unprobed: FAIL("source() probes"); break;
    }
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.find(", read ") != std::string::npos);
}

TEST_CASE("the TSC is taken only where the kernel lists it", "[time][clock]") {
    char root[] = "/tmp/skerry_clock_XXXXXX";
    REQUIRE(mkdtemp(root) != nullptr);
    const std::filesystem::path folder = std::filesystem::path{root} / "sys/devices/system/clocksource/clocksource0";
    CHECK_FALSE(skerry::time::detail::kernel_offers_tsc(root));

    std::filesystem::create_directories(folder);
    const auto write = [&](const char* line) { std::ofstream{folder / "available_clocksource"} << line << '\n'; };
    write("kvm-clock tsc acpi_pm ");
    CHECK(skerry::time::detail::kernel_offers_tsc(root));
    write("hpet acpi_pm ");
    CHECK_FALSE(skerry::time::detail::kernel_offers_tsc(root));
    write("tsc-early hpet");
    CHECK_FALSE(skerry::time::detail::kernel_offers_tsc(root));
    std::filesystem::remove_all(root);
}

TEST_CASE("a thread on virtual time sees it move only when it is moved", "[time][clock][virtual]") {
    VirtualTime outer{.now_ns = 100};
    VirtualTime inner{.now_ns = 7};
    {
        const VirtualTimeScope outer_scope{outer};
        CHECK(Instant::now().as_nanos() == 100);
        CHECK(Instant::now_ordered().as_nanos() == 100);
        outer.now_ns += 50;
        CHECK(Instant::now().as_nanos() == 150);
        {
            const VirtualTimeScope inner_scope{inner};
            CHECK(Instant::now().as_nanos() == 7);
        }
        CHECK(Instant::now().as_nanos() == 150);

        std::int64_t elsewhere_ns = 0;
        std::thread{[&] { elsewhere_ns = Instant::now().as_nanos(); }}.join();
        CHECK(elsewhere_ns > 1'000'000);
        CHECK(Clock::now_ns() > 1'000'000);
    }
    CHECK(Instant::now().as_nanos() > 1'000'000);
}
