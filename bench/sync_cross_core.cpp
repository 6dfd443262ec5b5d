// What does a request with its answer cost between two cores that both poll, beside the bare atomics of the same round?
//
// What a line costs to go from core to core belongs to the machine and the hour, so blocks of both alternate, in the
// same two threads. The counters are medians over the blocks: a round of each in nanoseconds, and their ratio, which
// is what the budget is of. It needs two CPUs that nobody else uses.

#include "common/measure.hpp"
#include "common/sync_bodies.hpp"

#include <skerry/base/cache_line.hpp>

#include <atomic>
#include <vector>

namespace {

using namespace skerry;
using namespace skerry::bench;

constexpr std::size_t rounds = 20'000;
constexpr int blocks = 31;

struct alignas(no_sharing_bytes) Word {
    std::atomic<std::size_t> value{0};
};

/// One line for the request, one for the answer, a number in each.
struct BareChannel {
    Word there;
    Word back;
};

Task<> bare_answers(BareChannel* channel, std::size_t count) {
    for (std::size_t i = 1; i <= count; ++i) {
        while (channel->there.value.load(std::memory_order_acquire) != i) {
        }
        channel->back.value.store(i, std::memory_order_release);
    }
    co_return;
}

Task<> bare_requests(BareChannel* channel, std::size_t count, task::CoreId where) {
    auto server = spawn_on(where, bare_answers(channel, count));
    for (std::size_t i = 1; i <= count; ++i) {
        channel->there.value.store(i, std::memory_order_release);
        while (channel->back.value.load(std::memory_order_acquire) != i) {
        }
    }
    (void)co_await server;
}

void request_answer_between_cores(benchmark::State& state) {
    auto runtime = make_runtime(2);
    std::vector<double> bare;
    std::vector<double> ours;
    std::vector<double> ratio;
    for (auto _ : state) {
        BareChannel channel;
        bare.push_back(runtime.block_on(timed(rounds, bare_requests(&channel, rounds, other_core(2)))));
        ours.push_back(runtime.block_on(timed(rounds, ping_pong<task::SharedScope>(rounds, other_core(2)))));
        ratio.push_back(ours.back() / bare.back());
    }
    state.counters["bare_ns"] = quantile(bare, 0.5);
    state.counters["skerry_ns"] = quantile(ours, 0.5);
    state.counters["ratio"] = quantile(ratio, 0.5);
}
BENCHMARK(request_answer_between_cores)->Iterations(blocks)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
