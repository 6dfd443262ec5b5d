#include "support/catch.hpp"

#include <skerry/testing/runtime.hpp>

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/task/join.hpp>
#include <skerry/time/timeout.hpp>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::End;

const net::SocketAddr server_address(net::IpAddr::v4(198, 18, 0, 9), 80);
const net::IpAddr client_ip = net::IpAddr::v4(198, 18, 0, 1);

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

net::TcpListener listen(const net::SocketAddr& address = server_address, int backlog = 16) {
    net::ListenOptions options;
    options.backlog = backlog;
    auto listener = net::TcpListener::bind(address, options);
    REQUIRE(listener);
    return std::move(*listener);
}

struct Pair {
    net::TcpStream client;
    net::TcpStream server;
};

Pair connect(testing::Runtime& rt, net::TcpListener& listener) {
    auto [client, server] = rt.run(join(net::TcpStream::connect(listener.local_addr()), listener.accept()));
    REQUIRE(client);
    REQUIRE(server);
    return {std::move(*client), std::move(*server)};
}

Task<std::string> read_all(net::TcpStream& stream) {
    std::string text;
    std::array<std::byte, 4096> buffer;
    for (;;) {
        auto count = co_await stream.read(buffer);
        if (!count) co_return text + "!" + std::string(to_string(count.error().code()));
        if (*count == 0) co_return text;
        text.append(reinterpret_cast<const char*>(buffer.data()), *count);
    }
}

Task<std::string> read_some(net::TcpStream& stream) {
    std::array<std::byte, 4096> buffer;
    auto count = co_await stream.read(buffer);
    if (!count) co_return "!" + std::string(to_string(count.error().code()));
    co_return std::string(reinterpret_cast<const char*>(buffer.data()), *count);
}

// --- connecting

TEST_CASE("bytes arrive in order at the other end of a connection", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto pair = connect(rt, listener);
    REQUIRE(rt.run(pair.client.write_all(bytes_of("one "))));
    REQUIRE(rt.run(pair.client.write_all(bytes_of("two"))));
    REQUIRE(pair.client.shutdown());
    CHECK(rt.run(read_all(pair.server)) == "one two");
    REQUIRE(rt.run(pair.server.write_all(bytes_of("answer"))));
    REQUIRE(pair.server.shutdown());
    CHECK(rt.run(read_all(pair.client)) == "answer");
}

TEST_CASE("both ends know both addresses", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    const auto pair = connect(rt, listener);
    CHECK(pair.client.peer_addr() == server_address);
    CHECK(pair.server.local_addr().value() == server_address);
    CHECK(pair.client.local_addr().value() == pair.server.peer_addr());
    CHECK(pair.server.peer_addr().ip() == client_ip);
    CHECK(pair.server.peer_addr().port() >= 49152);
    CHECK(rt.network().connection_of(pair.server) == rt.network().connection_of(pair.client));
    CHECK(rt.network().connections() == std::vector{rt.network().connection_of(pair.client)});
}

TEST_CASE("a connect to nobody is refused", "[testing][network]") {
    testing::Runtime rt;
    CHECK(rt.run(net::TcpStream::connect(server_address)).error() == Errc::connection_refused);
    CHECK(rt.network().open_sockets() == 0);
}

TEST_CASE("a listener on every address takes a connect to any", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen(net::SocketAddr(net::IpAddr::v4_any(), 80));
    auto [client, server] = rt.run(join(net::TcpStream::connect(server_address), listener.accept()));
    REQUIRE(client);
    REQUIRE(server);
    CHECK(server->local_addr().value() == server_address);
}

TEST_CASE("an IPv6 listener on every address shows IPv4 peers as mapped", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen(net::SocketAddr(net::IpAddr::v6_any(), 80));
    auto [client, server] = rt.run(join(net::TcpStream::connect(server_address), listener.accept()));
    REQUIRE(client);
    REQUIRE(server);
    CHECK(server->peer_addr().ip() == client_ip.mapped());
    CHECK(rt.network().connection_of(*server) == rt.network().connection_of(*client));
}

