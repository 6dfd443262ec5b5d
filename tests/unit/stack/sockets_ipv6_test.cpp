// net:: over a stack that has IPv6: which addresses sockets take, show and reach.

#include "support/ipv6_host.hpp"
#include "support/test_core.hpp"

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/stack/sockets.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using net::SocketAddr;
using stack::wire::Ipv4Addr;
using stack::wire::Ipv6Addr;
namespace protocol = stack::wire::ip_protocol;

constexpr std::uint16_t port = 7000;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
SocketAddr at(const Ipv6Addr& address, std::uint16_t number = port) { return {address.ip(), number}; }
SocketAddr at(Ipv4Addr address, std::uint16_t number = port) { return {address.ip(), number}; }
SocketAddr mapped(Ipv4Addr address, std::uint16_t number = port) { return {address.ip().mapped(), number}; }
const SocketAddr any_v6 = at(Ipv6Addr{});

/// A host whose sockets are this thread's. What its tasks wait for comes when pump() runs.
class Host : public StackHost {
public:
    explicit Host(const stack::StackConfig& config = host6_config())
        : StackHost(config), sockets_(std::in_place, stack, task::current_scheduler->home()) {
        outer_ = std::exchange(backend::current_sockets, &*sockets_);
        sockets_->set_now(now);
        give(solicitation());
        give(arp(stack::wire::ArpOperation::request));
        (void)taken();
    }
    ~Host() { backend::current_sockets = outer_; }

    /// Turns of the loop, as many as a handshake with ourselves takes.
    void pump() {
        for (int i = 0; i < 8; ++i) {
            core.run_until_idle();
            core.in([this] {
                stack.input({}, now);
                stack.advance(now);
            });
        }
        core.run_until_idle();
    }
    void hear6(std::string_view text, const Ends6& ends = {}) {
        give(ipv6(protocol::udp, udp6(9, port, text, ends), ends));
    }
    void hear4(std::string_view text) { give(ipv4(protocol::udp, sealed_datagram(9, port, text, peer_ip, host_ip))); }

    test_support::TestCore core;

private:
    test_support::TestCore::Entered entered_{core};  // sockets are this core's, also those made outside of a task
    std::optional<stack::Sockets> sockets_;
    backend::SocketFactory* outer_;
};

/// What a task left behind.
struct Outcome {
    std::string text;
    SocketAddr peer;
    Errc error = Errc::ok;
};

Task<void> receive(net::UdpSocket& socket, Outcome& out) {
    std::array<std::byte, 100> buffer;
    auto received = co_await socket.recv_from(buffer);
    if (!received) {
        out.error = received.error().code();
        co_return;
    }
    out.text.assign(reinterpret_cast<const char*>(buffer.data()), received->bytes);
    out.peer = received->peer;
}
Task<void> send(net::UdpSocket& socket, SocketAddr to, Outcome& out) {
    auto sent = co_await socket.send_to(bytes_of("hello"), to);
    out.error = sent ? Errc::ok : sent.error().code();
}
Outcome received(Host& f, net::UdpSocket& socket) {
    Outcome out;
    REQUIRE(f.core.run(receive(socket, out)));
    return out;
}
Errc sent(Host& f, net::UdpSocket& socket, const SocketAddr& to) {
    Outcome out;
    REQUIRE(f.core.run(send(socket, to, out)));
    return out.error;
}
net::UdpSocket bound(const SocketAddr& address, bool v6_only = false) {
    backend::BindOptions options;
    options.v6_only = v6_only;
    auto socket = net::UdpSocket::bind(address, options);
    REQUIRE(socket);
    return std::move(*socket);
}

TEST_CASE("a core says whether it has IPv6", "[stack][ipv6][socket]") {
    const Host with;
    CHECK(backend::current_sockets->capabilities().ipv6);
    const Host without(host_config());
    CHECK_FALSE(backend::current_sockets->capabilities().ipv6);
}

TEST_CASE("a datagram socket at :: hears both families and shows IPv4 peers as mapped", "[stack][ipv6][socket]") {
    Host f;
    auto socket = bound(any_v6);
    CHECK(socket.local_addr() == any_v6);
    f.hear6("six");
    f.hear4("four");
    Outcome out = received(f, socket);
    CHECK(out.text == "six");
    CHECK(out.peer == at(peer6, 9));
    out = received(f, socket);
    CHECK(out.text == "four");
    CHECK(out.peer == mapped(peer_ip, 9));
    CHECK(out.peer.is_v6());
}

TEST_CASE("a datagram socket at 0.0.0.0 shows IPv4 peers as they are", "[stack][ipv6][socket]") {
    Host f;
    auto socket = bound(at(Ipv4Addr{}));
    f.hear6("six");
    f.hear4("four");
    const Outcome out = received(f, socket);
    CHECK(out.text == "four");
    CHECK(out.peer == at(peer_ip, 9));
}

TEST_CASE("a datagram socket for IPv6 alone neither hears nor reaches IPv4", "[stack][ipv6][socket]") {
    Host f;
    auto socket = bound(any_v6, true);
    auto v4 = bound(at(Ipv4Addr{}));
    f.hear4("four");
    f.hear6("six");
    CHECK(received(f, socket).text == "six");
    CHECK(received(f, v4).text == "four");
    CHECK(sent(f, socket, mapped(peer_ip)) == Errc::unsupported);
    CHECK(socket.connect(mapped(peer_ip)).error() == Errc::unsupported);
    CHECK(sent(f, socket, at(peer6)) == Errc::ok);
}

