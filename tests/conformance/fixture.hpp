#pragma once

// What every conformance case needs: a runtime of the backend under test, and sockets on its own address. The cases
// know of no backend; <backend>_main.cpp says how a runtime is made and whether it can be had here.

#include "support/catch.hpp"

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/runtime/runtime.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/yield.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry::conformance {

/// A runtime of the backend under test, with one core. Each program defines it.
///
/// Errors: SetupError, when the backend cannot run here.
[[nodiscard]] Result<runtime::Runtime, backend::SetupError> make_runtime();

/// Whether this backend's network gives its one machine every address, so that none belongs to another. Each
/// program defines it.
extern const bool has_every_address;

/// The address under which this backend reaches itself: 127.0.0.1 where it has that. Each program defines it, before
/// anything runs.
extern const net::IpAddr own_ip;

/// Whether that takes a time of its own, so that nothing tells in which turn it comes. A program that has such a wire
/// says so before anything runs.
inline bool is_wire_slow = false;

/// Whether only a sleep moves the time, so that a loop which never waits stands still in it. As is_wire_slow.
inline bool is_time_virtual = false;

/// Whether the network itself is made of what the heap gives, as a model of one may be. As is_wire_slow.
inline bool is_network_on_heap = false;

/// What a program wants to do when a case is over and its runtime still there.
inline void (*before_runtime_ends)() = [] {};

/// Runs the Task that `body` returns on a fresh runtime; an exception of it, so also a failed REQUIRE, is
/// rethrown. `body` lives as long as its Task.
template <class F>
void run(F body) {
    auto runtime = make_runtime();
    if (!runtime) FAIL(runtime.error().message);
    const struct AtTheEnd {
        ~AtTheEnd() { before_runtime_ends(); }
    } at_the_end;
    runtime->block_on(body());
}

/// The own address and a port that the backend chooses.
inline const net::SocketAddr any_port(own_ip, 0);

[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

[[nodiscard]] inline std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Bytes that differ wherever two places are confused: no period that a buffer size divides.
[[nodiscard]] inline std::vector<std::byte> pattern(std::size_t size, std::uint64_t seed = 1) {
    std::vector<std::byte> bytes(size);
    std::mt19937_64 random(seed);
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::byte>(random()); });
    return bytes;
}

[[nodiscard]] inline net::TcpListener listen(const net::SocketAddr& address = any_port) {
    auto listener = net::TcpListener::bind(address);
    REQUIRE(listener);
    return std::move(*listener);
}

[[nodiscard]] inline net::UdpSocket bind_udp(const net::SocketAddr& address = any_port) {
    auto socket = net::UdpSocket::bind(address);
    REQUIRE(socket);
    return std::move(*socket);
}

/// The two ends of a connection.
struct Pair {
    net::TcpStream client;
    net::TcpStream server;
};

[[nodiscard]] inline Task<Pair> connect_to(net::TcpListener& listener) {
    auto ends = co_await join(net::TcpStream::connect(listener.local_addr()), listener.accept());
    REQUIRE(std::get<0>(ends));
    REQUIRE(std::get<1>(ends));
    co_return Pair{std::move(*std::get<0>(ends)), std::move(*std::get<1>(ends))};
}

[[nodiscard]] inline Task<Pair> connect_pair() {
    auto listener = listen();
    auto pair = co_await connect_to(listener);
    co_return pair;
}

/// Everything up to the end of the stream; an error is appended as "!" and its name.
template <class Reader>
[[nodiscard]] Task<std::string> read_all(Reader& reader) {
    std::string text;
    std::array<std::byte, 4096> buffer;
    for (;;) {
        auto count = co_await reader.read(buffer);
        if (!count) co_return text + "!" + std::string(to_string(count.error().code()));
        if (*count == 0) co_return text;
        text += text_of(std::span(buffer).first(*count));
    }
}

/// One read of at most 4096 bytes, as read_all.
template <class Reader>
[[nodiscard]] Task<std::string> read_some(Reader& reader) {
    std::array<std::byte, 4096> buffer;
    auto count = co_await reader.read(buffer);
    if (!count) co_return "!" + std::string(to_string(count.error().code()));
    co_return text_of(std::span(buffer).first(*count));
}

[[nodiscard]] inline Task<> write_whole(net::TcpStream& stream, std::span<const std::byte> bytes) {
    auto written = co_await stream.write_all(bytes);
    REQUIRE(written);
}

/// Writes and ends the direction.
[[nodiscard]] inline Task<> write_and_end(net::TcpStream& stream, std::span<const std::byte> bytes) {
    co_await write_whole(stream, bytes);
    REQUIRE(stream.shutdown());
}

/// Gives way `count` times.
[[nodiscard]] inline Task<> yields(unsigned count) {
    for (unsigned i = 0; i < count; ++i) co_await yield_now();
}

/// Everything up to the end of the stream, which must come without an error, in pieces of no usual size; it gives way
/// `pauses` times after each.
[[nodiscard]] inline Task<std::vector<std::byte>> read_slowly(net::TcpStream& stream, unsigned pauses) {
    std::vector<std::byte> received;
    std::array<std::byte, 10'007> buffer;
    for (;;) {
        auto count = co_await stream.read(buffer);
        REQUIRE(count);
        if (*count == 0) co_return received;
        received.insert(received.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*count));
        co_await yields(pauses);
    }
}

/// Waits until a datagram to ourselves has come: what was sent before it has come too.
[[nodiscard]] inline Task<> round_trip() {
    auto socket = bind_udp();
    std::array<std::byte, 1> buffer{};
    auto sent = co_await socket.send_to(buffer, socket.local_addr());
    REQUIRE(sent);
    auto received = co_await socket.recv_from(buffer);
    REQUIRE(received);
}

/// Waits until the driver was polled so often, or the wire crossed: what a program causes on its own machine has come
/// by then.
[[nodiscard]] inline Task<> polls(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        if (is_wire_slow) co_await round_trip();
        co_await yield_to_driver();
    }
}

/// Gives way until the peer knows: what was sent has come, and what that makes it send.
[[nodiscard]] inline Task<> settled() {
    co_await yields(200);
    if (is_wire_slow) co_await polls(4);
}

}  // namespace skerry::conformance
