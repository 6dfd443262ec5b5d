// What does a timer cost? Arming and cancelling, moving one of a million, a turn in which nothing is due,
// firing in batches, and the clock reads below them.
//
// Run it pinned (`taskset -c 1 bench_time_wheel --benchmark_repetitions=7 --benchmark_report_aggregates_only`)
// and compare medians. The random-move figure is memory latency: the entry, its two neighbours and the tail of
// the slot it goes to are four lines of a working set far above the caches.

#include <skerry/time/wheel.hpp>

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

namespace {

using skerry::time::Clock;
using skerry::time::Instant;
using skerry::time::TimerEntry;
using skerry::time::Wheel;

/// As wide as the awaiter of a sleep: the list links, the handle, the task and the deadline.
struct SleepSized : TimerEntry {
    std::uint64_t handle = 0;
    std::uint64_t task = 0;
};
static_assert(sizeof(SleepSized) == 40);

constexpr std::int64_t start_ns = 1'700'000'000'000'000'000;
constexpr std::int64_t second_ns = 1'000'000'000;

/// A wheel with timers spread over one second, as a server with that many idle timeouts has.
struct Crowd {
    explicit Crowd(std::size_t count) : wheel(Instant::from_nanos(start_ns)), timers(count) {
        std::mt19937_64 random{1};
        for (SleepSized& timer : timers) {
            timer.deadline_ns = start_ns + second_ns + static_cast<std::int64_t>(random() % second_ns);
            wheel.insert(timer);
        }
    }
    ~Crowd() {
        for (SleepSized& timer : timers) {
            if (timer.is_linked()) Wheel::remove(timer);
        }
    }

    Wheel wheel;
    std::vector<SleepSized> timers;
};

void arm_and_cancel(benchmark::State& state) {
    Crowd crowd{static_cast<std::size_t>(state.range(0))};
    std::int64_t deadline_ns = start_ns;
    for (auto _ : state) {
        SleepSized timer;
        timer.deadline_ns = deadline_ns += 7919;  // through the slots and levels
        crowd.wheel.insert(timer);
        benchmark::ClobberMemory();
        Wheel::remove(timer);
    }
}
BENCHMARK(arm_and_cancel)->Arg(0)->Arg(1'000'000);

void move_a_random_one(benchmark::State& state) {
    Crowd crowd{static_cast<std::size_t>(state.range(0))};
    // A congruential generator and a multiplication pick the entry: they cost 2 ns, and a division here
    // keeps g++ 12's code from overlapping the cache misses of neighbouring rounds.
    std::uint64_t random = 12'345;
    for (auto _ : state) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        const std::size_t pick = ((random >> 32) * crowd.timers.size()) >> 32;
        SleepSized& timer = crowd.timers[pick];
        Wheel::remove(timer);
        timer.deadline_ns = start_ns + second_ns + static_cast<std::int64_t>((random >> 20) & 0x3FFF'FFFF);
        crowd.wheel.insert(timer);
    }
}
BENCHMARK(move_a_random_one)->Arg(1000)->Arg(1'000'000);

void advance_with_nothing_due(benchmark::State& state) {
    Crowd crowd{static_cast<std::size_t>(state.range(0))};
    std::int64_t now_ns = start_ns;
    std::int64_t fired = 0;
    // The next event of the full wheel is a second away; the step is as small as the iterations are many.
    for (auto _ : state) {
        now_ns += 1;
        fired += static_cast<std::int64_t>(crowd.wheel.advance(Instant::from_nanos(now_ns), [](TimerEntry&) {}));
        benchmark::ClobberMemory();  // the wheel is read afresh, as after a turn's other work
    }
    benchmark::DoNotOptimize(fired);
}
BENCHMARK(advance_with_nothing_due)->Arg(0)->Arg(1000);

/// One batch is armed and fires; the time is that of both, per timer.
void arm_and_fire(benchmark::State& state) {
    const auto batch = static_cast<std::size_t>(state.range(0));
    const std::int64_t span_ns = state.range(1);
    std::vector<SleepSized> timers(batch);
    auto wheel = std::make_unique<Wheel>(Instant::from_nanos(start_ns));
    std::int64_t now_ns = start_ns;
    std::uint64_t sum = 0;
    for (auto _ : state) {
        const std::int64_t step_ns = span_ns / static_cast<std::int64_t>(batch);
        for (std::size_t i = 0; i < batch; ++i) {
            timers[i].deadline_ns = now_ns + static_cast<std::int64_t>(i + 1) * step_ns;
            wheel->insert(timers[i]);
        }
        now_ns += span_ns;
        wheel->advance(Instant::from_nanos(now_ns),
                       [&](TimerEntry& entry) { sum += static_cast<SleepSized&>(entry).task; });
    }
    benchmark::DoNotOptimize(sum);
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(arm_and_fire)
    ->ArgNames({"timers", "within_ns"})
    ->Args({1, 1000})
    ->Args({32, 4000})
    ->Args({32, 100'000})
    ->Args({1024, 10'000'000})
    ->Args({1024, 1'000'000'000});

/// A timer renews itself and the loop goes from deadline to deadline: a periodic task on an idle core.
void next_deadline_and_fire(benchmark::State& state) {
    Wheel wheel{Instant::from_nanos(start_ns)};
    SleepSized timer;
    timer.deadline_ns = start_ns + 20'000;
    wheel.insert(timer);
    for (auto _ : state) {
        wheel.advance(wheel.next_deadline(), [&](TimerEntry& entry) {
            entry.deadline_ns += 20'000;
            wheel.insert(entry);
        });
    }
    Wheel::remove(timer);
}
BENCHMARK(next_deadline_and_fire);

void read_instant(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(Instant::now());
    state.SetLabel(Clock::describe());
}
BENCHMARK(read_instant);

void read_instant_ordered(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(Instant::now_ordered());
}
BENCHMARK(read_instant_ordered);

void read_cycles(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(Clock::cycles());
}
BENCHMARK(read_cycles);

void read_steady_clock(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(std::chrono::steady_clock::now());
}
BENCHMARK(read_steady_clock);

}  // namespace
