// What does an idle TCP connection keep? Budget: 1 KiB of the stack's memory, for each end.
//
// `idle_connection`: so many are opened in this process over a port in memory, each accepted and left alone; then a
// task waits in read() on each. The heap is asked before and after: bytes_stack is a connection's part without its
// task, bytes_task what the waiting task takes of the slab.
//
// `idle_both_ends`: so many between two hosts on the simulator's wire, so that both ends are connections of our stack,
// in one process. The kernel is asked before and after what is resident: rss_per_end is all that an end takes, tables,
// pools and the program's handle with it; heap_per_end is what of it was asked for. A million takes 1.5 GB and a
// minute:
//
//     bench_stack_memory --benchmark_filter=idle_both_ends --benchmark_format=json

#include "common/stack_servers.hpp"

#include <skerry/base/huge_pages.hpp>
#include <skerry/testing/simulation.hpp>

#include <benchmark/benchmark.h>

#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
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

// What the kernel holds for this process.
std::size_t resident_bytes() {
    std::size_t all = 0;
    std::size_t resident = 0;
    std::ifstream("/proc/self/statm") >> all >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
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

// --- both ends

// An address has 28,232 ports for the connections to one port of another.
constexpr std::uint16_t services = 50;
constexpr std::uint16_t first_service = 1000;

std::size_t heap_bytes_with_tasks() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd + aligned_bytes();
}

Task<> connect_streams(net::SocketAddr to, std::size_t count, std::vector<net::TcpStream>* kept) {
    for (std::size_t i = 0; i < count; ++i) {
        auto stream = co_await net::TcpStream::connect(to);
        if (!stream) std::abort();
        kept->push_back(std::move(*stream));
    }
}

void idle_both_ends(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        std::vector<net::TcpStream> made;
        std::vector<net::TcpStream> accepted;
        made.reserve(count);
        accepted.reserve(count);
        testing::Simulation sim({.seed = 1});
        testing::Host& server = sim.host("server");
        testing::Host& client = sim.host("client");
        for (std::uint16_t i = 0; i < services; ++i)
            server.spawn(keep_streams(server.at(static_cast<std::uint16_t>(first_service + i)), &accepted)).detach();
        sim.run_for(std::chrono::seconds{1});
        const std::size_t resident = resident_bytes();
        const std::size_t heap = heap_bytes_with_tasks();
        for (std::uint16_t i = 0; i < services; ++i) {
            const auto to = server.at(static_cast<std::uint16_t>(first_service + i));
            client.spawn(connect_streams(to, count / services, &made)).detach();
        }
        sim.run_until([&] { return made.size() == count && accepted.size() == count; }, std::chrono::hours{1});
        sim.run_for(std::chrono::seconds{10});  // nothing is owed any more
        const std::size_t ends = server.stack().tcp().sizes().connections + client.stack().tcp().sizes().connections;
        if (ends != 2 * count) return state.SkipWithError("not all are connected");
        const double rss = static_cast<double>(resident_bytes() - resident) / static_cast<double>(ends);
        state.counters["ends"] = static_cast<double>(ends);
        state.counters["rss_per_end"] = rss;
        state.counters["heap_per_end"] =
            static_cast<double>(heap_bytes_with_tasks() - heap) / static_cast<double>(ends);
        if (rss > budget_bytes) state.SkipWithError("an end of an idle connection keeps more than its budget");
    }
}
BENCHMARK(idle_both_ends)->Arg(1'000'000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