TEST_CASE("a datagram socket at :: sends to both families", "[stack][ipv6][socket]") {
    Host f;
    auto socket = bound(any_v6);
    CHECK(sent(f, socket, at(peer6)) == Errc::ok);
    CHECK(sent(f, socket, mapped(peer_ip)) == Errc::ok);
    const auto out = f.taken();
    REQUIRE(out.size() == 2);
    CHECK(sent6_in(out[0]).ip.destination == peer6);
    CHECK(stack::wire::load_be16(out[1].data() + 12) == stack::wire::ether_type::ipv4);
    CHECK(stack::wire::load_ipv4(out[1].data() + 30) == peer_ip);
}

TEST_CASE("a datagram socket at an address of one family does not reach the other", "[stack][ipv6][socket]") {
    Host f;
    auto v6 = bound(at(GENERATE(host6, host6_near)));
    CHECK(sent(f, v6, mapped(peer_ip)) == Errc::unsupported);
    CHECK(v6.connect(mapped(peer_ip)).error() == Errc::unsupported);
    CHECK(sent(f, v6, at(peer6)) == Errc::ok);
    auto v4_mapped = bound(mapped(host_ip));
    CHECK(sent(f, v4_mapped, at(peer6)) == Errc::unsupported);
    CHECK(sent(f, v4_mapped, mapped(peer_ip)) == Errc::ok);
    auto v4 = bound(at(host_ip, 7001));
    CHECK(sent(f, v4, at(peer6)) == Errc::unsupported);
    CHECK(sent(f, v4, mapped(peer_ip)) == Errc::unsupported);
    CHECK(f.taken().size() == 2);
}

TEST_CASE("addresses that are not ours, or that nobody can have, are no socket's", "[stack][ipv6][socket]") {
    const Host f;
    CHECK(net::UdpSocket::bind(at(peer6)).error() == Errc::address_not_available);
    CHECK(net::TcpListener::bind(at(peer6)).error() == Errc::address_not_available);
    CHECK(net::UdpSocket::bind(at(stack::Hosts::own_v6)).error() == Errc::unreachable);
    CHECK(net::UdpSocket::bind(mapped(stack::Hosts::any_v6)).error() == Errc::unreachable);
}

Task<void> connect(SocketAddr to, Outcome& out, std::optional<net::TcpStream>& kept) {
    auto stream = co_await net::TcpStream::connect(to);
    if (!stream) {
        out.error = stream.error().code();
        co_return;
    }
    kept.emplace(std::move(*stream));
}
Task<void> accept(net::TcpListener& listener, std::optional<net::TcpStream>& kept) {
    auto stream = co_await listener.accept();
    if (stream) kept.emplace(std::move(*stream));
}

TEST_CASE("without IPv6 its addresses are unsupported everywhere", "[stack][ipv6][socket]") {
    Host f(host_config());
    CHECK(net::UdpSocket::bind(any_v6).error() == Errc::unsupported);
    CHECK(net::TcpListener::bind(any_v6).error() == Errc::unsupported);
    Outcome out;
    std::optional<net::TcpStream> stream;
    REQUIRE(f.core.run(connect(at(peer6), out, stream)));
    CHECK(out.error == Errc::unsupported);
    auto v4 = bound(at(Ipv4Addr{}));
    CHECK(sent(f, v4, at(peer6)) == Errc::unsupported);
    CHECK(v4.connect(at(peer6)).error() == Errc::unsupported);
}

TEST_CASE("a stream shows its ends in the family of its listener, or of who was connected to",
          "[stack][ipv6][socket]") {
    Host f;
    struct Case {
        SocketAddr listens;
        SocketAddr connects_to;
        SocketAddr client_local;  // its port is not compared
        SocketAddr server_peer;
        SocketAddr server_local;
    };
    const Case cases[] = {
        {any_v6, at(host6), at(host6), at(host6), at(host6)},
        {any_v6, at(host6_near), at(host6_near), at(host6_near), at(host6_near)},
        {any_v6, at(host_ip), at(host_ip), mapped(host_ip), mapped(host_ip)},
        {any_v6, mapped(host_ip), mapped(host_ip), mapped(host_ip), mapped(host_ip)},
        {at(Ipv4Addr{}), mapped(host_ip), mapped(host_ip), at(host_ip), at(host_ip)},
        {at(host6), at(host6), at(host6), at(host6), at(host6)},
    };
    for (const Case& each : cases) {
        CAPTURE(&each - cases);
        auto listener = net::TcpListener::bind(each.listens);
        REQUIRE(listener);
        CHECK(listener->local_addr() == each.listens);
        Outcome out;
        std::optional<net::TcpStream> client;
        std::optional<net::TcpStream> server;
        auto connecting = f.core.start(connect(each.connects_to, out, client));
        auto accepting = f.core.start(accept(*listener, server));
        f.pump();
        REQUIRE(client);
        REQUIRE(server);
        CHECK(client->peer_addr() == each.connects_to);
        CHECK(client->local_addr()->ip() == each.client_local.ip());
        CHECK(server->peer_addr().ip() == each.server_peer.ip());
        CHECK(server->peer_addr().port() == client->local_addr()->port());
        CHECK(*server->local_addr() == each.server_local);
        client.reset();
        server.reset();
        f.pump();
    }
}

}  // namespace
}  // namespace skerry
