#pragma once

// The tasks of the stack's benchmarks, through net:: as a program writes them.

#include "stack_peers.hpp"

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/task/spawn.hpp>

#include <array>
#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

namespace skerry::bench {

/// Reads 64 bytes and, when `answers` says so, writes them back, until the end.
inline Task<> serve_stream(net::TcpStream stream, const bool* answers) {
    std::array<std::byte, payload_bytes> bytes;
    for (;;) {
        auto got = co_await stream.read(bytes);
        if (!got || *got == 0) co_return;
        if (!*answers) continue;
        auto written = co_await stream.write_all(std::span(bytes).first(*got));
        if (!written) co_return;
    }
}

inline Task<> serve_streams(net::SocketAddr at, const bool* answers) {
    auto listener = net::TcpListener::bind(at);
    if (!listener) std::abort();
    for (;;) {
        auto stream = co_await listener->accept();
        if (!stream) co_return;
        spawn(serve_stream(std::move(*stream), answers)).detach();
    }
}

/// Reads whatever comes, 64 KiB at a time, until the end.
inline Task<> take_stream(net::TcpStream stream) {
    std::vector<std::byte> bytes(std::size_t{1} << 16U);
    for (;;) {
        auto got = co_await stream.read(bytes);
        if (!got || *got == 0) co_return;
    }
}

inline Task<> take_streams(net::SocketAddr at) {
    auto listener = net::TcpListener::bind(at);
    if (!listener) std::abort();
    for (;;) {
        auto stream = co_await listener->accept();
        if (!stream) co_return;
        spawn(take_stream(std::move(*stream))).detach();
    }
}

/// Takes what has come and, when `answers` says so, sends it back.
inline Task<> serve_datagrams(net::SocketAddr at, const bool* answers) {
    auto socket = net::UdpSocket::bind(at);
    if (!socket) std::abort();
    std::array<net::Datagram, MemoryPort::burst_max> datagrams;
    for (;;) {
        auto got = co_await socket->recv_batch(datagrams);
        if (!got) co_return;
        if (!*answers) continue;
        auto sent = co_await socket->send_batch(std::span(datagrams).first(*got));
        if (!sent) co_return;
    }
}

inline net::SocketAddr service() { return {own_address.ip(), service_port}; }

}  // namespace skerry::bench
