#include "fixture.hpp"

#include <skerry/net/tcp_socket.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/sleep.hpp>

#include <limits>

namespace skerry::conformance {
namespace {

using net::SocketOption;
using net::TcpSocket;

[[nodiscard]] Task<Pair> connect_by(const TcpSocket& socket, net::TcpListener& listener) {
    auto ends = co_await join(socket.connect(listener.local_addr()), listener.accept());
    REQUIRE(std::get<0>(ends));
    REQUIRE(std::get<1>(ends));
    co_return Pair{std::move(*std::get<0>(ends)), std::move(*std::get<1>(ends))};
}

[[nodiscard]] int get(const net::TcpStream& stream, SocketOption option) {
    auto value = stream.option(option);
    REQUIRE(value);
    return *value;
}

TEST_CASE("a TcpSocket that was asked for nothing connects as a TcpStream does", "[net][tcp][socket]") {
    run([]() -> Task<> {
        auto listener = listen();
        auto pair = co_await connect_by(TcpSocket(), listener);
        CHECK(get(pair.client, SocketOption::no_delay) == 1);
        auto written = co_await pair.client.write_all(bytes_of("hello"));
        REQUIRE(written);
        const std::string text = co_await read_some(pair.server);
        CHECK(text == "hello");
    });
}

TEST_CASE("a connection has the options that its TcpSocket was asked for", "[net][tcp][socket]") {
    run([]() -> Task<> {
        auto listener = listen();
        TcpSocket socket;
        socket.set_nodelay(false).set_keepalive(true).set_user_timeout(std::chrono::milliseconds{4321});
        socket.set_option(SocketOption::keep_alive_idle_s, 77).set_linger(std::chrono::seconds{0});
        socket.set_ttl(33).set_tos(0x48).set_cork(true).set_reuseaddr(true);
        auto pair = co_await connect_by(socket, listener);
        CHECK(get(pair.client, SocketOption::ttl) == 33);
        CHECK(get(pair.client, SocketOption::traffic_class) == 0x48);
        CHECK(get(pair.client, SocketOption::cork) == 1);
        CHECK(get(pair.client, SocketOption::no_delay) == 0);
        CHECK(get(pair.client, SocketOption::keep_alive) == 1);
        CHECK(get(pair.client, SocketOption::keep_alive_idle_s) == 77);
        CHECK(get(pair.client, SocketOption::user_timeout_ms) == 4321);
        CHECK(get(pair.client, SocketOption::linger_s) == 0);
        CHECK(get(pair.server, SocketOption::no_delay) == 1);
    });
}

TEST_CASE("a socket may be asked how losses are found and repaired, before it connects or listens",
          "[net][tcp][socket]") {
    run([]() -> Task<> {
        REQUIRE(net::TcpListener::bind(any_port));  // the runtime's sockets are there
        const bool is_own = backend::current_sockets->capabilities().loss_repair;
        const SocketOption ways[] = {SocketOption::rack, SocketOption::tail_probe, SocketOption::proportional_rate};
        auto listener = listen();
        TcpSocket accepting;
        accepting.bind(any_port).set_rack(false).set_tail_probe(true).set_proportional_rate(false);
        auto listening = accepting.listen();
        TcpSocket connecting;
        connecting.set_rack(true).set_tail_probe(false).set_proportional_rate(true);
        if (!is_own) {
            REQUIRE_FALSE(listening);
            CHECK(listening.error() == Errc::unsupported);
            const auto refused = co_await connecting.connect(listener.local_addr());
            REQUIRE_FALSE(refused);
            CHECK(refused.error() == Errc::unsupported);
            co_return;
        }
        REQUIRE(listening);
        auto pair = co_await connect_by(connecting, *listening);
        for (const SocketOption way : ways) {
            CHECK(get(pair.client, way) == (way == SocketOption::tail_probe ? 0 : 1));
            CHECK(get(pair.server, way) == (way == SocketOption::tail_probe ? 1 : 0));
            CHECK(pair.client.set_option(way, 0).error() == Errc::unsupported);  // it has begun
        }
    });
}

/// A port that was free a moment ago.
Task<std::uint16_t> free_port(net::TcpListener& listener) {
    std::uint16_t port = 0;
    {
        auto first = co_await connect_to(listener);
        port = first.server.peer_addr().port();
        REQUIRE(first.client.set_linger(std::chrono::seconds{0}));  // and is free again at once
    }
    co_await settled();
    co_return port;
}

TEST_CASE("a connection begins at the port that its TcpSocket is bound to", "[net][tcp][socket]") {
    run([]() -> Task<> {
        auto listener = listen();
        std::uint16_t port = co_await free_port(listener);
        auto client = co_await TcpSocket().bind({own_ip, port}).connect(listener.local_addr());
        // A kernel may hold a moment longer what was closed, or have given it to another program of the machine.
        for (int i = 0; i < 100 && !client && client.error() == Errc::address_in_use; ++i) {
            co_await time::sleep(std::chrono::milliseconds{5});
            port = co_await free_port(listener);
            auto again = co_await TcpSocket().bind({own_ip, port}).connect(listener.local_addr());
            client = std::move(again);
        }
        REQUIRE(client);
        auto server = co_await listener.accept();
        REQUIRE(server);
        CHECK(server->peer_addr() == net::SocketAddr(own_ip, port));
        auto local = client->local_addr();
        REQUIRE(local);
        CHECK(*local == net::SocketAddr(own_ip, port));

        auto again = co_await TcpSocket().bind({own_ip, port}).connect(listener.local_addr());
        REQUIRE_FALSE(again);
        CHECK(again.error() == Errc::address_in_use);
    });
}

TEST_CASE("bound to port 0, or to no address, a connection gets a free port", "[net][tcp][socket]") {
    run([]() -> Task<> {
        auto listener = listen();
        for (const net::IpAddr& ip : {own_ip, net::IpAddr::v4(0, 0, 0, 0)}) {
            auto pair = co_await connect_by(TcpSocket().bind({ip, 0}), listener);
            CHECK(pair.server.peer_addr().ip() == own_ip);
            CHECK(pair.server.peer_addr().port() != 0);
        }
    });
}

TEST_CASE("a connection cannot begin at an address of another host", "[net][tcp][socket]") {
    run([]() -> Task<> {
        const net::SocketAddr foreign(net::IpAddr::v4(192, 0, 2, 1), 0);
        if (net::UdpSocket::bind(foreign)) {
            WARN("skipped: this backend has every address");
            co_return;
        }
        auto listener = listen();
        auto stream = co_await TcpSocket().bind(foreign).connect(listener.local_addr());
        REQUIRE_FALSE(stream);
        CHECK(stream.error() == Errc::address_not_available);
    });
}

TEST_CASE("what a listener accepts inherits its options", "[net][tcp][socket]") {
    run([]() -> Task<> {
        TcpSocket socket;
        socket.bind(any_port).set_nodelay(false).set_keepalive(true).set_option(SocketOption::keep_alive_count, 3);
        auto listening = socket.listen();
        REQUIRE(listening);
        for (int i = 0; i < 2; ++i) {
            auto pair = co_await connect_to(*listening);
            CHECK(get(pair.server, SocketOption::no_delay) == 0);
            CHECK(get(pair.server, SocketOption::keep_alive) == 1);
            CHECK(get(pair.server, SocketOption::keep_alive_count) == 3);
            CHECK(get(pair.client, SocketOption::keep_alive) == 0);
        }
        auto taken = TcpSocket().bind(listening->local_addr()).listen();
        REQUIRE_FALSE(taken);
        CHECK(taken.error() == Errc::address_in_use);
    });
}

TEST_CASE("what a TcpSocket cannot be is said by connect and listen", "[net][tcp][socket]") {
    run([]() -> Task<> {
        auto listener = listen();
        const auto check = [](const auto& outcome, Errc expected) {
            REQUIRE_FALSE(outcome);
            CHECK(outcome.error() == expected);
        };
        check(TcpSocket().listen(), Errc::invalid_argument);
        TcpSocket timid;
        timid.bind(any_port).set_option(SocketOption::keep_alive_count, 0);
        check(timid.listen(), Errc::invalid_argument);
        auto of_timid = co_await timid.connect(listener.local_addr());
        check(of_timid, Errc::invalid_argument);
        const TcpSocket slow = TcpSocket().set_linger(std::chrono::seconds{1});
        auto of_slow = co_await slow.connect(listener.local_addr());
        check(of_slow, Errc::unsupported);
        const bool has_devices = TcpSocket().bind(any_port).bind_device("sk-none").listen().error() == Errc::not_found;
        auto lost = co_await TcpSocket().bind_device("sk-none").connect(listener.local_addr());
        check(lost, has_devices ? Errc::not_found : Errc::unsupported);
        auto long_name = co_await TcpSocket().bind_device("a-name-that-no-device-has").connect(listener.local_addr());
        check(long_name, has_devices ? Errc::invalid_argument : Errc::unsupported);
        auto mixed = co_await TcpSocket().bind({net::IpAddr::v6_any(), 0}).connect(listener.local_addr());
        check(mixed, Errc::invalid_argument);
        auto pair = co_await connect_to(listener);  // nothing of that is left behind
        CHECK(pair.client.valid());
    });
}

TEST_CASE("a connection's buffers are as large as its TcpSocket was asked for", "[net][tcp][socket]") {
    run([]() -> Task<> {
        auto listener = listen();
        TcpSocket socket;
        socket.set_send_buffer_size(32'768).set_recv_buffer_size(32'768);
        auto pair = co_await connect_by(socket, listener);
        for (const auto option : {SocketOption::send_buffer_bytes, SocketOption::receive_buffer_bytes}) {
            const int bytes = get(pair.client, option);
            CHECK(bytes >= 32'768);
            CHECK(bytes <= 2 * 32'768);  // the kernel doubles it; unasked it is another on every backend
        }
        const auto sent = pattern(300'000);
        auto writer = spawn(write_and_end(pair.server, sent));
        const std::string all = co_await read_all(pair.client);
        CHECK((all == text_of(sent)));
        auto outcome = co_await writer;
        CHECK(outcome);
    });
}

TEST_CASE("a duration that no option can say is no shorter one", "[net][tcp][socket]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto set = pair.client.set_linger(std::chrono::seconds{std::int64_t{1} << 32});
        REQUIRE_FALSE(set);
        CHECK(set.error() == Errc::unsupported);
        REQUIRE(pair.client.set_user_timeout(std::chrono::milliseconds{std::int64_t{1} << 32}));
        CHECK(get(pair.client, SocketOption::user_timeout_ms) == std::numeric_limits<int>::max());
    });
}

TEST_CASE("a connection that is given up begins no other's", "[net][tcp][socket][cancel]") {
    run([]() -> Task<> {
        auto listener = listen();
        const net::SocketAddr to = listener.local_addr();
        auto given_up = co_await select_biased(yields(0), TcpSocket().set_keepalive(true).connect(to));
        REQUIRE(given_up.index() == 0);
        auto pair = co_await connect_by(TcpSocket(), listener);
        CHECK(pair.client.valid());
    });
}

}  // namespace
}  // namespace skerry::conformance