TEST_CASE("an address that is taken cannot be listened on", "[testing][network]") {
    testing::Runtime rt;
    const auto first = listen();
    CHECK(net::TcpListener::bind(server_address).error() == Errc::address_in_use);
    CHECK(net::TcpListener::bind(net::SocketAddr(net::IpAddr::v4_any(), 80)).error() == Errc::address_in_use);
    CHECK(net::TcpListener::bind(net::SocketAddr(net::IpAddr::v6_any(), 80)).error() == Errc::address_in_use);
    CHECK(net::TcpListener::bind(net::SocketAddr(net::IpAddr::v4(198, 18, 0, 8), 80)));
}

TEST_CASE("an address is free again when its listener is dropped", "[testing][network]") {
    testing::Runtime rt;
    {
        const auto first = listen();
    }
    CHECK(net::TcpListener::bind(server_address));
}

TEST_CASE("port 0 takes a free port", "[testing][network]") {
    testing::Runtime rt;
    const net::SocketAddr any_port(net::IpAddr::v4(198, 18, 0, 9), 0);
    const auto one = listen(any_port);
    const auto other = listen(any_port);
    CHECK(one.local_addr().port() >= 49152);
    CHECK(one.local_addr().port() != other.local_addr().port());
}

TEST_CASE("a connect past a full backlog is tried again after a second", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen(server_address, 1);
    auto first = rt.run(net::TcpStream::connect(server_address));
    REQUIRE(first);
    auto second = rt.start(net::TcpStream::connect(server_address));
    rt.run_until_idle();
    CHECK_FALSE(second.is_done());
    CHECK(rt.network().counters().backlog_overflows == 1);
    const auto accepted = rt.run(listener.accept());
    const time::Instant before = rt.now();
    CHECK(rt.finish(std::move(second)));
    CHECK(rt.now() - before == 1s);
}

TEST_CASE("a connect that nobody answers gives up after 127 seconds", "[testing][network]") {
    testing::Runtime rt;
    rt.network().set_answer(server_address, Answer::ignore);
    const time::Instant before = rt.now();
    CHECK(rt.run(net::TcpStream::connect(server_address)).error() == Errc::timed_out);
    CHECK(rt.now() - before == 127s);
}

TEST_CASE("a connect gives up when either direction of the link is down", "[testing][network]") {
    for (const bool there : {true, false}) {
        testing::Runtime rt;
        const auto listener = listen();
        testing::Link down;
        down.is_down = true;
        const net::IpAddr& server_ip = server_address.ip();
        rt.network().set_link(there ? client_ip : server_ip, there ? server_ip : client_ip, down);
        CHECK(rt.run(net::TcpStream::connect(server_address)).error() == Errc::timed_out);
    }
}

TEST_CASE("an address can be made to refuse or to be unreachable", "[testing][network]") {
    testing::Runtime rt;
    const auto listener = listen();
    rt.network().set_answer(server_address, Answer::refuse);
    CHECK(rt.run(net::TcpStream::connect(server_address)).error() == Errc::connection_refused);
    rt.network().set_answer(server_address, Answer::unreachable);
    CHECK(rt.run(net::TcpStream::connect(server_address)).error() == Errc::unreachable);
    rt.network().set_answer(server_address, Answer::listen);
    CHECK(rt.run(net::TcpStream::connect(server_address)));
}

TEST_CASE("the next connect and the next bind can be made to fail", "[testing][network]") {
    testing::Runtime rt;
    rt.network().fail_next_bind(Errc::permission_denied);
    CHECK(net::TcpListener::bind(server_address).error() == Errc::permission_denied);
    const auto listener = listen();
    rt.network().fail_next_connect(Errc::address_not_available);
    CHECK(rt.run(net::TcpStream::connect(server_address)).error() == Errc::address_not_available);
    CHECK(rt.run(net::TcpStream::connect(server_address)));
}

