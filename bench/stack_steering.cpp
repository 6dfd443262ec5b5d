// What does it cost to bring a packet to the core that has its connection? The hash that says which core that is, and a
// ring from core to core for what came to another one.
//
//   toeplitz   of one packet, with the tables in the first cache
//   hop        frames to another core and back, in bursts: what a frame's one way costs both cores together while
//              neither waits for a turn. The far core reads the header's line, as its stack would, and the near one
//              has written it. `local_ns` is the same through the same rings on one core. Blocks of both alternate in
//              two threads that poll; the counters are medians, and it needs two CPUs that nobody else uses.
//
// --benchmark_format=json writes the figures for programs.

#include "common/measure.hpp"

#include <skerry/backend/heap_frames.hpp>
#include <skerry/stack/steering/frame_ring.hpp>
#include <skerry/stack/steering/toeplitz.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

namespace {

using namespace skerry;
using namespace skerry::bench;
using stack::FrameRing;
using stack::Toeplitz;
using stack::wire::Ipv4Addr;
using stack::wire::Ipv6Addr;

// --- the hash

constexpr std::size_t tuples = 1024;

void toeplitz_v4(benchmark::State& state) {
    const Toeplitz toeplitz(Toeplitz::key_of(1));
    std::vector<stack::tcp::Tuple> all(tuples);
    for (std::uint32_t i = 0; i < tuples; ++i) {
        all[i].local = Ipv4Addr::of(198, 18, 0, 2);
        all[i].remote = Ipv4Addr{0xc612'0000U + i * 2'654'435'761U % 0x1'0000U};
        all[i].local_port = 7000;
        all[i].remote_port = static_cast<std::uint16_t>(32'768 + i * 7919 % 28'232);
    }
    for (std::size_t i = 0; auto _ : state) keep(toeplitz.hash(all[i++ % tuples]));
}
BENCHMARK(toeplitz_v4);

void toeplitz_v6(benchmark::State& state) {
    const Toeplitz toeplitz(Toeplitz::key_of(1));
    const Ipv6Addr own = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
    std::vector<Ipv6Addr> hosts(tuples, Ipv6Addr::of(0x2001, 0xdb8, 0, 1, 0, 0, 0, 0));
    for (std::uint64_t i = 0; i < tuples; ++i) hosts[i].low = i * 0x9e37'79b9'7f4a'7c15U;
    for (std::size_t i = 0; auto _ : state) {
        const Ipv6Addr& host = hosts[i++ % tuples];
        keep(toeplitz.hash(host, own, static_cast<std::uint16_t>(host.low), 7000));
    }
}
BENCHMARK(toeplitz_v6);

// --- the ring

constexpr std::size_t ring_frames = 512;  // as SteeringOptions has it
constexpr std::size_t frames_in_block = 64'000;
constexpr int blocks = 31;

/// There and back.
struct Rings {
    FrameRing there{ring_frames};
    FrameRing back{ring_frames};
    std::uint64_t read = 0;  ///< what the far end saw, so that it is not left out
};

void push_burst(FrameRing& ring, std::span<backend::Frame* const> frames) {
    for (backend::Frame* const frame : frames)
        if (!ring.push(*frame)) std::abort();
    ring.publish();
}

/// Takes a burst, looks at each header and gives it back; how many.
std::size_t pass_back(Rings& rings, std::span<backend::Frame*> room) {
    const std::size_t count = rings.there.pop(room);
    for (backend::Frame* const frame : room.first(count)) rings.read += std::to_integer<std::uint64_t>(*frame->data);
    if (count != 0) push_burst(rings.back, room.first(count));
    return count;
}

Task<> far_end(Rings* rings, std::size_t frames) {
    std::array<backend::Frame*, 32> room{};
    while (frames != 0) frames -= pass_back(*rings, room);
    co_return;
}

/// Four bursts are under way, so that neither end waits for the other's turn.
class Sender {
public:
    explicit Sender(std::size_t burst) : burst_(burst), frames_(options(4 * burst)) {
        while (backend::Frame* const frame = frames_.allocate()) idle_.push_back(frame);
    }
    ~Sender() {
        for (backend::Frame* const frame : idle_) frame->drop();
    }
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

    /// Sends and takes back so many; `turn` is what the other end does when it has no thread of its own.
    template <class Turn>
    void run(Rings& rings, std::size_t frames, Turn&& turn) {
        std::array<backend::Frame*, 32> room{};
        std::size_t sent = 0;
        for (std::size_t taken = 0; taken != frames;) {
            if (sent != frames && idle_.size() >= burst_) {
                const std::span<backend::Frame*> leaving = std::span(idle_).last(burst_);
                for (backend::Frame* const frame : leaving) *frame->data = static_cast<std::byte>(sent);
                push_burst(rings.there, leaving);
                idle_.resize(idle_.size() - burst_);
                sent += burst_;
            }
            turn();
            const std::size_t came = rings.back.pop(room);
            idle_.insert(idle_.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(came));
            taken += came;
        }
    }

private:
    static backend::HeapFramesOptions options(std::size_t frames) {
        backend::HeapFramesOptions options;
        options.frames = static_cast<std::uint32_t>(frames);
        return options;
    }

    std::size_t burst_;
    backend::HeapFrames frames_;
    std::vector<backend::Frame*> idle_;
};

Task<> to_other_core(Sender* sender, Rings* rings, task::CoreId where) {
    auto far = spawn_on(where, far_end(rings, frames_in_block));
    sender->run(*rings, frames_in_block, [] {});
    (void)co_await far;
}

Task<> on_one_core(Sender* sender, Rings* rings) {
    std::array<backend::Frame*, 32> room{};
    sender->run(*rings, frames_in_block, [&] { (void)pass_back(*rings, room); });
    co_return;
}

void hop(benchmark::State& state) {
    auto runtime = make_runtime(2);
    Sender sender(static_cast<std::size_t>(state.range(0)));
    Rings rings;
    std::vector<double> between;
    std::vector<double> local;
    for (auto _ : state) {
        constexpr std::size_t ways = 2 * frames_in_block;
        between.push_back(runtime.block_on(timed(ways, to_other_core(&sender, &rings, other_core(2)))));
        local.push_back(runtime.block_on(timed(ways, on_one_core(&sender, &rings))));
    }
    keep(rings.read);
    state.counters["hop_ns"] = quantile(between, 0.5);
    state.counters["local_ns"] = quantile(local, 0.5);
}
BENCHMARK(hop)->Arg(1)->Arg(8)->Arg(32)->Iterations(blocks)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
