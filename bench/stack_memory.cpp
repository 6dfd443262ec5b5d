// What does an idle TCP connection keep? Budget: 1 KiB of the stack's memory. So many are opened in this process over a
// port in memory, each accepted and left alone; then a task waits in read() on each. The heap is asked before and
// after: bytes_stack is a connection's part without its task, bytes_task what the waiting task takes of the slab.

#include "common/stack_servers.hpp"

#include <skerry/base/huge_pages.hpp>

#include <benchmark/benchmark.h>

#include <malloc.h>

#include <cstddef>
#include <vector>

namespace {

using namespace skerry;
using namespace skerry::bench;

constexpr std::size_t budget_bytes = 1024;

// With what lies in pages of 2 MiB, but for the tasks' part.
std::size_t heap_bytes() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd + aligned_bytes() - task::current_scheduler->slab_stats().chunk_bytes;
}

std::size_t slab_bytes() { return task::current_scheduler->slab_stats().carved_bytes; }

Task<> keep_streams(net::SocketAddr at, std::vector<net::TcpStream>* kept) {
    auto listener = net::TcpListener::bind(at);
    if (!listener) std::abort();
    for (;;) {
        auto stream = co_await listener->accept();
        if (!stream) co_return;
        kept->push_back(std::move(*stream));
    }
}

Task<> wait_on(net::TcpStream* stream) {
    std::array<std::byte, payload_bytes> bytes;
    (void)co_await stream->read(bytes);
}

void idle_connection(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        std::vector<net::TcpStream> kept;
        kept.reserve(count);
        std::vector<JoinHandle<void>> waiting;
        waiting.reserve(count);
        StackCore core(StackCore::config(), {});
        spawn(keep_streams(service(), &kept)).detach();
        core.run();
        TcpPeers peers(core);
        peers.reserve(count);
        const std::size_t before = heap_bytes();
        peers.connect(count);
        const std::size_t connected = heap_bytes();
        const std::size_t without_tasks = slab_bytes();
        if (kept.size() != count) return state.SkipWithError("not all are connected");
        for (net::TcpStream& stream : kept) waiting.push_back(spawn(wait_on(&stream)));
        core.run();
        const std::size_t with_tasks = slab_bytes();
        const double each = static_cast<double>(connected - before) / static_cast<double>(count);
        state.counters["bytes_stack"] = each;
        state.counters["bytes_task"] = static_cast<double>(with_tasks - without_tasks) / static_cast<double>(count);
        if (each > budget_bytes) state.SkipWithError("an idle connection keeps more than its budget");
        for (JoinHandle<void>& task : waiting) task.abort();
        core.run();
    }
}
BENCHMARK(idle_connection)->Arg(100'000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