TEST_CASE("a cancelled connect leaves no socket behind", "[testing][network][cancel]") {
    testing::Runtime rt;
    testing::Link slow;
    slow.delay = 1s;
    rt.network().set_link(slow);
    auto listener = listen();
    auto connecting = rt.start(net::TcpStream::connect(server_address));
    rt.run_for(1500ms);  // the server's end is there, its answer under way
    connecting.cancel();
    CHECK(rt.network().open_sockets() == 2);  // the listener, and what waits in it
    auto accepted = rt.run(listener.accept());
    REQUIRE(accepted);
    CHECK(rt.run(read_some(*accepted)) == "!connection_reset");
}

// --- limits

TEST_CASE("accepting pauses when descriptors run out and goes on when one is free", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    testing::NetworkLimits limits;
    limits.descriptors = 2;
    rt.network().set_limits(limits);
    auto client = rt.run(net::TcpStream::connect(server_address));
    REQUIRE(client);
    CHECK(rt.run(net::TcpStream::connect(server_address)).error() == Errc::no_descriptors);
    auto accepting = rt.start(listener.accept());
    rt.run_until_idle();
    CHECK_FALSE(accepting.is_done());
    CHECK(rt.network().counters().accept_paused == 1);
    client = Errc::closed;  // dropped
    CHECK(rt.finish(std::move(accepting)));
}

TEST_CASE("a writer waits when the peer's window and its own buffer are full", "[testing][network]") {
    testing::Runtime rt;
    testing::NetworkLimits limits;
    limits.receive_window_bytes = 1000;
    limits.send_buffer_bytes = 500;
    rt.network().set_limits(limits);
    auto listener = listen();
    auto pair = connect(rt, listener);
    const std::string text(4000, 'x');
    auto writing = rt.start(pair.client.write_all(bytes_of(text)));
    rt.run_until_idle();
    CHECK_FALSE(writing.is_done());
    std::size_t received = 0;
    while (!writing.is_done()) received += rt.run(read_some(pair.server)).size();
    CHECK(received >= 4000 - 1500);
    CHECK(writing.take());
    REQUIRE(pair.client.shutdown());
    CHECK(received + rt.run(read_all(pair.server)).size() == 4000);
}

TEST_CASE("a read gives at most one segment", "[testing][network]") {
    testing::Runtime rt;
    testing::NetworkLimits limits;
    limits.segment_bytes = 3;
    rt.network().set_limits(limits);
    auto listener = listen();
    auto pair = connect(rt, listener);
    REQUIRE(rt.run(pair.client.write_all(bytes_of("12345678"))));
    CHECK(rt.run(read_some(pair.server)) == "123");
    CHECK(rt.run(read_some(pair.server)) == "456");
    CHECK(rt.run(read_some(pair.server)) == "78");
}

// --- the wire

TEST_CASE("what is sent arrives after the delay of its direction", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto pair = connect(rt, listener);
    testing::Link there;
    there.delay = 30ms;
    rt.network().set_link(client_ip, server_address.ip(), there);
    const time::Instant before = rt.now();
    REQUIRE(rt.run(pair.client.write_all(bytes_of("x"))));
    CHECK(rt.now() == before);
    CHECK(rt.run(read_some(pair.server)) == "x");
    CHECK(rt.now() - before == 30ms);
    REQUIRE(rt.run(pair.server.write_all(bytes_of("y"))));
    CHECK(rt.run(read_some(pair.client)) == "y");
    CHECK(rt.now() - before == 30ms);
}

TEST_CASE("a link with a rate sends no faster", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto pair = connect(rt, listener);
    testing::Link there;
    there.bytes_per_second = 1000;
    rt.network().set_link(client_ip, server_address.ip(), there);
    const time::Instant before = rt.now();
    REQUIRE(rt.run(pair.client.write_all(bytes_of(std::string(1000, 'x')))));
    REQUIRE(rt.run(pair.client.write_all(bytes_of(std::string(500, 'x')))));
    REQUIRE(pair.client.shutdown());
    CHECK(rt.run(read_all(pair.server)).size() == 1500);
    CHECK(rt.now() - before == 1500ms);
}

