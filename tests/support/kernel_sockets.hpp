#pragma once

// What tests on the kernel's sockets begin with: a connection on loopback, a look at the driver, and at what is open.

#include "support/catch.hpp"

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/task.hpp>

#include <cstddef>
#include <filesystem>
#include <iterator>
#include <tuple>
#include <utility>

namespace skerry::tests {

inline const net::SocketAddr any_port(net::IpAddr::v4_loopback(), 0);

/// Descriptors of this process.
[[nodiscard]] inline std::ptrdiff_t open_descriptors() {
    const std::filesystem::directory_iterator folder("/proc/self/fd");
    return std::distance(begin(folder), end(folder));
}

[[nodiscard]] inline Task<> driver_turns(unsigned count) {
    for (unsigned i = 0; i < count; ++i) co_await yield_to_driver();
}

struct Connection {
    net::TcpStream client;
    net::TcpStream server;
};

[[nodiscard]] inline Task<Connection> connect(net::TcpListener& listener) {
    auto ends = co_await join(net::TcpStream::connect(listener.local_addr()), listener.accept());
    REQUIRE(std::get<0>(ends));
    REQUIRE(std::get<1>(ends));
    co_return Connection{std::move(*std::get<0>(ends)), std::move(*std::get<1>(ends))};
}

}  // namespace skerry::tests
