// What does a message cost, and a request with its answer: on one core in both scopes, and between two cores?
//
//   bench_sync_mpsc --benchmark_repetitions=7 --benchmark_report_aggregates_only=true
//
// Cores are driven by hand, without driver or clock. items_per_second is messages or rounds; the mpsc cases are those
// of skerry-micro (mpsc_b1000, mpsc_unb, pp_chan, pp_oneshot). The two-core cases need two CPUs that nobody else uses:
// compare request_answer_cores with bare_atomics_cores of the same run; the budget is 2.2 times that.

#include <skerry/sync/mpsc.hpp>
#include <skerry/sync/oneshot.hpp>
#include <skerry/task/scheduler.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>

namespace {

using namespace skerry;
using task::LocalScope;
using task::SharedScope;
namespace mpsc = skerry::sync::mpsc;
namespace oneshot = skerry::sync::oneshot;

constexpr std::int64_t messages = 100'000;

/// A core without a thread of its own.
class Core {
public:
    Core() : scheduler_(task::Scheduler::acquire()) { scheduler_->configure(task::CoreId{0}, {}, nullptr, 1); }
    ~Core() { scheduler_->close(); }
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    void enter() noexcept { task::current_scheduler = scheduler_; }
    void run_all() noexcept {
        enter();
        while (scheduler_->live_tasks() != 0) {
            scheduler_->drain();
            scheduler_->run(61);
        }
        scheduler_->drain();
    }

private:
    task::Scheduler* scheduler_;
};

template <class Tx>
Task<> produce(Tx tx, std::int64_t count) {
    for (std::int64_t i = 0; i != count; ++i) (void)co_await tx.send(i);
}

template <class Scope>
Task<> produce_unbounded(mpsc::UnboundedSender<std::int64_t, Scope> tx, std::int64_t count) {
    for (std::int64_t i = 0; i != count; ++i) {
        (void)tx.send(i);
        co_await consume_budget();
    }
}

template <class Rx>
Task<> consume(Rx rx, std::int64_t& sum) {
    while (auto value = co_await rx.recv()) sum += *value;
}

template <class Rx>
Task<> consume_many(Rx rx, std::int64_t& sum) {
    std::array<std::int64_t, 64> values;
    while (auto count = co_await rx.recv_many(values))
        for (std::size_t i = 0; i != *count; ++i) sum += values[i];
}

template <class Tx, class Rx>
Task<> answer(Tx tx, Rx rx) {
    while (auto value = co_await rx.recv()) (void)co_await tx.send(*value + 1);
}

template <class Tx, class Rx>
Task<> request(Tx tx, Rx rx, std::int64_t count, std::int64_t& sum) {
    for (std::int64_t i = 0; i != count; ++i) {
        (void)co_await tx.send(i);
        auto value = co_await rx.recv();
        sum += *value;
    }
}

void count_items(benchmark::State& state, std::int64_t sum) {
    benchmark::DoNotOptimize(sum);
    state.SetItemsProcessed(state.iterations() * messages);
}

// --- one core

template <class Scope, std::size_t Capacity>
void bounded(benchmark::State& state) {
    Core core;
    core.enter();
    std::int64_t sum = 0;
    for (auto _ : state) {
        auto [tx, rx] = mpsc::channel<std::int64_t, Scope>(Capacity);
        spawn(consume(std::move(rx), sum)).detach();
        spawn(produce(std::move(tx), messages)).detach();
        core.run_all();
    }
    count_items(state, sum);
}
BENCHMARK(bounded<LocalScope, 64>);
BENCHMARK(bounded<LocalScope, 1000>);
BENCHMARK(bounded<SharedScope, 64>);
BENCHMARK(bounded<SharedScope, 1000>);

/// Four senders, as mpsc_b1000_p4.
template <class Scope>
void bounded_four_senders(benchmark::State& state) {
    Core core;
    core.enter();
    std::int64_t sum = 0;
    for (auto _ : state) {
        auto [tx, rx] = mpsc::channel<std::int64_t, Scope>(1000);
        spawn(consume(std::move(rx), sum)).detach();
        for (int i = 0; i != 3; ++i) spawn(produce(tx, messages / 4)).detach();
        spawn(produce(std::move(tx), messages / 4)).detach();
        core.run_all();
    }
    count_items(state, sum);
}
BENCHMARK(bounded_four_senders<LocalScope>);
BENCHMARK(bounded_four_senders<SharedScope>);

template <class Scope>
void bounded_recv_many(benchmark::State& state) {
    Core core;
    core.enter();
    std::int64_t sum = 0;
    for (auto _ : state) {
        auto [tx, rx] = mpsc::channel<std::int64_t, Scope>(1000);
        spawn(consume_many(std::move(rx), sum)).detach();
        spawn(produce(std::move(tx), messages)).detach();
        core.run_all();
    }
    count_items(state, sum);
}
BENCHMARK(bounded_recv_many<LocalScope>);
BENCHMARK(bounded_recv_many<SharedScope>);

template <class Scope>
void unbounded(benchmark::State& state) {
    Core core;
    core.enter();
    std::int64_t sum = 0;
    for (auto _ : state) {
        auto [tx, rx] = mpsc::unbounded<std::int64_t, Scope>();
        spawn(consume(std::move(rx), sum)).detach();
        spawn(produce_unbounded(std::move(tx), messages)).detach();
        core.run_all();
    }
    count_items(state, sum);
}
BENCHMARK(unbounded<LocalScope>);
BENCHMARK(unbounded<SharedScope>);

template <class Scope>
void request_answer(benchmark::State& state) {
    Core core;
    core.enter();
    std::int64_t sum = 0;
    for (auto _ : state) {
        auto [request_tx, request_rx] = mpsc::channel<std::int64_t, Scope>(8);
        auto [answer_tx, answer_rx] = mpsc::channel<std::int64_t, Scope>(8);
        spawn(answer(std::move(answer_tx), std::move(request_rx))).detach();
        spawn(request(std::move(request_tx), std::move(answer_rx), messages, sum)).detach();
        core.run_all();
    }
    count_items(state, sum);
}
BENCHMARK(request_answer<LocalScope>);
BENCHMARK(request_answer<SharedScope>);

template <class Scope>
struct Question {
    std::int64_t value;
    oneshot::Sender<std::int64_t, Scope> reply;
};

template <class Scope>
Task<> answer_once(mpsc::Receiver<Question<Scope>, Scope> rx) {
    while (auto question = co_await rx.recv()) (void)question->reply.send(question->value + 1);
}

template <class Scope>
Task<> ask_once(mpsc::Sender<Question<Scope>, Scope> tx, std::int64_t count, std::int64_t& sum) {
    for (std::int64_t i = 0; i != count; ++i) {
        auto [reply_tx, reply_rx] = oneshot::channel<std::int64_t, Scope>();
        Question<Scope> question{i, std::move(reply_tx)};
        (void)co_await tx.send(std::move(question));
        auto reply = co_await reply_rx;
        sum += *reply;
    }
}

template <class Scope>
void request_oneshot(benchmark::State& state) {
    Core core;
    core.enter();
    std::int64_t sum = 0;
    for (auto _ : state) {
        auto [tx, rx] = mpsc::channel<Question<Scope>, Scope>(8);
        spawn(answer_once<Scope>(std::move(rx))).detach();
        spawn(ask_once<Scope>(std::move(tx), messages, sum)).detach();
        core.run_all();
    }
    count_items(state, sum);
}
BENCHMARK(request_oneshot<LocalScope>);
BENCHMARK(request_oneshot<SharedScope>);

// --- two cores, both polling

void request_answer_cores(benchmark::State& state) {
    Core here;
    Core there;
    std::int64_t sum = 0;
    for (auto _ : state) {
        auto [request_tx, request_rx] = mpsc::channel<std::int64_t>(8);
        auto [answer_tx, answer_rx] = mpsc::channel<std::int64_t>(8);
        there.enter();
        spawn(answer(std::move(answer_tx), std::move(request_rx))).detach();
        here.enter();
        spawn(request(std::move(request_tx), std::move(answer_rx), messages, sum)).detach();
        std::thread other([&] { there.run_all(); });
        here.run_all();
        other.join();
    }
    count_items(state, sum);
}
BENCHMARK(request_answer_cores)->UseRealTime();

void bare_atomics_cores(benchmark::State& state) {
    struct alignas(128) Word {
        std::atomic<std::int64_t> value{0};
    };
    for (auto _ : state) {
        Word there;
        Word back;
        std::thread other([&] {
            for (std::int64_t i = 1; i <= messages; ++i) {
                while (there.value.load(std::memory_order_acquire) != i) {
                }
                back.value.store(i, std::memory_order_release);
            }
        });
        for (std::int64_t i = 1; i <= messages; ++i) {
            there.value.store(i, std::memory_order_release);
            while (back.value.load(std::memory_order_acquire) != i) {
            }
        }
        other.join();
    }
    count_items(state, 0);
}
BENCHMARK(bare_atomics_cores)->UseRealTime();

template <bool Many>
void bounded_cores(benchmark::State& state) {
    Core here;
    Core there;
    std::int64_t sum = 0;
    for (auto _ : state) {
        auto [tx, rx] = mpsc::channel<std::int64_t>(1000);
        there.enter();
        if constexpr (Many)
            spawn(consume_many(std::move(rx), sum)).detach();
        else
            spawn(consume(std::move(rx), sum)).detach();
        here.enter();
        spawn(produce(std::move(tx), messages)).detach();
        std::thread other([&] { there.run_all(); });
        here.run_all();
        other.join();
    }
    count_items(state, sum);
}
BENCHMARK(bounded_cores<false>)->UseRealTime();
BENCHMARK(bounded_cores<true>)->UseRealTime();

void unbounded_cores(benchmark::State& state) {
    Core here;
    Core there;
    std::int64_t sum = 0;
    for (auto _ : state) {
        auto [tx, rx] = mpsc::unbounded<std::int64_t>();
        there.enter();
        spawn(consume(std::move(rx), sum)).detach();
        here.enter();
        spawn(produce_unbounded(std::move(tx), messages)).detach();
        std::thread other([&] { there.run_all(); });
        here.run_all();
        other.join();
    }
    count_items(state, sum);
}
BENCHMARK(unbounded_cores)->UseRealTime();

}  // namespace