TEST_CASE("jitter changes the times and never the order", "[testing][network]") {
    const auto run_with = [](std::uint64_t seed) {
        testing::Options options;
        options.seed = seed;
        testing::Runtime rt(options);
        auto listener = listen();
        auto pair = connect(rt, listener);
        testing::Link there;
        there.delay = 1ms;
        there.jitter = 10ms;
        rt.network().set_link(client_ip, server_address.ip(), there);
        std::string sent;
        for (int i = 0; i < 100; ++i) {
            const std::string word = std::to_string(i) + " ";
            sent += word;
            REQUIRE(rt.run(pair.client.write_all(bytes_of(word))));
        }
        REQUIRE(pair.client.shutdown());
        const time::Instant before = rt.now();
        CHECK(rt.run(read_all(pair.server)) == sent);
        return rt.now() - before;
    };
    CHECK(run_with(3) == run_with(3));
    CHECK(run_with(3) != run_with(4));
    CHECK(run_with(3) > 1ms);
    CHECK(run_with(3) < 11ms);
}

TEST_CASE("a stream goes on when its link is up again", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto pair = connect(rt, listener);
    rt.network().set_down(client_ip, server_address.ip(), true);
    REQUIRE(rt.run(pair.client.write_all(bytes_of("late"))));
    auto reading = rt.start(read_some(pair.server));
    rt.run_for(1min);
    CHECK_FALSE(reading.is_done());
    rt.network().set_down(client_ip, server_address.ip(), false);
    CHECK(rt.finish(std::move(reading)) == "late");
    REQUIRE(pair.client.shutdown());
    CHECK(rt.run(read_all(pair.server)).empty());
}

TEST_CASE("a stalled connection holds what is under way, in order", "[testing][network]") {
    testing::Runtime rt;
    testing::Link slow;
    slow.delay = 5ms;
    rt.network().set_link(slow);
    auto listener = listen();
    auto pair = connect(rt, listener);
    const auto connection = rt.network().connection_of(pair.client);
    REQUIRE(rt.run(pair.client.write_all(bytes_of("a"))));
    REQUIRE(rt.run(pair.client.write_all(bytes_of("b"))));
    rt.network().stall(connection, true);
    REQUIRE(rt.run(pair.client.write_all(bytes_of("c"))));
    REQUIRE(pair.client.shutdown());
    auto reading = rt.start(read_all(pair.server));
    rt.run_for(1min);
    CHECK_FALSE(reading.is_done());
    rt.network().stall(connection, false);
    CHECK(rt.finish(std::move(reading)) == "abc");
}

TEST_CASE("the user timeout ends a connection that makes no progress", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto pair = connect(rt, listener);
    REQUIRE(pair.client.set_user_timeout(3s));
    rt.network().stall(rt.network().connection_of(pair.client), true);
    const time::Instant before = rt.now();
    REQUIRE(rt.run(pair.client.write_all(bytes_of("x"))));
    CHECK(rt.run(read_some(pair.client)) == "!timed_out");
    CHECK(rt.now() - before == 3s);
}

TEST_CASE("a connection that loses only acknowledgements is ended by the user timeout", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto pair = connect(rt, listener);
    REQUIRE(pair.client.set_user_timeout(3s));
    testing::Link down;
    down.is_down = true;
    rt.network().set_link(server_address.ip(), client_ip, down);
    REQUIRE(rt.run(pair.client.write_all(bytes_of("x"))));
    CHECK(rt.run(read_some(pair.server)) == "x");
    CHECK(rt.run(read_some(pair.client)) == "!timed_out");
}

// --- ends

