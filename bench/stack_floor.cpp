// What does memory alone cost of a segment for one of 10,000 connections? As stack_tcp does, 32 of them are drawn;
// slot, connection, socket and task are fetched in passes, each of which finds its place in what the one before has
// brought, and then every line is written once. There is no work beside that: the rest of tcp_echo/10000/32 is
// instructions.
//
// The arguments are the lines of a connection, a socket and a task's frame, and whether they lie in pages of 2 MiB.
// Time counts what the neighbours took; line_ns and conn_ns are of the median burst.

#include <skerry/base/cache_line.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/time/clock.hpp>

#include <benchmark/benchmark.h>

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <numeric>
#include <random>
#include <vector>

namespace {

using namespace skerry;

constexpr std::size_t connections = 10'000;
constexpr std::size_t in_burst = 32;

struct alignas(cache_line_bytes) Line {
    Line* next = nullptr;
    std::uint64_t written = 0;
};

/// `lines` for each connection, in random order, in pages of one kind.
class Part {
public:
    Part(std::size_t lines, bool huge) : lines_(lines) {
        constexpr std::size_t page = std::size_t{2} << 20U;
        const std::size_t bytes = (connections * lines * sizeof(Line) + page - 1) / page * page;
        memory_ = std::aligned_alloc(page, bytes);
        if (memory_ == nullptr || ::madvise(memory_, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) != 0) std::abort();
        first_ = new (memory_) Line[connections * lines];
        order_.resize(connections);
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        std::shuffle(order_.begin(), order_.end(), std::minstd_rand(static_cast<unsigned>(lines)));
    }
    ~Part() { std::free(memory_); }
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

    [[nodiscard]] Line* of(std::size_t connection) const { return first_ + order_[connection] * lines_; }
    // Inlined, as g++ leaves out calls of what only prefetches.
    SKERRY_ALWAYS_INLINE void fetch(const Line* at) const {
        for (std::size_t i = 0; i < lines_; ++i) prefetch_write(at + i);
    }
    void write(Line* at) const {
        for (std::size_t i = 0; i < lines_; ++i) ++at[i].written;
    }

private:
    std::size_t lines_;
    void* memory_;
    Line* first_;
    std::vector<std::size_t> order_;
};

void cold_lines(benchmark::State& state) {
    time::Clock::init();
    const bool huge = state.range(3) != 0;
    const std::array<Part, 3> parts{Part(static_cast<std::size_t>(state.range(0)), huge),
                                    Part(static_cast<std::size_t>(state.range(1)), huge),
                                    Part(static_cast<std::size_t>(state.range(2)), huge)};
    std::vector<Line*> slots(connections);
    for (std::size_t i = 0; i < connections; ++i) {
        slots[i] = parts[0].of(i);
        slots[i]->next = parts[1].of(i);
        slots[i]->next->next = parts[2].of(i);
    }
    std::minstd_rand random(1);
    std::array<std::size_t, in_burst> drawn;
    std::array<std::array<Line*, in_burst>, 3> at;
    std::vector<std::uint64_t> bursts;
    while (state.KeepRunningBatch(in_burst)) {
        for (std::size_t& each : drawn) each = random() % connections;
        const std::uint64_t begin = time::Clock::cycles();
        for (const std::size_t each : drawn) prefetch_read(&slots[each]);
        for (std::size_t i = 0; i < in_burst; ++i) parts[0].fetch(at[0][i] = slots[drawn[i]]);
        for (std::size_t i = 0; i < in_burst; ++i) parts[1].fetch(at[1][i] = at[0][i]->next);
        for (std::size_t i = 0; i < in_burst; ++i) parts[2].fetch(at[2][i] = at[1][i]->next);
        for (std::size_t i = 0; i < in_burst; ++i)
            for (std::size_t part = 0; part < parts.size(); ++part) parts[part].write(at[part][i]);
        bursts.push_back(time::Clock::cycles() - begin);
    }
    const auto middle = bursts.begin() + static_cast<std::ptrdiff_t>(bursts.size() / 2);
    std::nth_element(bursts.begin(), middle, bursts.end());
    const double ns_per_cycle = static_cast<double>(time::Clock::duration_of(1'000'000'000).count()) / 1e9;
    const double each = static_cast<double>(*middle) * ns_per_cycle / static_cast<double>(in_burst);
    state.counters["conn_ns"] = each;
    state.counters["line_ns"] = each / static_cast<double>(1 + state.range(0) + state.range(1) + state.range(2));
}
BENCHMARK(cold_lines)->ArgNames({"tcb", "socket", "task", "huge"})->ArgsProduct({{5, 7}, {2, 4}, {8}, {0, 1}});

}  // namespace
