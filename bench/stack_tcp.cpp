// What does a TCP segment of 64 bytes cost in our stack, stage by stage, on the server's core? Budgets, software
// checksums: receive to task ready 70 ns, then 45, for one warm connection and 200 for 10,000 in random order and
// bursts of 32; transmit 40, then 25, and 80; wake and task 20 and 90.
//
// A turn over a port in memory is timed in three parts, and the pair of clock reads around each is measured and taken
// off (so a burst of 1 is understated by up to that pair, which is shown as clock_ns):
//
//   receive_ns   what the port hands in, through the stack, to tasks in the ready ring
//   task_ns      these run, read, and wait again; they answer nothing
//   transmit_ns  what it costs more when they answer: the task's write, and the turn's end with the port's taking of
//                the frames
//   ack_ns       a bare acknowledgement comes and frees what was kept (10,000 connections, once each answer; with one
//                connection the next request acknowledges: 0)
//
// Blocks of turns that answer and blocks that do not take turns, so that both meet the same hour of the machine, and
// each figure is the median of its turns: one in which a neighbour had the CPU does not count.

#include "common/stack_servers.hpp"

#include <skerry/time/clock.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace {

using namespace skerry;
using namespace skerry::bench;

constexpr std::size_t turns_in_block = 256;

/// What each turn took, in cycles.
struct Cycles {
    std::vector<std::uint64_t> receive;
    std::vector<std::uint64_t> run;
    std::vector<std::uint64_t> transmit;
    std::vector<std::uint64_t> acks;
};

/// What two reads of the clock take by themselves.
std::uint64_t clock_pair() {
    std::uint64_t least = ~std::uint64_t{0};
    for (int i = 0; i < 10'000; ++i) {
        const std::uint64_t begin = time::Clock::cycles();
        least = std::min(least, time::Clock::cycles() - begin);
    }
    return least;
}

[[nodiscard]] double median(std::vector<std::uint64_t>& values) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), at, values.end());
    return static_cast<double>(*at);
}

class Dialogue {
public:
    Dialogue(std::size_t connections, std::size_t in_burst) : in_burst_(in_burst), peers_(core_) {
        spawn(serve_streams(service(), &answers_)).detach();
        core_.run();
        peers_.connect(connections);
        chosen_.resize(in_burst);
    }

    void block(Cycles& sum, bool answers) {
        answers_ = answers;
        for (std::size_t i = 0; i < turns_in_block; ++i) turn(sum);
    }

private:
    void turn(Cycles& sum) {
        for (std::size_t& each : chosen_) each = peers_.size() == 1 ? 0 : random_() % peers_.size();
        for (const std::size_t each : chosen_) peers_.request(each);
        const std::uint64_t begin = time::Clock::cycles();
        core_.receive();
        const std::uint64_t received = time::Clock::cycles();
        core_.run();
        const std::uint64_t ran = time::Clock::cycles();
        core_.transmit();
        const std::uint64_t end = time::Clock::cycles();
        sum.receive.push_back(received - begin);
        sum.run.push_back(ran - received);
        sum.transmit.push_back(end - ran);
        core_.pass(std::chrono::nanoseconds{100} * static_cast<std::int64_t>(in_burst_));
        if (!answers_) return;
        for (const std::size_t each : chosen_) peers_.answered(each);
        if (peers_.size() == 1) return;  // the next request says so
        for (const std::size_t each : chosen_) peers_.acknowledge(each);
        const std::uint64_t acks = time::Clock::cycles();
        core_.receive();
        sum.acks.push_back(time::Clock::cycles() - acks);
        core_.turn();
    }

    static backend::HeapFramesOptions frames() {
        backend::HeapFramesOptions options;
        options.frames = 1024;
        return options;
    }

    std::size_t in_burst_;
    bool answers_ = true;
    StackCore core_{StackCore::config(), frames()};
    TcpPeers<StackCore> peers_;
    std::minstd_rand random_{1};
    std::vector<std::size_t> chosen_;
};

void tcp_echo(benchmark::State& state) {
    const auto in_burst = static_cast<std::size_t>(state.range(1));
    time::Clock::init();
    Dialogue dialogue(static_cast<std::size_t>(state.range(0)), in_burst);
    Cycles answering;
    Cycles silent;
    while (state.KeepRunningBatch(static_cast<std::int64_t>(2 * turns_in_block * in_burst))) {
        dialogue.block(answering, true);
        dialogue.block(silent, false);
    }
    const double ns_per_cycle = static_cast<double>(time::Clock::duration_of(1'000'000'000).count()) / 1e9;
    const double pair_ns = static_cast<double>(clock_pair()) * ns_per_cycle;
    const auto per_segment = [&](std::vector<std::uint64_t>& turns) {
        return (median(turns) * ns_per_cycle - pair_ns) / static_cast<double>(in_burst);
    };
    const double task = per_segment(silent.run);
    state.counters["receive_ns"] = per_segment(answering.receive);
    state.counters["task_ns"] = task;
    state.counters["transmit_ns"] = per_segment(answering.run) - task + per_segment(answering.transmit);
    // In each run, or it could not be written as CSV.
    state.counters["ack_ns"] = state.range(0) != 1 ? per_segment(answering.acks) : 0;
    state.counters["clock_ns"] = pair_ns;
}
BENCHMARK(tcp_echo)->Args({1, 1})->Args({1, 32})->Args({10'000, 1})->Args({10'000, 32});

}  // namespace
