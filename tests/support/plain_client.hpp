#pragma once

// A socket of the kernel's beside every runtime: what it sends is on its way when the call returns.

#include "support/catch.hpp"

#include <skerry/base/os_socket_addr.hpp>
#include <skerry/base/owned_fd.hpp>

#include <sys/socket.h>

#include <cstddef>
#include <span>

namespace skerry::tests {

class PlainClient {
public:
    explicit PlainClient(const net::SocketAddr& to) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_storage address;
        const socklen_t length = net::to_os(to, address);
        REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    }

    /// Waits for room. A connection that is broken takes nothing.
    void send(std::span<const std::byte> data, int flags = 0) const noexcept {
        while (!data.empty()) {
            const ssize_t count = ::send(fd_.get(), data.data(), data.size(), MSG_NOSIGNAL | flags);
            if (count <= 0) return;
            data = data.subspan(static_cast<std::size_t>(count));
        }
    }
    void end() const noexcept { ::shutdown(fd_.get(), SHUT_WR); }

private:
    OwnedFd fd_;
};

}  // namespace skerry::tests
