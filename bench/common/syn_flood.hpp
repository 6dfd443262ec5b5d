#pragma once

// A million SYNs a second from addresses that are nobody's, in bursts of 32, and clients who are 20 ms away and connect
// meanwhile, one each millisecond of the core's clock.

#include "stack_servers.hpp"

#include <skerry/base/huge_pages.hpp>
#include <skerry/time/clock.hpp>

#include <malloc.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <span>
#include <utility>
#include <vector>

namespace skerry::bench {

inline constexpr wire::Ipv4Addr flood_gateway = wire::Ipv4Addr::of(198, 18, 0, 254);
inline constexpr std::size_t flood_options_bytes = 20;
inline constexpr std::size_t flood_syn_bytes = wire::tcp_bytes + flood_options_bytes;
inline constexpr std::chrono::microseconds flood_burst_time{32};
inline constexpr std::chrono::milliseconds flood_way_time{20};

/// What the heap has given out.
inline std::int64_t heap_bytes() {
    const struct mallinfo2 info = mallinfo2();
    return static_cast<std::int64_t>(info.uordblks + info.hblkhd + aligned_bytes());
}

inline Task<> accept_all(net::SocketAddr at, std::vector<net::TcpStream>* accepted) {
    auto listener = net::TcpListener::bind(at);
    if (!listener) std::abort();
    for (;;) {
        auto stream = co_await listener->accept();
        if (!stream) co_return;
        accepted->push_back(std::move(*stream));
    }
}

/// `Core` is a StackCore, or has what is used of one here.
template <class Core>
class SynFlood {
public:
    /// `accepted` outlives the core, and what it holds goes behind it.
    SynFlood(Core& core, std::vector<net::TcpStream>& accepted) : core_(core), accepted_(accepted) {
        accepted_.reserve(4096);
        core_.start(accept_all(service(), &accepted_));
        core_.know_peer(flood_gateway);
        core_.look_with(&SynFlood::look, this);
    }
    ~SynFlood() { core_.look_with(nullptr, nullptr); }
    SynFlood(const SynFlood&) = delete;
    SynFlood& operator=(const SynFlood&) = delete;

    /// What each SYN took, in cycles.
    void bursts(std::size_t count, std::vector<std::uint64_t>* cycles) {
        for (std::size_t i = 0; i < count; ++i) {
            for (std::size_t each = 0; each < Core::burst_max; ++each, ++spoofed_)
                send(wire::Ipv4Addr{0x0a00'0000U + (spoofed_ & 0xff'ffffU)}, 1, 1000, 0, {});
            const std::uint64_t begin = time::Clock::cycles();
            core_.turn();
            if (cycles != nullptr) cycles->push_back(time::Clock::cycles() - begin);
            core_.pass(flood_burst_time);
        }
    }

    void clients(std::size_t count) {
        std::deque<std::pair<time::Instant, Client>> on_their_way;
        for (std::size_t i = 0; i < count + 2 * static_cast<std::size_t>(flood_way_time / std::chrono::milliseconds{1});
             ++i) {
            if (i < count) {
                asking_ = {static_cast<std::uint16_t>(2000 + i), 0, 0};
                send(peer_address, asking_.port, client_iss, 0, {});
                core_.turn();
                if (asking_.ack != 0) on_their_way.emplace_back(core_.now() + flood_way_time, asking_);
            }
            bursts(std::chrono::milliseconds{1} / flood_burst_time, nullptr);
            for (; !on_their_way.empty() && on_their_way.front().first <= core_.now(); on_their_way.pop_front()) {
                const Client& client = on_their_way.front().second;
                send(peer_address, client.port, client_iss + 1, client.ack, client.echo);
                core_.turn();
            }
        }
    }

    [[nodiscard]] std::size_t connected() const noexcept { return accepted_.size(); }

private:
    static constexpr std::uint32_t client_iss = 7'000'000;
    struct Client {
        std::uint16_t port = 0;
        std::uint32_t ack = 0;
        std::uint32_t echo = 0;
    };

    // The answer to the client that asks.
    static void look(void* context, std::span<const std::byte> packet) {
        Client& client = static_cast<SynFlood*>(context)->asking_;
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
        const std::size_t bytes = is_syn ? flood_syn_bytes : wire::tcp_bytes + wire::tcp_timestamps_bytes;
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
            if (wire::write_syn_options(options, segment.data() + wire::tcp_bytes) != flood_options_bytes) std::abort();
        } else {
            wire::store_only_timestamps(stamps, segment.data() + wire::tcp_bytes);
        }
        wire::seal_tcp(
            segment, wire::pseudo_header(from, own_address, wire::ip_protocol::tcp, static_cast<std::uint32_t>(bytes)));
    }

    Core& core_;
    std::vector<net::TcpStream>& accepted_;
    Client asking_;
    std::uint32_t spoofed_ = 0;
};

}  // namespace skerry::bench
