// What does a flood of SYNs do to a listener? A million a second of the core's own clock come from addresses that are
// nobody's, in bursts of 32, while clients that are 20 ms away connect, one each millisecond. Budgets: 99 of 100
// clients connect, the heap stays as it is, 400 ns a SYN.
//
//   syn_ns        a SYN, from the port to the answer at the port, median of the bursts
//   success_pct   clients whose connection was accepted
//   bytes_grown   of the heap, during a million SYNs without clients
//
// cookies:0 forgets the oldest handshake instead of sending a cookie: what that costs, and why it is not enough.

#include "common/stack_servers.hpp"

#include <skerry/base/huge_pages.hpp>
#include <skerry/time/clock.hpp>

#include <benchmark/benchmark.h>

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

namespace {

using namespace skerry;
using namespace skerry::bench;
using namespace std::chrono_literals;

constexpr wire::Ipv4Addr gateway = wire::Ipv4Addr::of(198, 18, 0, 254);
constexpr std::size_t options_bytes = 20;
constexpr std::size_t syn_bytes = wire::tcp_bytes + options_bytes;
constexpr auto burst_time = MemoryPort::burst_max * 1us;
constexpr auto way_time = 20ms;

std::int64_t heap_bytes() {
    const struct mallinfo2 info = mallinfo2();
    return static_cast<std::int64_t>(info.uordblks + info.hblkhd + aligned_bytes());
}

Task<> accept_all(net::SocketAddr at, std::vector<net::TcpStream>* accepted) {
    auto listener = net::TcpListener::bind(at);
    if (!listener) std::abort();
    for (;;) {
        auto stream = co_await listener->accept();
        if (!stream) co_return;
        accepted->push_back(std::move(*stream));
    }
}

class Flood {
public:
    explicit Flood(stack::SynCookies when) : core_(config(when), {}) {
        accepted_.reserve(4096);
        spawn(accept_all(service(), &accepted_)).detach();
        core_.run();
        core_.know_peer(gateway);
        core_.look_with(&Flood::look, this);
    }

    /// What each SYN took, in cycles.
    void bursts(std::size_t count, std::vector<std::uint64_t>* cycles) {
        for (std::size_t i = 0; i < count; ++i) {
            for (std::size_t each = 0; each < MemoryPort::burst_max; ++each, ++spoofed_)
                send(wire::Ipv4Addr{0x0a00'0000U + (spoofed_ & 0xff'ffffU)}, 1, 1000, 0, {});
            const std::uint64_t begin = time::Clock::cycles();
            core_.turn();
            if (cycles != nullptr) cycles->push_back(time::Clock::cycles() - begin);
            core_.pass(burst_time);
        }
    }

    void clients(std::size_t count) {
        std::deque<std::pair<time::Instant, Client>> on_their_way;
        for (std::size_t i = 0; i < count + 2 * static_cast<std::size_t>(way_time / 1ms); ++i) {
            if (i < count) {
                asking_ = {static_cast<std::uint16_t>(2000 + i), 0, 0};
                send(peer_address, asking_.port, client_iss, 0, {});
                core_.turn();
                if (asking_.ack != 0) on_their_way.emplace_back(core_.now() + way_time, asking_);
            }
            bursts(1ms / burst_time, nullptr);
            for (; !on_their_way.empty() && on_their_way.front().first <= core_.now(); on_their_way.pop_front()) {
                const Client& client = on_their_way.front().second;
                send(peer_address, client.port, client_iss + 1, client.ack, client.echo);
                core_.turn();
            }
        }
    }

    [[nodiscard]] std::size_t connected() const noexcept { return accepted_.size(); }
    [[nodiscard]] const stack::tcp::CookieCounts& cookies() noexcept { return core_.stack().tcp().cookies(); }

private:
    static constexpr std::uint32_t client_iss = 7'000'000;
    struct Client {
        std::uint16_t port = 0;
        std::uint32_t ack = 0;
        std::uint32_t echo = 0;
    };

    static stack::StackConfig config(stack::SynCookies when) {
        stack::StackConfig config = StackCore::config();
        config.gateway = gateway;
        config.tcp.syn_cookies = when;
        return config;
    }