TEST_CASE("after a half close the other direction goes on", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto pair = connect(rt, listener);
    REQUIRE(pair.client.shutdown());
    CHECK(rt.run(read_all(pair.server)).empty());
    REQUIRE(rt.run(pair.server.write_all(bytes_of("still here"))));
    CHECK(rt.run(read_some(pair.client)) == "still here");
    CHECK(rt.run(pair.client.write(bytes_of("x"))).error() == Errc::broken_pipe);
}

TEST_CASE("a dropped stream still delivers what was written", "[testing][network]") {
    testing::Runtime rt;
    testing::Link slow;
    slow.delay = 10ms;
    rt.network().set_link(slow);
    testing::NetworkLimits limits;
    limits.receive_window_bytes = 1000;
    rt.network().set_limits(limits);
    auto listener = listen();
    auto server = [&] {
        auto pair = connect(rt, listener);
        REQUIRE(rt.run(pair.client.write_all(bytes_of(std::string(5000, 'x')))));
        return std::move(pair.server);
    }();
    CHECK(rt.network().open_sockets() == 2);
    CHECK(rt.run(read_all(server)).size() == 5000);
}

TEST_CASE("a dropped stream with unread data resets its peer", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto client = [&] {
        auto pair = connect(rt, listener);
        REQUIRE(rt.run(pair.client.write_all(bytes_of("unread"))));
        rt.run_until_idle();
        return std::move(pair.client);
    }();
    CHECK(rt.run(read_some(client)) == "!connection_reset");
    CHECK(rt.run(read_some(client)).empty());  // reported once
    CHECK(rt.run(client.write(bytes_of("x"))).error() == Errc::broken_pipe);
    CHECK(client.shutdown());
}

TEST_CASE("a stream with linger 0 resets when it is dropped", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto client = [&] {
        auto pair = connect(rt, listener);
        REQUIRE(pair.server.set_linger(0s));
        return std::move(pair.client);
    }();
    CHECK(rt.run(read_some(client)) == "!connection_reset");
}

TEST_CASE("what is sent to a dropped stream is answered by a reset", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto client = [&] {
        auto pair = connect(rt, listener);
        return std::move(pair.client);
    }();
    CHECK(rt.run(read_some(client)).empty());  // its FIN
    REQUIRE(rt.run(client.write_all(bytes_of("x"))));
    rt.run_until_idle();
    CHECK(rt.run(client.write(bytes_of("y"))).error() == Errc::broken_pipe);
}

TEST_CASE("a dropped listener resets what it had not accepted", "[testing][network]") {
    testing::Runtime rt;
    auto client = [&] {
        auto listener = listen();
        auto connected = rt.run(net::TcpStream::connect(server_address));
        REQUIRE(connected);
        return std::move(*connected);
    }();
    CHECK(rt.run(read_some(client)) == "!connection_reset");
}

TEST_CASE("data that had arrived can be read before the reset is reported", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto pair = connect(rt, listener);
    REQUIRE(rt.run(pair.client.write_all(bytes_of("last words"))));
    rt.run_until_idle();
    rt.network().reset(rt.network().connection_of(pair.client));
    CHECK(rt.run(read_all(pair.server)) == "last words!connection_reset");
}

// --- faults

TEST_CASE("reset ends both ends at once", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto pair = connect(rt, listener);
    auto client_reads = rt.start(read_some(pair.client));
    auto server_reads = rt.start(read_some(pair.server));
    rt.network().reset(rt.network().connection_of(pair.server));
    CHECK(rt.finish(std::move(client_reads)) == "!connection_reset");
    CHECK(rt.finish(std::move(server_reads)) == "!connection_reset");
}

TEST_CASE("a reset after n bytes lets exactly n through", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto pair = connect(rt, listener);
    rt.network().reset_after(rt.network().connection_of(pair.client), End::server, 5);
    REQUIRE(rt.run(pair.client.write_all(bytes_of("123"))));
    REQUIRE(rt.run(pair.client.write_all(bytes_of("45678"))));
    CHECK(rt.run(read_all(pair.server)) == "12345!connection_reset");
    CHECK(rt.run(read_some(pair.client)) == "!connection_reset");
}

