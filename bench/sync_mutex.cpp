// What does a lock cost: alone, with four tasks that do not hold it over a wait, and with four that do?
//
//   bench_sync_mutex --benchmark_repetitions=7 --benchmark_report_aggregates_only=true
//
// One core, driven by hand. ns a lock and unlock, as in skerry-micro: mutex_unc, mutex_c4 and mutex_c4_hold.

#include <skerry/sync/mutex.hpp>
#include <skerry/task/scheduler.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <utility>

namespace {

using namespace skerry;

constexpr int locks_a_task = 20'000;
constexpr int yield_interval = 100;  // mutex_c4: so often a task gives way with the mutex open

class Core {
public:
    Core() : scheduler_(task::Scheduler::acquire()) {
        scheduler_->configure(task::CoreId{0}, {}, nullptr, 1);
        task::current_scheduler = scheduler_;
    }
    ~Core() {
        scheduler_->close();
        task::current_scheduler = nullptr;
    }
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    void run_all() {
        while (scheduler_->live_tasks() != 0) {
            scheduler_->drain();
            scheduler_->run(61);
        }
    }

private:
    task::Scheduler* scheduler_;
};

enum class Hold : std::uint8_t { nothing, over_a_yield };

template <class Scope>
Task<void> lock_in_turn(sync::BasicMutex<std::uint64_t, Scope>& mutex, Hold hold, bool others) {
    for (int i = 0; i < locks_a_task; ++i) {
        {
            auto guard = co_await mutex.lock();
            ++*guard;
            if (hold == Hold::over_a_yield) co_await yield_now();
        }
        if (others && i % yield_interval == 0) co_await yield_now();
    }
}

template <class Scope, int Tasks, Hold Held>
void measure(benchmark::State& state) {
    Core core;
    sync::BasicMutex<std::uint64_t, Scope> mutex(0);
    for (auto _ : state) {
        for (int i = 0; i < Tasks; ++i) spawn(lock_in_turn(mutex, Held, Tasks > 1)).detach();
        core.run_all();
    }
    const auto locks = static_cast<double>(state.iterations()) * Tasks * locks_a_task;
    state.counters["ns_per_lock"] =
        benchmark::Counter(locks * 1e-9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
    const auto guard = mutex.try_lock();
    if (static_cast<double>(**guard) != locks) state.SkipWithError("the mutex let two tasks in");
}

BENCHMARK(measure<task::LocalScope, 1, Hold::nothing>)->Name("mutex_unc/local");
BENCHMARK(measure<task::SharedScope, 1, Hold::nothing>)->Name("mutex_unc/shared");
BENCHMARK(measure<task::LocalScope, 4, Hold::nothing>)->Name("mutex_c4/local");
BENCHMARK(measure<task::SharedScope, 4, Hold::nothing>)->Name("mutex_c4/shared");
BENCHMARK(measure<task::LocalScope, 4, Hold::over_a_yield>)->Name("mutex_c4_hold/local");
BENCHMARK(measure<task::SharedScope, 4, Hold::over_a_yield>)->Name("mutex_c4_hold/shared");

}  // namespace
