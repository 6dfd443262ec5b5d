// What outlives its runtime: every operation says runtime_shutdown, and dropping it is no error.

#include "fixture.hpp"

#include <skerry/signal/signal.hpp>

#include <csignal>
#include <optional>

namespace skerry::conformance {
namespace {

// The next runtime gets the number of the core of the one that has just ended, so that what is left of the first may
// be asked on the second.
TEST_CASE("a stream that outlives its runtime says runtime_shutdown", "[net][tcp][shutdown]") {
    std::optional<net::TcpStream> kept;
    run([&kept]() -> Task<> {
        auto pair = co_await connect_pair();
        auto written = co_await pair.server.write_all(bytes_of("unread"));
        REQUIRE(written);
        kept.emplace(std::move(pair.client));
    });
    run([&kept]() -> Task<> {
        std::array<std::byte, 8> buffer;
        auto read = co_await kept->read(buffer);
        CHECK(read.error() == Errc::runtime_shutdown);
        auto peeked = co_await kept->peek(buffer);
        CHECK(peeked.error() == Errc::runtime_shutdown);
        auto segment = co_await kept->read_buf();
        CHECK(segment.error() == Errc::runtime_shutdown);
        auto exact = co_await kept->read_exact(buffer);
        CHECK(exact.error() == Errc::runtime_shutdown);
        auto some = co_await kept->write(bytes_of("x"));
        CHECK(some.error() == Errc::runtime_shutdown);
        auto all = co_await kept->write_all(bytes_of("x"));
        CHECK(all.error() == Errc::runtime_shutdown);
        auto whole = co_await kept->write_buf(IoBuf::copy_of(bytes_of("x")));
        CHECK(whole.error() == Errc::runtime_shutdown);
        CHECK(kept->local_addr().error() == Errc::runtime_shutdown);
        CHECK(kept->set_nodelay(true).error() == Errc::runtime_shutdown);
        CHECK(kept->option(net::SocketOption::no_delay).error() == Errc::runtime_shutdown);
        CHECK(kept->shutdown().error() == Errc::runtime_shutdown);
    });
}

TEST_CASE("a listener that outlives its runtime says runtime_shutdown", "[net][tcp][shutdown]") {
    std::optional<net::TcpListener> kept;
    run([&kept]() -> Task<> {
        kept.emplace(listen());
        auto stream = co_await net::TcpStream::connect(kept->local_addr());
        CHECK(stream);
    });
    run([&kept]() -> Task<> {
        auto accepted = co_await kept->accept();
        REQUIRE_FALSE(accepted);
        CHECK(accepted.error() == Errc::runtime_shutdown);
    });
}

TEST_CASE("a datagram socket that outlives its runtime says runtime_shutdown", "[net][udp][shutdown]") {
    std::optional<net::UdpSocket> kept;
    run([&kept]() -> Task<> {
        kept.emplace(bind_udp());
        auto sent = co_await kept->send_to(bytes_of("to itself"), kept->local_addr());
        CHECK(sent);
    });
    run([&kept]() -> Task<> {
        std::array<std::byte, 8> buffer;
        auto received = co_await kept->recv_from(buffer);
        CHECK(received.error() == Errc::runtime_shutdown);
        std::array<net::Datagram, 2> batch;
        auto several = co_await kept->recv_batch(batch);
        CHECK(several.error() == Errc::runtime_shutdown);
        for (net::Datagram& datagram : batch) {
            datagram.payload = IoBuf::copy_of(bytes_of("x"));
            datagram.peer = kept->local_addr();
        }
        auto sent_batch = co_await kept->send_batch(batch);
        CHECK(sent_batch.error() == Errc::runtime_shutdown);
        auto sent = co_await kept->send_to(bytes_of("x"), kept->local_addr());
        CHECK(sent.error() == Errc::runtime_shutdown);
        auto to_peer = co_await kept->send(bytes_of("x"));
        CHECK(to_peer.error() == Errc::runtime_shutdown);
        CHECK(kept->connect(kept->local_addr()).error() == Errc::runtime_shutdown);
        CHECK(kept->join_multicast(net::IpAddr::v4(239, 255, 77, 1)).error() == Errc::runtime_shutdown);
        CHECK(kept->set_option(net::SocketOption::ttl, 3).error() == Errc::runtime_shutdown);
    });
}

TEST_CASE("sockets that outlive their runtime can be dropped without one", "[net][shutdown]") {
    std::optional<net::TcpStream> stream;
    std::optional<net::TcpListener> listener;
    std::optional<net::UdpSocket> socket;
    run([&]() -> Task<> {
        listener.emplace(listen());
        socket.emplace(bind_udp());
        auto pair = co_await connect_pair();
        stream.emplace(std::move(pair.client));
    });
    stream.reset();
    listener.reset();
    socket.reset();
}

TEST_CASE("a signal listener that outlives its runtime says runtime_shutdown", "[signal][shutdown]") {
    std::optional<signal::Signal> kept;
    run([&kept]() -> Task<> {
        if (!backend::current_sockets->capabilities().slow_lane) {
            WARN("skipped: this backend has no slow lane, so no signals");
            co_return;
        }
        auto listening = signal::Signal::listen(SIGUSR1);
        REQUIRE(listening);
        kept.emplace(std::move(*listening));
    });
    if (!kept) return;
    run([&kept]() -> Task<> {
        auto received = co_await kept->recv();
        REQUIRE_FALSE(received);
        CHECK(received.error() == Errc::runtime_shutdown);
        // Dropped on another runtime, it must not be taken for one of that runtime's own.
        auto own = signal::Signal::listen(SIGUSR1);
        REQUIRE(own);
        kept.reset();
        REQUIRE(std::raise(SIGUSR1) == 0);
        auto heard = co_await own->recv();
        CHECK(heard);
    });
}

}  // namespace
}  // namespace skerry::conformance
