// What does a pooled buffer cost, against malloc? Budget: 4 ns for allocate and release together.

#include <skerry/base/buffer_pool.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <vector>

namespace {

using skerry::BufferPool;
using skerry::BufferPoolOptions;
using skerry::IoBuf;

void pool_allocate_release(benchmark::State& state) {
    BufferPool pool;
    for (auto _ : state) {
        IoBuf buffer = pool.allocate();
        benchmark::DoNotOptimize(buffer);
    }
}
BENCHMARK(pool_allocate_release);

/// Bursts of 32, as a driver takes them; each buffer's first line is written. Time per buffer.
void pool_burst_of_32(benchmark::State& state) {
    BufferPool pool;
    std::array<IoBuf, 32> burst;
    for (auto _ : state) {
        for (auto& buffer : burst) {
            buffer = pool.allocate();
            *buffer.writable().data() = std::byte{1};
        }
        for (auto& buffer : burst) buffer.reset();
    }
    state.SetItemsProcessed(state.iterations() * 32);
}
BENCHMARK(pool_burst_of_32);

void iobuf_move(benchmark::State& state) {
    IoBuf a = IoBuf::allocate(64);
    IoBuf b;
    for (auto _ : state) {
        b = std::move(a);
        benchmark::DoNotOptimize(b);
        a = std::move(b);
        benchmark::DoNotOptimize(a);
    }
    state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(iobuf_move);

void iobuf_share(benchmark::State& state) {
    const IoBuf buffer = IoBuf::allocate(64);
    for (auto _ : state) {
        IoBuf second = buffer.share();
        benchmark::DoNotOptimize(second);
    }
}
BENCHMARK(iobuf_share);

void malloc_free_64k(benchmark::State& state) {
    for (auto _ : state) {
        void* block = std::malloc(64 * 1024 + 128);
        benchmark::DoNotOptimize(block);
        std::free(block);
    }
}
BENCHMARK(malloc_free_64k);

}  // namespace
