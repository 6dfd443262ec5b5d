// ctest: TIMEOUT 120
// What a TcpSocket asks of the kernel's sockets alone: an interface, a port that is shared, an address family that is
// not. In a network of the test's own, with a second interface beside the loopback.

#include "support/catch.hpp"
#include "support/kernel_drivers.hpp"
#include "support/own_network.hpp"

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_socket.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/task/join.hpp>

#include <array>
#include <iostream>
#include <string>

namespace skerry {
namespace {

using tests::on_each_driver;

const net::SocketAddr any_v4(net::IpAddr::v4_any(), 0);
const net::IpAddr loopback = net::IpAddr::v4_loopback();

/// "accepted", or the name of the error.
Task<std::string> connect_to(std::uint16_t port) {
    auto stream = co_await net::TcpStream::connect({loopback, port});
    co_return stream ? "accepted" : std::string(to_string(stream.error().code()));
}

TEST_CASE("a listener of one interface is not reached by another", "[net][tcp][socket]") {
    on_each_driver([]() -> Task<> {
        for (const auto& [device, answer] : {std::pair("lo", "accepted"), std::pair("wire", "connection_refused")}) {
            auto listener = net::TcpSocket().bind(any_v4).bind_device(device).listen();
            REQUIRE(listener);
            const std::string reached = co_await connect_to(listener->local_addr().port());
            CHECK(reached == answer);
        }
    });
}

TEST_CASE("a connection of one interface reaches what is there", "[net][tcp][socket]") {
    on_each_driver([]() -> Task<> {
        auto listener = net::TcpListener::bind(any_v4);
        REQUIRE(listener);
        const std::uint16_t port = listener->local_addr().port();
        auto by_loopback = co_await net::TcpSocket().bind_device("lo").connect({loopback, port});
        CHECK(by_loopback);
        auto by_any = co_await net::TcpSocket().bind_device("").connect({loopback, port});
        CHECK(by_any);
    });
}

TEST_CASE("listeners share a port when each asks for it", "[net][tcp][socket]") {
    on_each_driver([]() -> Task<> {
        auto first = net::TcpSocket().bind({loopback, 0}).set_reuseport(true).listen();
        REQUIRE(first);
        const net::SocketAddr address = first->local_addr();
        auto second = net::TcpSocket().bind(address).set_reuseport(true).listen();
        CHECK(second);
        auto alone = net::TcpSocket().bind(address).listen();
        REQUIRE_FALSE(alone);
        CHECK(alone.error() == Errc::address_in_use);
        co_return;
    });
}

TEST_CASE("a listener of IPv6 takes IPv4 too, unless it was asked not to", "[net][tcp][socket]") {
    on_each_driver([]() -> Task<> {
        for (const bool only_v6 : {false, true}) {
            auto listener = net::TcpSocket().bind({net::IpAddr::v6_any(), 0}).set_only_v6(only_v6).listen();
            REQUIRE(listener);
            const std::string reached = co_await connect_to(listener->local_addr().port());
            CHECK(reached == (only_v6 ? "connection_refused" : "accepted"));
        }
    });
}

}  // namespace
}  // namespace skerry

int main(int argc, char** argv) {
    const std::string refusal = skerry::tests::enter_own_network();
    if (!refusal.empty()) {
        std::cout << "skipped: " << refusal << '\n';
        return skerry::tests::skip_exit_code;
    }
    using skerry::tests::ip;
    if (!ip("link add wire type veth peer name far") || !ip("addr add 198.18.0.1/24 dev wire") ||
        !ip("link set wire up") || !ip("link set far up")) {
        std::cout << "skipped: no second interface\n";
        return skerry::tests::skip_exit_code;
    }
    return skerry::tests::run_all(argc, argv);
}
