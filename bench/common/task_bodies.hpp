#pragma once

// What tasks are made to do, so many times: skerry-micro and the benchmarks time these bodies, skerry-instructions
// counts their instructions. A body reads no clock and sets itself up; what that costs is spread over its count.

#include "timed.hpp"

#include <skerry/runtime/handle.hpp>
#include <skerry/sync/mpsc.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/sync/oneshot.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace skerry::bench {

// --- awaiting a child

__attribute__((noinline)) inline Task<std::uint64_t> leaf(std::uint64_t x) {
    keep(x);
    co_return x + 1;
}

inline Task<> call_leaf(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) keep(co_await leaf(i));
}

inline constexpr std::size_t fib_27_calls = 635'621;

inline Task<std::uint64_t> fib(unsigned n) {
    if (n < 2) co_return n;
    const std::uint64_t a = co_await fib(n - 1);
    const std::uint64_t b = co_await fib(n - 2);
    co_return a + b;
}

inline Task<> call_fib_27() {
    const std::uint64_t value = co_await fib(27);
    if (value != 196'418) std::abort();
}

// --- spawning

inline Task<std::size_t> nothing(std::size_t i) {
    keep(i);
    co_return i;
}

/// Spawns `count` tasks before it joins the first.
inline Task<> spawn_join(std::size_t count) {
    std::vector<JoinHandle<std::size_t>> handles;
    handles.reserve(count);
    for (std::size_t i = 0; i < count; ++i) handles.push_back(spawn(nothing(i)));
    std::size_t sum = 0;
    for (auto& handle : handles) {
        const auto joined = std::move(handle);  // a join ends the handle's use, and with it the task's block
        auto outcome = co_await joined;
        sum += *outcome;
    }
    keep(sum);
}

inline Task<> spawn_join_batches(std::size_t count, std::size_t batch) {
    std::vector<JoinHandle<std::size_t>> handles;
    handles.reserve(batch);
    for (std::size_t done = 0; done < count; done += batch) {
        for (std::size_t i = 0; i < batch; ++i) handles.push_back(spawn(nothing(i)));
        for (auto& handle : handles) {
            auto outcome = co_await handle;
            keep(*outcome);
        }
        handles.clear();
    }
}

inline Task<> chain(std::size_t depth, sync::oneshot::Sender<int> done) {
    if (depth == 0)
        (void)done.send(0);
    else
        spawn(chain(depth - 1, std::move(done))).detach();
    co_return;
}

/// Tasks that each spawn the next, `depth` of them in a row.
inline Task<> chains(std::size_t count, std::size_t depth) {
    for (std::size_t done = 0; done < count; done += depth) {
        auto ends = sync::oneshot::channel<int>();
        spawn(chain(depth, std::move(ends.first))).detach();
        (void)co_await ends.second.recv();
    }
}

inline Task<std::uint64_t> sky(std::uint64_t number, std::uint64_t size) {
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

/// A tree of tasks with a million leaves. Tasks stay where they are spawned, so the ten subtrees are dealt out.
inline Task<> skynet(std::size_t cores) {
    std::vector<JoinHandle<std::uint64_t>> subtrees;
    for (std::uint64_t i = 0; i < 10; ++i)
        subtrees.push_back(spawn_on(task::CoreId(static_cast<std::uint16_t>(i % cores)), sky(i * 100'000, 100'000)));
    std::uint64_t sum = 0;
    for (auto& subtree : subtrees) {
        auto outcome = co_await subtree;
        sum += *outcome;
    }
    if (sum != 499'999'500'000ULL) std::abort();
}

// --- giving way and waking

inline Task<> yields(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) co_await yield_now();
}

inline Task<> yields_of_many(std::size_t count, std::size_t tasks) {
    std::vector<JoinHandle<void>> handles;
    for (std::size_t i = 0; i < tasks; ++i) handles.push_back(spawn(yields(count / tasks)));
    for (auto& handle : handles) (void)co_await handle;
}

template <class Scope>
Task<> answer_wakes(sync::BasicNotify<Scope>* here, sync::BasicNotify<Scope>* there, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        co_await here->notified();
        there->notify_one();
    }
}

/// Two tasks of one core wake each other through Notify; each of the `count` wakes finds its task waiting.
template <class Scope>
Task<> wakes(std::size_t count) {
    sync::BasicNotify<Scope> here;
    sync::BasicNotify<Scope> there;
    auto other = spawn(answer_wakes<Scope>(&there, &here, count / 2));
    for (std::size_t i = 0; i < count / 2; ++i) {
        there.notify_one();
        co_await here.notified();
    }
    (void)co_await other;
}

/// A receive that loses against a yield and is dropped.
inline Task<> select_losers(std::size_t count) {
    auto ends = sync::local::mpsc::channel<std::uint64_t>(8);
    for (std::size_t i = 0; i < count; ++i) {
        auto winner = co_await select(ends.second.recv(), yield_now());
        keep(winner.index());
    }
}

}  // namespace skerry::bench
