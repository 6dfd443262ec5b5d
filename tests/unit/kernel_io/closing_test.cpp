// A socket of the epoll driver that is closed while somebody else holds its open file, as a child does that is being
// started: the driver hears no more of it.

#include "epoll_core.hpp"

#include "support/catch.hpp"

#include "epoll/datagram.hpp"
#include "epoll/driver.hpp"
#include "epoll/listener.hpp"
#include "epoll/stream.hpp"

#include <skerry/base/os_socket_addr.hpp>
#include <skerry/task/scheduler.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace skerry::kernel_io::epoll {
namespace {

struct Fixture : tests::EpollCore {
    /// How many descriptors the kernel watches for the core.
    [[nodiscard]] int watched() const {
        std::ifstream about("/proc/self/fdinfo/" + std::to_string(driver.wake_fd()));
        int count = 0;
        for (std::string line; std::getline(about, line);) count += line.starts_with("tfd:") ? 1 : 0;
        return count;
    }
};

const net::SocketAddr any_port(net::IpAddr::v4_loopback(), 0);

TEST_CASE("a socket that was closed is not watched, whoever else holds its open file", "[kernel_io][close]") {
    Fixture f;
    const int before = f.watched();
    REQUIRE(before == 1);  // the doorbell
    auto listener = f.driver.sockets().listen(any_port, {}, nullptr);
    auto port = f.driver.sockets().bind(any_port, {});
    REQUIRE(listener);
    REQUIRE(port);
    sockaddr_storage to;
    const socklen_t length = net::to_os((*listener)->local, to);
    const OwnedFd peer(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(peer.get(), reinterpret_cast<sockaddr*>(&to), length) == 0);
    backend::AcceptRequest request;
    REQUIRE((*listener)->ops->accept(**listener, request) == backend::Step::done);
    REQUIRE(request.accepted != nullptr);
    REQUIRE(f.watched() == before + 3);
    const OwnedFd held_listener(::dup(static_cast<Listener*>(*listener)->fd()));
    const OwnedFd held_port(::dup(static_cast<DatagramPort*>(*port)->fd()));
    const OwnedFd held_stream(::dup(static_cast<Stream*>(request.accepted)->fd()));

    request.accepted->ops->close(request.accepted);
    CHECK(f.watched() == before + 2);
    (*port)->ops->close(*port);
    CHECK(f.watched() == before + 1);
    (*listener)->ops->close(*listener);
    CHECK(f.watched() == before);
}

}  // namespace
}  // namespace skerry::kernel_io::epoll
