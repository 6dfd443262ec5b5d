// After what a core of the epoll driver looks around before it sleeps.

#include "epoll_core.hpp"

#include "support/catch.hpp"

#include "epoll/driver.hpp"

#include <skerry/base/os_socket_addr.hpp>
#include <skerry/task/scheduler.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <span>
#include <vector>

namespace skerry::kernel_io::epoll {
namespace {

using backend::Step;

// The first try comes after as many.
constexpr int more_than_a_pause = 40;

const net::SocketAddr any_port(net::IpAddr::v4_loopback(), 0);

OwnedFd connect_to(const net::SocketAddr& address, int type) {
    sockaddr_storage to;
    const socklen_t length = net::to_os(address, to);
    OwnedFd peer(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(peer.get(), reinterpret_cast<sockaddr*>(&to), length) == 0);
    return peer;
}

struct Fixture : tests::EpollCore {
    /// Goes on until the core may sleep; true when it looked around before.
    bool lingers_before_sleep() {
        while (driver.receive(time::Instant::now()) != backend::Work::none) {
        }
        bool lingered = false;
        for (; !driver.arm(); lingered = true) driver.receive(time::Instant::now());
        return lingered;
    }
};

TEST_CASE("a core looks around before it sleeps where four datagrams or more came at once", "[kernel_io][lingering]") {
    const int at_once = GENERATE(1, 3, 4, 8);
    Fixture f;
    auto port = f.driver.sockets().bind(any_port, {});
    REQUIRE(port);
    const OwnedFd peer = connect_to((*port)->local, SOCK_DGRAM);
    bool lingered = false;
    for (int round = 0; round < more_than_a_pause; ++round) {
        for (int i = 0; i < at_once; ++i) REQUIRE(::send(peer.get(), "x", 1, 0) == 1);
        std::vector<backend::Datagram> batch(16);
        backend::RecvRequest request(batch);
        REQUIRE((*port)->ops->receive(**port, request) == Step::done);
        REQUIRE(request.count == static_cast<std::size_t>(at_once));
        lingered |= f.lingers_before_sleep();
    }
    CHECK(lingered == (at_once >= 4));
    (*port)->ops->close(*port);
}

TEST_CASE("a core looks around before it sleeps where a stream is read in bulk, and answered",
          "[kernel_io][lingering]") {
    const std::size_t bulk = 16 * 1024;
    const std::size_t bytes = GENERATE_COPY(bulk - 1, bulk);
    const bool is_answered = GENERATE(false, true);
    Fixture f;
    auto listener = f.driver.sockets().listen(any_port, {}, nullptr);
    REQUIRE(listener);
    const OwnedFd peer = connect_to((*listener)->local, SOCK_STREAM);
    backend::AcceptRequest accept;
    REQUIRE((*listener)->ops->accept(**listener, accept) == Step::done);
    backend::StreamSocket& stream = *accept.accepted;
    const std::vector<std::byte> message(bytes);
    std::vector<std::byte> room(bytes);
    bool lingered = false;
    for (int round = 0; round < more_than_a_pause; ++round) {
        REQUIRE(::send(peer.get(), message.data(), bytes, 0) == static_cast<ssize_t>(bytes));
        backend::ReadRequest read;
        read.into = room;
        REQUIRE(stream.ops->read(stream, read) == Step::done);
        REQUIRE(read.bytes == bytes);
        lingered |= f.lingers_before_sleep();
        backend::WriteRequest write;
        write.from = std::span(message).first(1);
        if (is_answered) REQUIRE(stream.ops->write(stream, write) == Step::done);
    }
    CHECK(lingered == (is_answered && bytes >= bulk));
    stream.ops->close(&stream);
    (*listener)->ops->close(*listener);
}

}  // namespace
}  // namespace skerry::kernel_io::epoll
