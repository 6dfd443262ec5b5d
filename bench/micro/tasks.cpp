// Tasks: spawn, join, yield, await, blocking calls, memory.

#include "harness.hpp"

#include <skerry/runtime/spawn_blocking.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/sync/oneshot.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/time/sleep.hpp>

#include <cstdlib>
#include <memory>
#include <vector>

namespace skerry::micro {

namespace {

Task<std::size_t> nothing(std::size_t i) {
    keep(i);
    co_return i;
}

Task<double> spawn_join(std::size_t count) {
    std::vector<JoinHandle<std::size_t>> handles;
    handles.reserve(count);
    const auto start = Steady::now();
    for (std::size_t i = 0; i < count; ++i) handles.push_back(spawn(nothing(i)));
    std::size_t sum = 0;
    for (auto& handle : handles) {
        auto outcome = co_await handle;
        sum += *outcome;
    }
    keep(sum);
    co_return per(start, count);
}

Task<double> spawn_join_batches(std::size_t count, std::size_t batch) {
    std::vector<JoinHandle<std::size_t>> handles;
    handles.reserve(batch);
    const auto start = Steady::now();
    for (std::size_t done = 0; done < count; done += batch) {
        for (std::size_t i = 0; i < batch; ++i) handles.push_back(spawn(nothing(i)));
        for (auto& handle : handles) {
            auto outcome = co_await handle;
            keep(*outcome);
        }
        handles.clear();
    }
    co_return per(start, count);
}

Task<> yield_times(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) co_await yield_now();
}

Task<double> yield_one(std::size_t count) {
    const auto start = Steady::now();
    for (std::size_t i = 0; i < count; ++i) co_await yield_now();
    co_return per(start, count);
}

Task<double> yield_many(std::size_t tasks, std::size_t each) {
    std::vector<JoinHandle<void>> handles;
    const auto start = Steady::now();
    for (std::size_t i = 0; i < tasks; ++i) handles.push_back(spawn(yield_times(each)));
    for (auto& handle : handles) (void)co_await handle;
    co_return per(start, tasks * each);
}

Task<> chain(std::size_t depth, sync::oneshot::Sender<int> done) {
    if (depth == 0)
        (void)done.send(0);
    else
        spawn(chain(depth - 1, std::move(done))).detach();
    co_return;
}

Task<double> chained(std::size_t depth, std::size_t repetitions) {
    const auto start = Steady::now();
    for (std::size_t i = 0; i < repetitions; ++i) {
        auto ends = sync::oneshot::channel<int>();
        spawn(chain(depth, std::move(ends.first))).detach();
        (void)co_await ends.second.recv();
    }
    co_return per(start, depth * repetitions);
}

Task<> answer(sync::oneshot::Receiver<std::uint64_t> question, sync::oneshot::Sender<std::uint64_t> reply) {
    auto value = co_await question.recv();
    (void)reply.send(*value);
}

Task<double> oneshot_round_trips(std::size_t count) {
    const auto start = Steady::now();
    for (std::size_t i = 0; i < count; ++i) {
        auto there = sync::oneshot::channel<std::uint64_t>();
        auto back = sync::oneshot::channel<std::uint64_t>();
        spawn(answer(std::move(there.second), std::move(back.first))).detach();
        (void)there.first.send(1);
        auto value = co_await back.second.recv();
        keep(*value);
    }
    co_return per(start, count);
}

Task<std::uint64_t> sky(std::uint64_t number, std::uint64_t size) {
    if (size == 1) co_return number;
    std::vector<JoinHandle<std::uint64_t>> children;
    children.reserve(10);
    const std::uint64_t part = size / 10;
    for (std::uint64_t i = 0; i < 10; ++i) children.push_back(spawn(sky(number + i * part, part)));
    std::uint64_t sum = 0;
    for (auto& child : children) {
        auto outcome = co_await child;
        sum += *outcome;
    }
    co_return sum;
}

Task<double> skynet() {
    const auto start = Steady::now();
    auto root = spawn(sky(0, 1'000'000));
    auto sum = co_await root;
    if (*sum != 499'999'500'000ULL) std::abort();
    co_return per(start, 1) / 1e6;
}

__attribute__((noinline)) Task<std::uint64_t> leaf(std::uint64_t x) {
    keep(x);
    co_return x + 1;
}

Task<double> call_leaf(std::size_t count) {
    const auto start = Steady::now();
    for (std::size_t i = 0; i < count; ++i) keep(co_await leaf(i));
    co_return per(start, count);
}

Task<std::uint64_t> fib(unsigned n) {
    if (n < 2) co_return n;
    const std::uint64_t a = co_await fib(n - 1);
    const std::uint64_t b = co_await fib(n - 2);
    co_return a + b;
}

Task<double> call_fib() {
    const auto start = Steady::now();
    const std::uint64_t value = co_await fib(27);
    if (value != 196'418) std::abort();
    co_return per(start, 635'621);
}

std::size_t same(std::size_t i) { return i; }

Task<double> blocking_calls(std::size_t count) {
    const auto start = Steady::now();
    for (std::size_t i = 0; i < count; ++i) {
        auto outcome = co_await spawn_blocking(&same, i);
        keep(*outcome);
    }
    co_return per(start, count);
}

// Waits for nothing at all, as the peers' idle task does.
Task<> wait_for_ever() { co_await std::suspend_always{}; }

Task<> wait_for_notify(sync::local::Notify* notify) { co_await notify->notified(); }

Task<> wait_for_timer() { co_await time::sleep(std::chrono::hours{1}); }

double slab_bytes() { return static_cast<double>(task::current_scheduler->slab_stats().carved_bytes); }

enum class Idle : std::uint8_t { for_ever, in_notify, in_timer };

// Bytes of slab for each task that waits, and nothing else: what a million connections that do nothing cost.
Task<double> idle_memory(std::size_t count, Idle idle) {
    sync::local::Notify notify;
    std::vector<JoinHandle<void>> handles;
    handles.reserve(count);
    const double before = slab_bytes();
    for (std::size_t i = 0; i < count; ++i) {
        if (idle == Idle::for_ever) handles.push_back(spawn(wait_for_ever()));
        if (idle == Idle::in_notify) handles.push_back(spawn(wait_for_notify(&notify)));
        if (idle == Idle::in_timer) handles.push_back(spawn(wait_for_timer()));
    }
    for (int i = 0; i < 100; ++i) co_await yield_now();
    co_await time::sleep(std::chrono::milliseconds{100});
    const double bytes = (slab_bytes() - before) / static_cast<double>(count);
    for (auto& handle : handles) handle.abort();
    for (auto& handle : handles) (void)co_await handle;
    co_return bytes;
}

}  // namespace

void run_task_tests(const Run& run, std::string_view test) {
    const std::size_t threads = run.threads;
    const auto time = [&](std::string_view unit, Task<double> body) {
        run.emit(test, "time", unit, run_on(threads, std::move(body)));
    };
    const auto memory = [&](Idle idle) {
        run.emit(test, "mem", "B/task", run_on(threads, idle_memory(run.sized(1'000'000), idle)));
    };
    if (test == "idle_task") memory(Idle::for_ever);
    if (test == "idle_notify") memory(Idle::in_notify);
    if (test == "idle_sleep") memory(Idle::in_timer);
    if (test == "spawn_join_1m") time("ns/task", spawn_join(run.sized(1'000'000)));
    if (test == "spawn_join_b100") time("ns/task", spawn_join_batches(run.sized(1'000'000), 100));
    if (test == "yield_1") time("ns/yield", yield_one(run.sized(2'000'000)));
    if (test == "yield_100") time("ns/yield", yield_many(100, run.sized(20'000)));
    if (test == "chain_spawn") time("ns/task", chained(1000, run.sized(1'000'000) / 1000));
    if (test == "pp_oneshot") time("ns/roundtrip", oneshot_round_trips(run.sized(300'000)));
    if (test == "skynet") time("ms", skynet());
    if (test == "call_leaf") time("ns/call", call_leaf(run.sized(10'000'000)));
    if (test == "call_fib") time("ns/call", call_fib());
    // Asleep meanwhile, as a program on the kernel's sockets is: a spinning core would take the CPU from the call.
    if (test == "blocking")
        run.emit(test, "time", "ns/op",
                 run_on(threads, blocking_calls(run.sized(100'000)), runtime::IdlePolicy::sleep));
}

}  // namespace skerry::micro
