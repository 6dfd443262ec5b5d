#include "fixture.hpp"

#include <skerry/net/tcp_socket.hpp>

namespace skerry::conformance {
namespace {

using net::SocketOption;

/// Sets the option and reads it back; a backend without it says unsupported to both.
template <class Socket>
void check_kept(Socket& socket, SocketOption option, int value) {
    INFO("option " << static_cast<int>(option) << " = " << value);
    const auto set = socket.set_option(option, value);
    const auto got = socket.option(option);
    if (!set) {
        CHECK(set.error() == Errc::unsupported);
        REQUIRE_FALSE(got);
        CHECK(got.error() == Errc::unsupported);
        return;
    }
    REQUIRE(got);
    CHECK(*got == value);
}

TEST_CASE("TCP_NODELAY is on from the start, on both ends", "[net][tcp][options]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        for (net::TcpStream* stream : {&pair.client, &pair.server}) {
            const auto nodelay = stream->option(SocketOption::no_delay);
            REQUIRE(nodelay);
            CHECK(*nodelay == 1);
        }
    });
}

TEST_CASE("an option of a stream is kept or unsupported", "[net][tcp][options]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        check_kept(pair.client, SocketOption::no_delay, 0);
        check_kept(pair.client, SocketOption::no_delay, 1);
        check_kept(pair.client, SocketOption::cork, 1);
        check_kept(pair.client, SocketOption::cork, 0);
        check_kept(pair.client, SocketOption::keep_alive, 1);
        check_kept(pair.client, SocketOption::keep_alive_idle_s, 33);
        check_kept(pair.client, SocketOption::keep_alive_interval_s, 7);
        check_kept(pair.client, SocketOption::keep_alive_count, 4);
        check_kept(pair.client, SocketOption::keep_alive, 0);
        check_kept(pair.client, SocketOption::user_timeout_ms, 5000);
        check_kept(pair.client, SocketOption::linger_s, 0);
        check_kept(pair.client, SocketOption::linger_s, -1);
        check_kept(pair.client, SocketOption::ttl, 42);
        check_kept(pair.client, SocketOption::traffic_class, 0x10);
    });
}

TEST_CASE("the two bits of a stream's traffic class that are ECN's stay TCP's own", "[net][tcp][options]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto set = pair.client.set_option(SocketOption::traffic_class, 0x4b);
        if (!set) {
            CHECK(set.error() == Errc::unsupported);
            co_return;
        }
        CHECK(pair.client.option(SocketOption::traffic_class).value() == 0x48);
    });
}

TEST_CASE("a stream's congestion control has a name", "[net][tcp][options]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        for (const std::string_view name : {"reno", "cubic", "fixed"}) {
            const auto set = pair.client.set_congestion(name);
            const auto got = pair.client.congestion();
            if (set) {
                CHECK(got.value() == name);
            } else {
                const bool is_known = set.error() == Errc::unsupported || set.error() == Errc::permission_denied;
                CHECK(is_known);
            }
        }
        CHECK(pair.client.set_congestion("nonsense").error() == Errc::not_found);
        net::TcpSocket socket;
        socket.set_congestion("nonsense");
        auto refused = co_await socket.connect(pair.client.peer_addr());
        REQUIRE_FALSE(refused);
        CHECK(refused.error() == Errc::not_found);
    });
}

TEST_CASE("the named setters set what option() tells", "[net][tcp][options]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        REQUIRE(pair.client.set_nodelay(false));
        CHECK(pair.client.option(SocketOption::no_delay).value() == 0);
        REQUIRE(pair.client.set_cork(true));
        CHECK(pair.client.cork().value());
        REQUIRE(pair.client.set_cork(false));
        CHECK_FALSE(pair.client.cork().value());
        REQUIRE(pair.client.set_linger(std::chrono::seconds{0}));
        CHECK(pair.client.option(SocketOption::linger_s).value() == 0);
        REQUIRE(pair.client.set_linger(std::nullopt));
        CHECK(pair.client.option(SocketOption::linger_s).value() == -1);
        REQUIRE(pair.client.set_user_timeout(std::chrono::milliseconds{1234}));
        CHECK(pair.client.option(SocketOption::user_timeout_ms).value() == 1234);
    });
}

