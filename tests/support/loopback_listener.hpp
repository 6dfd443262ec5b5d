#pragma once

// A listening TCP socket of the kernel's, for tests whose peer must not be ours.

#include "support/catch.hpp"

#include <skerry/net/socket_addr.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace skerry::tests {

/// Listens on 127.0.0.1, on a port that the system chose; closed at the end.
class LoopbackListener {
public:
    enum class Port : bool { own, shared };  ///< shared: SO_REUSEPORT

    explicit LoopbackListener(int backlog, Port port = Port::own)
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        REQUIRE(fd_ >= 0);
        const int share = port == Port::shared ? 1 : 0;
        REQUIRE(::setsockopt(fd_, SOL_SOCKET, SO_REUSEPORT, &share, sizeof share) == 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(fd_, backlog) == 0);
        socklen_t length = sizeof address;
        REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
        address_ = net::SocketAddr(net::IpAddr::v4_loopback(), ntohs(address.sin_port));
    }
    LoopbackListener(const LoopbackListener&) = delete;
    LoopbackListener& operator=(const LoopbackListener&) = delete;
    ~LoopbackListener() { ::close(fd_); }

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] const net::SocketAddr& address() const noexcept { return address_; }

private:
    int fd_;
    net::SocketAddr address_;
};

}  // namespace skerry::tests
