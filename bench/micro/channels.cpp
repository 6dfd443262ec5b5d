// Channels and locks. The names that other runtimes have too use the cross-core flavour, as they do; the rows
// local_* are the flavour for one core.

#include "harness.hpp"

#include <skerry/sync/mpsc.hpp>
#include <skerry/sync/mutex.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/yield.hpp>

#include <cstdlib>
#include <memory>
#include <vector>

namespace skerry::micro {

namespace {

using Value = std::uint64_t;

template <class Receiver, class Sender>
Task<> echo(Receiver requests, Sender answers) {
    for (;;) {
        auto value = co_await requests.recv();
        if (!value) co_return;
        auto sent = co_await answers.send(*value);
        if (!sent) co_return;
    }
}

template <class Scope>
Task<double> ping_pong(std::size_t count, task::CoreId where) {
    auto there = sync::mpsc::channel<Value, Scope>(1);
    auto back = sync::mpsc::channel<Value, Scope>(1);
    auto server = spawn_on(where, echo(std::move(there.second), std::move(back.first)));
    const auto start = Steady::now();
    {
        auto requests = std::move(there.first);
        for (std::size_t i = 0; i < count; ++i) {
            auto sent = co_await requests.send(i);
            keep(sent.has_value());
            auto value = co_await back.second.recv();
            keep(*value);
        }
    }
    const double result = per(start, count);
    (void)co_await server;
    co_return result;
}

template <class Sender>
Task<> produce(Sender sender, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        auto sent = co_await sender.send(i);
        if (!sent) co_return;
    }
}

template <class Sender>
Task<> produce_unbounded(Sender sender, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        (void)sender.send(i);
        if (i % 256 == 255) co_await yield_now();
    }
}

template <class Receiver>
Task<double> consume(Receiver receiver, Steady::time_point start) {
    std::size_t count = 0;
    for (;;) {
        auto value = co_await receiver.recv();
        if (!value) break;
        keep(*value);
        ++count;
    }
    co_return per(start, count);
}

template <class Scope>
Task<double> bounded(std::size_t capacity, std::size_t producers, std::size_t total, task::CoreId where) {
    auto ends = sync::mpsc::channel<Value, Scope>(capacity);
    const auto start = Steady::now();
    for (std::size_t i = 0; i < producers; ++i) spawn_on(where, produce(ends.first, total / producers)).detach();
    {
        auto last = std::move(ends.first);
    }
    const double result = co_await consume(std::move(ends.second), start);
    co_return result;
}

Task<double> unbounded(std::size_t producers, std::size_t total, task::CoreId where) {
    auto ends = sync::mpsc::unbounded<Value>();
    const auto start = Steady::now();
    for (std::size_t i = 0; i < producers; ++i)
        spawn_on(where, produce_unbounded(ends.first, total / producers)).detach();
    {
        auto last = std::move(ends.first);
    }
    const double result = co_await consume(std::move(ends.second), start);
    co_return result;
}

template <class Mutex>
Task<double> lock_alone(std::size_t count) {
    Mutex mutex(0);
    const auto start = Steady::now();
    for (std::size_t i = 0; i < count; ++i) {
        auto guard = co_await mutex.lock();
        ++*guard;
    }
    co_return per(start, count);
}

Task<> lock_times(sync::Mutex<std::size_t>* mutex, std::size_t count, bool hold) {
    for (std::size_t i = 0; i < count; ++i) {
        auto guard = co_await mutex->lock();
        ++*guard;
        if (hold) co_await yield_now();
    }
}

Task<double> lock_together(std::size_t tasks, std::size_t each, bool hold, std::size_t threads) {
    auto mutex = std::make_unique<sync::Mutex<std::size_t>>(0);
    const auto start = Steady::now();
    std::vector<JoinHandle<void>> handles;
    for (std::size_t i = 0; i < tasks; ++i)
        handles.push_back(
            spawn_on(task::CoreId(static_cast<std::uint16_t>(i % threads)), lock_times(mutex.get(), each, hold)));
    for (auto& handle : handles) (void)co_await handle;
    const double result = per(start, tasks * each);
    {
        auto guard = co_await mutex->lock();
        if (*guard != tasks * each) std::abort();
    }
    co_return result;
}

Task<double> select_losers(std::size_t count) {
    auto ends = sync::local::mpsc::channel<Value>(8);
    const auto start = Steady::now();
    for (std::size_t i = 0; i < count; ++i) {
        auto winner = co_await select(ends.second.recv(), yield_now());
        keep(winner.index());
    }
    co_return per(start, count);
}

}  // namespace

void run_channel_tests(const Run& run, std::string_view test) {
    const std::size_t threads = run.threads;
    const task::CoreId here(0);
    const task::CoreId other = other_core(threads);
    const auto time = [&](std::string_view unit, Task<double> body) {
        run.emit(test, "time", unit, run_on(threads, std::move(body)));
    };
    using Shared = task::SharedScope;
    using Local = task::LocalScope;
    if (test == "pp_chan") time("ns/roundtrip", ping_pong<Shared>(run.sized(300'000), here));
    if (test == "pp_cross" && threads > 1) time("ns/roundtrip", ping_pong<Shared>(run.sized(300'000), other));
    if (test == "mpsc_b1000_p1") time("ns/msg", bounded<Shared>(1000, 1, run.sized(2'000'000), other));
    if (test == "mpsc_b1000_p4") time("ns/msg", bounded<Shared>(1000, 4, run.sized(2'000'000), other));
    if (test == "mpsc_unb_p1") time("ns/msg", unbounded(1, run.sized(2'000'000), other));
    if (test == "mpsc_unb_p4") time("ns/msg", unbounded(4, run.sized(2'000'000), other));
    if (test == "mutex_unc") time("ns/lock", lock_alone<sync::Mutex<std::size_t>>(run.sized(3'000'000)));
    if (test == "mutex_c4") time("ns/lock", lock_together(4, run.sized(250'000), false, threads));
    if (test == "mutex_c4_hold") time("ns/lock", lock_together(4, run.sized(100'000), true, threads));
    if (threads > 1) return;
    if (test == "local_chan") time("ns/msg", bounded<Local>(64, 1, run.sized(2'000'000), here));
    if (test == "local_pp") time("ns/roundtrip", ping_pong<Local>(run.sized(300'000), here));
    if (test == "local_mutex") time("ns/lock", lock_alone<sync::local::Mutex<std::size_t>>(run.sized(3'000'000)));
    if (test == "select_loser") time("ns/op", select_losers(run.sized(1'000'000)));
}

}  // namespace skerry::micro
