// A core whose backend has no sockets.

#include "support/catch.hpp"

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_server.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/signal/signal.hpp>

#include <csignal>

namespace skerry {
namespace {

TEST_CASE("a core without sockets and slow lane says unsupported", "[net]") {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    auto runtime = runtime::Builder(config).build();  // no backend is offered
    REQUIRE(runtime);
    runtime->block_on([]() -> Task<> {
        const net::SocketAddr address(net::IpAddr::v4_loopback(), 80);
        CHECK(net::TcpListener::bind(address).error() == Errc::unsupported);
        CHECK(net::TcpServer::bind(address).error() == Errc::unsupported);
        CHECK(net::UdpSocket::bind(address).error() == Errc::unsupported);
        auto stream = co_await net::TcpStream::connect(address);
        CHECK(stream.error() == Errc::unsupported);
        CHECK(signal::Signal::listen(SIGUSR1).error() == Errc::unsupported);
        auto interrupted = co_await signal::ctrl_c();
        CHECK(interrupted.error() == Errc::unsupported);
        auto terminated = co_await signal::terminate();
        CHECK(terminated.error() == Errc::unsupported);
    }());
}

}  // namespace
}  // namespace skerry