// Whoever stops for a time-out between the write and the question finds that it has left: then it is asked again.
TEST_CASE("where a backend says so, a short write waits under a cork and leaves without it", "[net][tcp][options]") {
    run([]() -> Task<> {
        const bool holds = backend::current_sockets->capabilities().cork;
        auto pair = co_await connect_pair();
        std::array<std::byte, 100> bytes{};
        std::size_t waiting = 0;
        for (int tries = 0; tries < 5 && waiting == 0; ++tries) {
            REQUIRE(pair.client.set_cork(true));
            co_await write_whole(pair.client, bytes);
            const auto info = pair.client.info();
            REQUIRE(info);
            waiting = info->unsent;
            REQUIRE(pair.client.set_cork(false));
            auto read = co_await pair.server.read_exact(bytes);
            REQUIRE(read);
        }
        CHECK(waiting == (holds ? bytes.size() : 0));
    });
}

TEST_CASE("a linger that would make a drop wait is unsupported, and changes nothing", "[net][tcp][options]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto set = pair.client.set_linger(std::chrono::seconds{2});
        REQUIRE_FALSE(set);
        CHECK(set.error() == Errc::unsupported);
        CHECK(pair.client.option(SocketOption::linger_s).value() == -1);
    });
}

TEST_CASE("a stream's buffers are at least as large as was asked for", "[net][tcp][options]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        for (const auto option : {SocketOption::receive_buffer_bytes, SocketOption::send_buffer_bytes}) {
            REQUIRE(pair.client.set_option(option, 32'768));
            const auto got = pair.client.option(option);
            REQUIRE(got);
            CHECK(*got >= 32'768);
        }
    });
}

TEST_CASE("an option of a datagram socket is kept or unsupported", "[net][udp][options]") {
    run([]() -> Task<> {
        auto socket = bind_udp();
        check_kept(socket, SocketOption::ttl, 42);
        check_kept(socket, SocketOption::traffic_class, 0x10);
        check_kept(socket, SocketOption::broadcast, 1);
        check_kept(socket, SocketOption::broadcast, 0);
        check_kept(socket, SocketOption::multicast_loop, 0);
        check_kept(socket, SocketOption::multicast_loop, 1);
        check_kept(socket, SocketOption::multicast_ttl, 5);
        for (const auto option :
             {SocketOption::receive_segments, SocketOption::receive_local, SocketOption::receive_ttl,
              SocketOption::receive_traffic_class, SocketOption::receive_time, SocketOption::send_local,
              SocketOption::send_traffic_class}) {
            check_kept(socket, option, 1);
            check_kept(socket, option, 0);
        }
        check_kept(socket, SocketOption::receive_time, 2);
        co_return;
    });
}

TEST_CASE("busy polling is kept, or needs a right, or is unsupported", "[net][udp][options]") {
    run([]() -> Task<> {
        auto socket = bind_udp();
        const auto set = socket.set_option(SocketOption::busy_poll_us, 50);
        if (set)
            CHECK(socket.option(SocketOption::busy_poll_us).value() == 50);
        else
            CHECK((set.error() == Errc::permission_denied || set.error() == Errc::unsupported));
        co_return;
    });
}

TEST_CASE("a value that an option cannot have is an invalid argument", "[net][options]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto socket = bind_udp();
        const auto check = [](Result<> set) {
            REQUIRE_FALSE(set);
            CHECK((set.error() == Errc::invalid_argument || set.error() == Errc::unsupported));
        };
        check(pair.client.set_option(SocketOption::user_timeout_ms, -1));
        check(pair.client.set_option(SocketOption::keep_alive_idle_s, 0));
        check(pair.client.set_option(SocketOption::keep_alive_interval_s, 0));
        check(pair.client.set_option(SocketOption::keep_alive_count, 0));
        check(pair.client.set_option(SocketOption::ttl, 256));
        check(socket.set_option(SocketOption::ttl, 0));
        check(socket.set_option(SocketOption::multicast_ttl, 256));
        check(socket.set_option(SocketOption::receive_time, 3));
        CHECK(pair.client.set_user_timeout(std::chrono::milliseconds{-1}).error() == Errc::invalid_argument);
    });
}

}  // namespace
}  // namespace skerry::conformance
