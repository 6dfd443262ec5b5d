// A socket belongs to the core that made it: what would reach into that core from another one is asserted. What has
// outlived its core belongs to none.

#include "support/catch.hpp"
#include "support/death.hpp"

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/testing/host.hpp>
#include <skerry/testing/simulation.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

namespace skerry {
namespace {

using tests::aborts;

/// Two cores, and a socket of each kind that one of them made.
struct Rig {
    testing::Simulation sim;
    testing::Host& home = sim.host("home");
    testing::Host& other = sim.host("other");
    std::optional<net::TcpListener> listener;
    std::optional<net::TcpStream> stream;
    std::optional<net::UdpSocket> datagrams;

    Rig() {
        home.run([this]() -> Task<> {
            auto listening = net::TcpListener::bind(home.at(80));
            REQUIRE(listening);
            auto connected = co_await net::TcpStream::connect(home.at(80));
            REQUIRE(connected);
            auto bound = net::UdpSocket::bind(home.at(53));
            REQUIRE(bound);
            listener.emplace(std::move(*listening));
            stream.emplace(std::move(*connected));
            datagrams.emplace(std::move(*bound));
        });
    }

    template <class F>
    void on(testing::Host& host, F what) {
        host.run([&what]() -> Task<> {
            what();
            co_return;
        });
    }
    template <class F>
    [[nodiscard]] bool aborts_elsewhere(F what) {
        return aborts([&] { on(other, what); });
    }
    template <class F>
    [[nodiscard]] bool aborts_at_home(F what) {
        return aborts([&] { on(home, what); });
    }
};

#if !defined(NDEBUG)
TEST_CASE("a socket that another core drops is asserted", "[net][owner]") {
    Rig rig;
    CHECK(rig.aborts_elsewhere([&] { rig.stream.reset(); }));
    CHECK(rig.aborts_elsewhere([&] { rig.listener.reset(); }));
    CHECK(rig.aborts_elsewhere([&] { rig.datagrams.reset(); }));
    CHECK_FALSE(rig.aborts_at_home([&] {
        rig.stream.reset();
        rig.listener.reset();
        rig.datagrams.reset();
    }));
}

TEST_CASE("a stream that another core asks or changes is asserted", "[net][tcp][owner]") {
    Rig rig;
    CHECK(rig.aborts_elsewhere([&] { (void)rig.stream->shutdown(); }));
    CHECK(rig.aborts_elsewhere([&] { (void)rig.stream->set_nodelay(true); }));
    CHECK(rig.aborts_elsewhere([&] { (void)rig.stream->option(net::SocketOption::no_delay); }));
    CHECK(rig.aborts_elsewhere([&] { (void)rig.stream->take_error(); }));
    CHECK(rig.aborts_elsewhere([&] { (void)rig.stream->local_addr(); }));
    CHECK(rig.aborts_elsewhere([&] { (void)rig.stream->info(); }));
    CHECK_FALSE(rig.aborts_at_home([&] {
        (void)rig.stream->set_nodelay(true);
        (void)rig.stream->option(net::SocketOption::no_delay);
        (void)rig.stream->take_error();
        (void)rig.stream->local_addr();
        (void)rig.stream->info();
        (void)rig.stream->shutdown();
    }));
}

TEST_CASE("a datagram socket that another core asks or changes is asserted", "[net][udp][owner]") {
    Rig rig;
    const net::IpAddr group = net::IpAddr::v4(239, 1, 2, 3);
    CHECK(rig.aborts_elsewhere([&] { (void)rig.datagrams->connect(rig.other.at(53)); }));
    CHECK(rig.aborts_elsewhere([&] { (void)rig.datagrams->join_multicast(group); }));
    CHECK(rig.aborts_elsewhere([&] { (void)rig.datagrams->leave_multicast(group); }));
    CHECK(rig.aborts_elsewhere([&] { (void)rig.datagrams->set_option(net::SocketOption::ttl, 9); }));
    CHECK(rig.aborts_elsewhere([&] { (void)rig.datagrams->option(net::SocketOption::ttl); }));
    CHECK_FALSE(rig.aborts_at_home([&] {
        (void)rig.datagrams->join_multicast(group);
        (void)rig.datagrams->set_option(net::SocketOption::ttl, 9);
        (void)rig.datagrams->connect(rig.other.at(53));
    }));
}
#endif

TEST_CASE("sockets may be changed and dropped between two runs of their core", "[net][owner]") {
    Rig rig;
    CHECK(rig.stream->set_nodelay(false));
    CHECK(rig.stream->shutdown());
    CHECK(rig.datagrams->set_option(net::SocketOption::ttl, 9));
    rig.stream.reset();
    rig.listener.reset();
    rig.datagrams.reset();
    CHECK(rig.sim.settle());
}

TEST_CASE("sockets that have outlived their core may be used and dropped on any", "[net][owner]") {
    Rig rig;
    rig.home.crash();
    rig.on(rig.other, [&] {
        CHECK(rig.stream->set_nodelay(true).error() == Errc::runtime_shutdown);
        CHECK(rig.stream->shutdown().error() == Errc::runtime_shutdown);
        CHECK(rig.datagrams->connect(rig.home.at(53)).error() == Errc::runtime_shutdown);
    });
    rig.other.run([&rig]() -> Task<> {
        std::array<std::byte, 8> room{};
        auto read = co_await rig.stream->read(room);
        CHECK(read.error() == Errc::runtime_shutdown);
        auto accepted = co_await rig.listener->accept();
        CHECK(accepted.error() == Errc::runtime_shutdown);
        auto received = co_await rig.datagrams->recv_from(room);
        CHECK(received.error() == Errc::runtime_shutdown);
    });
    rig.on(rig.other, [&] {
        rig.stream.reset();
        rig.listener.reset();
        rig.datagrams.reset();
    });
}

}  // namespace
}  // namespace skerry
