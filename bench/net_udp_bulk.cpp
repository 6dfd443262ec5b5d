// How much faster do datagrams in bulk cross loopback when they leave and come together (UDP_SEGMENT, UDP_GRO)? To be
// at least twice the rate.
//
// One core sends 46 datagrams of 1,400 bytes and receives them, again and again: without by a sendmmsg whose datagrams
// leave one by one and a recvmmsg, with by one message that the kernel cuts and puts together. Rounds of both alternate
// in one run. The counters are medians over the rounds: millions of datagrams a second of each, and their ratio.
//
// Each datagram of a batch that is to leave one by one is a byte longer than the one in front of it.

#include "common/measure.hpp"
#include "common/need.hpp"

#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/builder.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

namespace {

using namespace skerry;
using net::Datagram;
using net::UdpSocket;
using bench::need;

constexpr std::size_t datagram_bytes = 1400;
constexpr std::size_t in_flight = 46;  // as many as leave in one message: 64'400 bytes
constexpr std::size_t bursts = 300;  // in a round
constexpr int rounds = 41;

UdpSocket bind() { return need(UdpSocket::bind({net::IpAddr::v4_loopback(), 0})); }

Task<> receive_all(UdpSocket& socket, std::span<Datagram> batch) {
    for (std::size_t received = 0; received < in_flight;) {
        const std::size_t count = need(co_await socket.recv_batch(batch));
        for (const Datagram& datagram : batch.first(count))
            for (const std::span<const std::byte> each : net::segments_of(datagram))
                received += each.size() > datagram_bytes - in_flight ? 1 : 0;
    }
}

Task<> bulk(bool together) {
    UdpSocket from = bind();
    UdpSocket to = bind();
    if (together) need(to.set_option(net::SocketOption::receive_segments, 1));
    std::vector<Datagram> batch(in_flight);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        batch[i].payload = IoBuf::allocate(together ? datagram_bytes : datagram_bytes - in_flight + 1 + i);
        batch[i].peer = to.local_addr();
    }
    std::vector<Datagram> received(64);
    for (std::size_t i = 0; i < bursts; ++i) {
        if (need(co_await from.send_batch(batch)) != batch.size()) std::abort();
        co_await receive_all(to, received);
    }
}

void udp_bulk(benchmark::State& state, const char* driver) {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.idle = runtime::IdlePolicy::spin;
    config.backend = driver;
    auto runtime = runtime::Builder(std::move(config)).offer(kernel_io::make_backend()).build();
    if (!runtime) return state.SkipWithError(runtime.error().message.c_str());

    std::vector<double> alone;
    std::vector<double> together;
    std::vector<double> ratio;
    for (auto _ : state) {
        const std::size_t count = bursts * in_flight;
        alone.push_back(1e3 / runtime->block_on(bench::timed(count, bulk(false))));
        together.push_back(1e3 / runtime->block_on(bench::timed(count, bulk(true))));
        ratio.push_back(together.back() / alone.back());
    }
    state.counters["alone_M/s"] = bench::quantile(alone, 0.5);
    state.counters["together_M/s"] = bench::quantile(together, 0.5);
    state.counters["ratio"] = bench::quantile(ratio, 0.5);
}
BENCHMARK_CAPTURE(udp_bulk, epoll, "epoll")->Iterations(rounds)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(udp_bulk, io_uring, "io_uring")->Iterations(rounds)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
