// Timers: arm and cancel, a million alive, lateness and CPU.

#include "harness.hpp"

#include "../common/timer_bodies.hpp"

#include <skerry/task/yield.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include <algorithm>
#include <memory>
#include <vector>

namespace skerry::micro {

namespace {

// Holds many registered timers outside any coroutine, as a program's own containers would.
class ArmAll {
public:
    ArmAll(std::vector<std::unique_ptr<time::SleepAwaiter>>& timers, std::size_t count, time::Instant base)
        : timers_(&timers), count_(count), base_(base) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiting) {
        for (std::size_t i = 0; i < count_; ++i) {
            timers_->push_back(
                std::make_unique<time::SleepAwaiter>(base_ + std::chrono::milliseconds{(i * 7919) % 60'000}));
            timers_->back()->await_suspend(awaiting);
        }
        return false;
    }
    void await_resume() const noexcept {}

private:
    std::vector<std::unique_ptr<time::SleepAwaiter>>* timers_;
    std::size_t count_;
    time::Instant base_;
};

struct Bulk {
    double create = 0;
    double cancel = 0;
};

Task<Bulk> bulk(std::size_t count) {
    std::vector<std::unique_ptr<time::SleepAwaiter>> timers;
    timers.reserve(count);
    Bulk result;
    auto start = Steady::now();
    co_await ArmAll(timers, count, time::Instant::now() + std::chrono::seconds{60});
    result.create = per(start, count);
    start = Steady::now();
    timers.clear();
    result.cancel = per(start, count);
    co_return result;
}

struct Fired {
    double cpu = 0;
    double late_p50 = 0;
    double late_p99 = 0;
    double late_max = 0;
};

Task<Fired> fire(std::size_t count) {
    const time::Instant base = time::Instant::now() + std::chrono::milliseconds{600};
    auto sleepers = spawn_sleepers(count, base);
    co_await time::sleep_until(base - std::chrono::milliseconds{50});
    const double before = cpu_seconds();
    auto late = co_await lateness_of(std::move(sleepers));
    Fired result;
    result.cpu = (cpu_seconds() - before) * 1e9 / static_cast<double>(count);
    std::sort(late.begin(), late.end());
    result.late_p50 = static_cast<double>(late[count / 2]) / 1e3;
    result.late_p99 = static_cast<double>(late[count * 99 / 100]) / 1e3;
    result.late_max = static_cast<double>(late.back()) / 1e3;
    co_return result;
}

Task<> timeouts(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        auto outcome = co_await time::timeout(std::chrono::seconds{5}, yield_now());
        keep(outcome.has_value());
    }
}

}  // namespace

void run_timer_tests(const Run& run, std::string_view test) {
    const std::size_t threads = run.threads;
    const std::size_t million = run.sized(1'000'000);
    if (test == "timer_churn") run.time(test, "ns/timer", million, arm_and_cancel_sleep_until(million));
    if (test == "timer_bulk") {
        const Bulk result = run_on(threads, bulk(million));
        run.emit(test, "create", "ns/timer", result.create);
        run.emit(test, "cancel", "ns/timer", result.cancel);
    }
    if (test == "timer_fire") {
        // A polling core burns its CPU whether timers fire or not, so lateness is measured while spinning and
        // CPU while sleeping.
        const Fired sleeping = run_on(threads, fire(run.sized(100'000)), runtime::IdlePolicy::sleep);
        const Fired spinning = run_on(threads, fire(run.sized(100'000)));
        run.emit(test, "cpu", "ns/timer", sleeping.cpu);
        run.emit(test, "late_p50", "us", spinning.late_p50);
        run.emit(test, "late_p99", "us", spinning.late_p99);
        run.emit(test, "late_max", "us", spinning.late_max);
        run.emit(test, "sleeping_late_p50", "us", sleeping.late_p50);
    }
    if (test == "timeout_yield") run.time(test, "ns/op", million, timeouts(million));
}

}  // namespace skerry::micro