    // The answer to the client that asks.
    static void look(void* context, std::span<const std::byte> packet) {
        Client& client = static_cast<Flood*>(context)->asking_;
        wire::TcpHeader header;
        wire::TcpOptions options;
        if (packet.size() < packet_bytes(wire::tcp_bytes)) return;
        const auto segment = packet.subspan(packet_bytes(0));
        if (wire::parse(segment, header) != stack::Drop::none || header.destination_port != client.port) return;
        if (wire::parse(segment.subspan(wire::tcp_bytes, header.header_bytes - wire::tcp_bytes), options) !=
            stack::Drop::none)
            return;
        client.ack = header.seq + 1;
        client.echo = options.timestamps.value;
    }

    // A SYN, or the acknowledgement of its answer.
    void send(wire::Ipv4Addr from, std::uint16_t port, std::uint32_t seq, std::uint32_t ack, std::uint32_t echo) {
        const bool is_syn = ack == 0;
        const std::size_t bytes = is_syn ? syn_bytes : wire::tcp_bytes + wire::tcp_timestamps_bytes;
        std::byte* const packet = core_.arrive(packet_bytes(bytes));
        const std::span<std::byte> segment(write_packet(packet, core_.mac(), from, wire::ip_protocol::tcp, bytes),
                                           bytes);
        wire::TcpHeader header;
        header.source_port = port;
        header.destination_port = service_port;
        header.seq = seq;
        header.ack = ack;
        header.flags = is_syn ? wire::tcp_flag::syn : wire::tcp_flag::ack;
        header.window = 65'535;
        header.header_bytes = static_cast<std::uint8_t>(bytes);
        wire::write(header, segment.data());
        const wire::TcpTimestamps stamps{static_cast<std::uint32_t>(core_.now().as_nanos() / 1'000'000), echo};
        if (is_syn) {
            wire::TcpOptions options;
            options.has_mss = options.has_timestamps = options.has_window_scale = true;
            options.mss = 1460;
            options.window_scale = 7;
            options.timestamps = stamps;
            if (wire::write_syn_options(options, segment.data() + wire::tcp_bytes) != options_bytes) std::abort();
        } else {
            wire::store_only_timestamps(stamps, segment.data() + wire::tcp_bytes);
        }
        wire::seal_tcp(
            segment, wire::pseudo_header(from, own_address, wire::ip_protocol::tcp, static_cast<std::uint32_t>(bytes)));
    }

    std::vector<net::TcpStream> accepted_;  // goes behind the core
    StackCore core_;
    Client asking_;
    std::uint32_t spoofed_ = 0;
};

void syn_flood(benchmark::State& state) {
    constexpr std::size_t clients = 500;
    constexpr std::size_t burst_count = 1'000'000 / MemoryPort::burst_max;
    time::Clock::init();
    for (auto _ : state) {
        Flood flood(state.range(0) == 0 ? stack::SynCookies::off : stack::SynCookies::when_full);
        std::vector<std::uint64_t> cycles;
        cycles.reserve(burst_count);
        flood.bursts(1000, nullptr);
        const std::int64_t before = heap_bytes();
        flood.bursts(burst_count, &cycles);
        state.counters["bytes_grown"] = static_cast<double>(heap_bytes() - before);
        const auto middle = cycles.begin() + static_cast<std::ptrdiff_t>(cycles.size() / 2);
        std::nth_element(cycles.begin(), middle, cycles.end());
        state.counters["syn_ns"] =
            static_cast<double>(time::Clock::duration_of(*middle).count()) / MemoryPort::burst_max;
        flood.clients(clients);
        state.counters["success_pct"] = 100.0 * static_cast<double>(flood.connected()) / clients;
        state.counters["cookies_sent"] = static_cast<double>(flood.cookies().sent);
        state.counters["cookies_accepted"] = static_cast<double>(flood.cookies().accepted);
    }
}
BENCHMARK(syn_flood)->ArgName("cookies")->Arg(0)->Arg(1)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
