#include "fixture.hpp"

#include <skerry/base/os_socket_addr.hpp>
#include <skerry/net/udp_socket.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

// Sockets that somebody else made. Where the sockets are not the kernel's there is nothing to take over.

namespace skerry::conformance {
namespace {

// A network of the test's own may have no loopback.
OwnedFd bound(int type, const net::IpAddr& ip = net::IpAddr::v4_loopback()) {
    OwnedFd fd(::socket(AF_INET, type, 0));  // blocking, as a service manager's
    sockaddr_storage storage;
    const socklen_t length = net::to_os({ip, 0}, storage);
    REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) == 0);
    return fd;
}

OwnedFd listening(const net::IpAddr& ip = net::IpAddr::v4_loopback()) {
    OwnedFd fd = bound(SOCK_STREAM, ip);
    REQUIRE(::listen(fd.get(), 8) == 0);
    return fd;
}

OwnedFd connected_to(const net::SocketAddr& peer, int type = SOCK_STREAM) {
    OwnedFd fd(::socket(AF_INET, type, 0));
    sockaddr_storage storage;
    const socklen_t length = net::to_os(peer, storage);
    REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) == 0);
    return fd;
}

/// Whether this backend's sockets are the kernel's; the others say unsupported to each.
bool takes_over() {
    const auto listener = net::TcpListener::from_fd(listening(net::IpAddr::v4_any()));
    if (listener) return true;
    CHECK(listener.error() == Errc::unsupported);
    const auto stream = net::TcpStream::from_fd(OwnedFd());
    REQUIRE_FALSE(stream);
    CHECK(stream.error() == Errc::unsupported);
    const auto socket = net::UdpSocket::from_fd(bound(SOCK_DGRAM, net::IpAddr::v4_any()));
    REQUIRE_FALSE(socket);
    CHECK(socket.error() == Errc::unsupported);
    return false;
}

template <class Outcome>
void check_refused(const Outcome& outcome, Errc expected) {
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error() == expected);
}

TEST_CASE("a listener that was handed on accepts, also who came before", "[net][tcp][from_fd]") {
    run([]() -> Task<> {
        if (!takes_over()) co_return;
        OwnedFd fd = listening();
        const int number = fd.get();
        sockaddr_storage storage;
        socklen_t length = sizeof storage;
        REQUIRE(::getsockname(number, reinterpret_cast<sockaddr*>(&storage), &length) == 0);
        const auto address = net::from_os(storage, length);
        REQUIRE(address);
        const OwnedFd early = connected_to(*address);
        auto listener = net::TcpListener::from_fd(std::move(fd));
        REQUIRE(listener);
        CHECK(listener->local_addr() == *address);
        CHECK((::fcntl(number, F_GETFD) & FD_CLOEXEC) != 0);
        auto first = co_await listener->accept();
        REQUIRE(first);
        auto pair = co_await connect_to(*listener);
        co_await write_whole(pair.client, bytes_of("hello"));
        const std::string text = co_await read_some(pair.server);
        CHECK(text == "hello");
    });
}

TEST_CASE("a stream that was handed on reads what had come, writes and ends", "[net][tcp][from_fd]") {
    run([]() -> Task<> {
        if (!takes_over()) co_return;
        auto listener = listen();
        OwnedFd fd = connected_to(listener.local_addr());
        auto server = co_await listener.accept();
        REQUIRE(server);
        co_await write_whole(*server, bytes_of("before"));
        auto client = net::TcpStream::from_fd(std::move(fd));
        REQUIRE(client);
        CHECK(client->peer_addr() == listener.local_addr());
        const std::string before = co_await read_some(*client);
        CHECK(before == "before");
        co_await write_whole(*client, bytes_of("there"));
        const std::string there = co_await read_some(*server);
        CHECK(there == "there");
        co_await write_whole(*server, bytes_of("and back"));
        const std::string back = co_await read_some(*client);
        CHECK(back == "and back");
        REQUIRE(client->shutdown());
        std::array<std::byte, 1> none{};
        const auto end = co_await server->read(none);
        CHECK(end.value() == 0);
    });
}

TEST_CASE("a datagram socket that was handed on sends and receives, each datagram for itself", "[net][udp][from_fd]") {
    run([]() -> Task<> {
        if (!takes_over()) co_return;
        auto other = bind_udp();
        OwnedFd fd = connected_to(other.local_addr(), SOCK_DGRAM);
        const int on = 1;
        (void)::setsockopt(fd.get(), IPPROTO_UDP, UDP_GRO, &on, sizeof on);  // an old kernel has none
        auto socket = net::UdpSocket::from_fd(std::move(fd));
        REQUIRE(socket);
        CHECK(socket->option(net::SocketOption::receive_segments).value_or(0) == 0);
        auto sent = co_await socket->send(bytes_of("hello"));
        REQUIRE(sent);
        std::array<std::byte, 64> room{};
        auto got = co_await other.recv_from(room);
        REQUIRE(got);
        CHECK(text_of(std::span(room).first(got->bytes)) == "hello");
        CHECK(got->peer == socket->local_addr());
        const auto back = co_await other.send_to(bytes_of("and back"), got->peer);
        REQUIRE(back);
        auto answer = co_await socket->recv_from(room);
        REQUIRE(answer);
        CHECK(text_of(std::span(room).first(answer->bytes)) == "and back");
    });
}

TEST_CASE("what is another kind of socket, or none, is not taken over, and is closed", "[net][from_fd]") {
    run([]() -> Task<> {
        if (!takes_over()) co_return;
        auto listener = listen();
        check_refused(net::TcpListener::from_fd(OwnedFd()), Errc::invalid_argument);
        check_refused(net::TcpListener::from_fd(bound(SOCK_STREAM)), Errc::invalid_argument);
        check_refused(net::TcpListener::from_fd(bound(SOCK_DGRAM)), Errc::invalid_argument);
        check_refused(net::TcpStream::from_fd(OwnedFd()), Errc::invalid_argument);
        check_refused(net::TcpStream::from_fd(listening()), Errc::invalid_argument);
        check_refused(net::TcpStream::from_fd(connected_to(listener.local_addr(), SOCK_DGRAM)), Errc::invalid_argument);
        check_refused(net::TcpStream::from_fd(bound(SOCK_STREAM)), Errc::not_connected);
        check_refused(net::UdpSocket::from_fd(connected_to(listener.local_addr())), Errc::invalid_argument);
        check_refused(net::UdpSocket::from_fd(OwnedFd(::open("/dev/null", O_RDONLY | O_CLOEXEC))),
                      Errc::invalid_argument);
        OwnedFd refused = bound(SOCK_STREAM);
        const int number = refused.get();
        check_refused(net::TcpListener::from_fd(std::move(refused)), Errc::invalid_argument);
        CHECK(::fcntl(number, F_GETFD) < 0);
        co_return;
    });
}

}  // namespace
}  // namespace skerry::conformance
