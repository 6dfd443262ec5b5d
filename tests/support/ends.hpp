#pragma once

// How operations end on a device that is taken away: each as a task of its own, which a test spawns and looks at.

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/task/task.hpp>

#include <array>
#include <cstddef>

namespace skerry::tests {

/// A code alone would be taken for a task's error.
struct End {
    Errc code = Errc::ok;
};

End end_of(const auto& result) { return {result ? Errc::ok : result.error().code()}; }

inline Task<End> end_of_receive(net::UdpSocket& socket) {
    std::array<std::byte, 16> room{};
    auto got = co_await socket.recv_from(room);
    co_return end_of(got);
}

inline Task<End> end_of_accept(net::TcpListener& listener) {
    auto accepted = co_await listener.accept();
    co_return end_of(accepted);
}

inline Task<End> end_of_read(net::TcpStream& stream) {
    std::array<std::byte, 16> room{};
    auto got = co_await stream.read(room);
    co_return end_of(got);
}

inline Task<End> end_of_connect(net::SocketAddr to) {
    auto stream = co_await net::TcpStream::connect(to);
    co_return end_of(stream);
}

}  // namespace skerry::tests