TEST_CASE("the end that is left of a half-open connection learns it when it sends", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto pair = connect(rt, listener);
    rt.network().forget(rt.network().connection_of(pair.client), End::client);
    auto reading = rt.start(read_some(pair.server));
    rt.run_for(24h);
    CHECK_FALSE(reading.is_done());
    REQUIRE(rt.run(pair.server.write_all(bytes_of("anybody there?"))));
    CHECK(rt.finish(std::move(reading)) == "!connection_reset");
}

TEST_CASE("faults can be set on every new connection", "[testing][network]") {
    testing::Runtime rt;
    rt.network().set_on_connect(
        [&rt](const testing::Connection& connection) { rt.network().reset_after(connection, End::client, 2); });
    auto listener = listen();
    auto pair = connect(rt, listener);
    REQUIRE(rt.run(pair.server.write_all(bytes_of("abc"))));
    CHECK(rt.run(read_all(pair.client)) == "ab!connection_reset");
}

TEST_CASE("read_buf fails while there are no buffers and loses nothing", "[testing][network]") {
    testing::Runtime rt;
    auto listener = listen();
    auto pair = connect(rt, listener);
    REQUIRE(rt.run(pair.client.write_all(bytes_of("kept"))));
    rt.network().set_no_buffers(true);
    CHECK(rt.run(pair.server.read_buf()).error() == Errc::no_buffers);
    rt.network().set_no_buffers(false);
    const auto buffer = rt.run(pair.server.read_buf());
    REQUIRE(buffer);
    CHECK(buffer->size() == 4);
}

// --- cancelling

// A read that had ended when it was cancelled keeps its bytes; the others give them back.
TEST_CASE("a cancelled read loses nothing", "[testing][network][cancel]") {
    testing::Runtime rt;
    auto listener = listen();
    auto pair = connect(rt, listener);
    std::size_t taken = 0;
    for (int i = 0; i < 1000; ++i) {
        std::array<std::byte, 16> buffer;
        auto reading = rt.start(pair.server.read(buffer));
        auto writing = rt.start(pair.client.write_all(bytes_of("x")));
        for (int turn = 0; turn < i % 3; ++turn) rt.step();
        if (reading.is_done())
            taken += reading.take().value();
        else
            reading.cancel();
        REQUIRE(rt.finish(std::move(writing)));
    }
    REQUIRE(pair.client.shutdown());
    CHECK(taken + rt.run(read_all(pair.server)).size() == 1000);
}

TEST_CASE("a cancelled accept loses no connection", "[testing][network][cancel]") {
    testing::Runtime rt;
    auto listener = listen(server_address, 1000);
    std::vector<net::TcpStream> clients;
    int accepted = 0;
    for (int i = 0; i < 100; ++i) {
        auto accepting = rt.start(listener.accept());
        auto connecting = rt.start(net::TcpStream::connect(server_address));
        for (int turn = 0; turn < i % 4; ++turn) rt.step();
        if (accepting.is_done())
            ++accepted;
        else
            accepting.cancel();
        auto client = rt.finish(std::move(connecting));
        REQUIRE(client);
        clients.push_back(std::move(*client));
    }
    for (; accepted < 100; ++accepted) REQUIRE(rt.run(listener.accept()));
    CHECK(rt.network().counters().connections == 100);
}

TEST_CASE("a stream that outlives its runtime answers runtime_shutdown", "[testing][network]") {
    Result<net::TcpStream> kept = Errc::closed;
    {
        testing::Runtime rt;
        auto listener = listen();
        auto pair = connect(rt, listener);
        kept = std::move(pair.client);
    }
    CHECK(kept->local_addr().error() == Errc::runtime_shutdown);
    testing::Runtime rt;
    CHECK(kept->shutdown().error() == Errc::runtime_shutdown);
}

}  // namespace
}  // namespace skerry
