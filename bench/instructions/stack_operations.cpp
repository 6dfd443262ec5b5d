// Segments through our own stack, over a port in memory: a whole turn by turn, the peer's part left out by what it
// takes itself (stack_peer_udp and stack_peer_tcp write the same frames, and drop them).

#include "operations.hpp"

#include "../common/stack_servers.hpp"

#include <cstdlib>
#include <cstring>

namespace skerry::instructions {

namespace {

using namespace skerry::bench;

constexpr std::size_t burst = 32;

backend::HeapFramesOptions some_frames() {
    backend::HeapFramesOptions options;
    options.frames = 512;
    return options;
}

void datagrams_come(StackCore& core, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) write_datagram(core.arrive(datagram_packet_bytes));
}

/// What the peer alone costs: its frames come, and nobody looks at them.
void take_and_drop(StackCore& core) {
    std::array<Frame*, burst> frames;
    for (Frame* frame : std::span(frames).first(core.port().receive(frames, core.now()))) frame->drop();
}

Task<> stack_peer_udp(std::size_t n) {
    StackCore core(StackCore::config(), some_frames());
    for (std::size_t i = 0; i < n; i += burst) {
        datagrams_come(core, burst);
        take_and_drop(core);
    }
    co_return;
}

Task<> stack_udp(std::size_t n) {
    const bool answers = true;
    StackCore core(StackCore::config(), some_frames());
    spawn(serve_datagrams(service(), &answers)).detach();
    core.run();
    const std::uint64_t before = core.port().sent();
    for (std::size_t i = 0; i < n; i += burst) {
        datagrams_come(core, burst);
        core.turn();
    }
    if (core.port().sent() - before != n) std::abort();
    co_return;
}

/// A server with one connection.
struct OneStream {
    OneStream() {
        spawn(serve_streams(service(), &answers)).detach();
        core.run();
        peers.connect(1);
    }

    void requests(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) peers.request(0);
    }

    const bool answers = true;
    StackCore core{StackCore::config(), some_frames()};
    TcpPeers<StackCore> peers{core};
};

/// `in_burst` segments of one connection, whose answers the next ones acknowledge.
template <std::size_t in_burst>
Task<> stack_tcp(std::size_t n) {
    OneStream stream;
    const std::uint64_t before = stream.core.port().sent();
    for (std::size_t i = 0; i < n; i += in_burst) {
        stream.requests(in_burst);
        stream.core.turn();
        for (std::size_t j = 0; j < in_burst; ++j) stream.peers.answered(0);
        stream.core.pass(std::chrono::microseconds{in_burst});
    }
    if (stream.core.port().sent() - before != n) std::abort();
    co_return;
}

constexpr std::uint32_t full_segment = 1448;

/// Full segments of one connection in a row, read 64 KiB at a time: one acknowledgement a burst leaves.
Task<> stack_tcp_bulk(std::size_t n) {
    StackCore core(StackCore::config(), some_frames());
    TcpPeers<StackCore> peers(core);
    spawn(take_streams(service())).detach();
    core.run();
    peers.connect(1);
    const std::uint64_t before = core.port().sent();
    for (std::size_t i = 0; i < n; i += burst) {
        for (std::size_t j = 0; j < burst; ++j) peers.request(0, full_segment);
        core.turn();
        core.pass(std::chrono::microseconds{burst});
    }
    if (core.port().sent() - before != n / burst) std::abort();
    co_return;
}

Task<> stack_peer_tcp_bulk(std::size_t n) {
    OneStream stream;
    for (std::size_t i = 0; i < n; i += burst) {
        for (std::size_t j = 0; j < burst; ++j) stream.peers.request(0, full_segment);
        take_and_drop(stream.core);
    }
    co_return;
}

Task<> stack_peer_tcp(std::size_t n) {
    OneStream stream;
    for (std::size_t i = 0; i < n; i += burst) {
        stream.requests(burst);
        take_and_drop(stream.core);
    }
    co_return;
}

}  // namespace

void add_stack_operations(std::vector<Operation>& operations) {
    operations.push_back({"stack_peer_udp_64", 8'000, &stack_peer_udp});
    operations.push_back({"stack_udp_echo_64_of_32", 8'000, &stack_udp});
    operations.push_back({"stack_peer_tcp_64", 8'000, &stack_peer_tcp});
    operations.push_back({"stack_peer_tcp_1448", 8'000, &stack_peer_tcp_bulk});
    operations.push_back({"stack_tcp_read_1448_of_32", 8'000, &stack_tcp_bulk});
    operations.push_back({"stack_tcp_echo_64", 8'000, &stack_tcp<1>});
    operations.push_back({"stack_tcp_echo_64_of_32", 8'000, &stack_tcp<burst>});
}

}  // namespace skerry::instructions
