#pragma once

// Hot path. A TCP connection of the kernel.
//
// A reader that waits is served inside the poll: its bytes go from the kernel straight into its span. A short
// read means that the socket is drained, so the next read waits for an edge instead of asking the kernel for
// an EAGAIN; only a hang-up that was seen must be read out to its end, since it gives no second edge.

#include "core_sockets.hpp"

namespace skerry::kernel_io::epoll {

class Stream final : public Socket, public backend::StreamSocket {
public:
    Stream(CoreSockets& core, Fd fd) noexcept;

    void on_events(std::uint32_t events) noexcept override;
    void orphan() noexcept override;

    /// The connect that made this socket and waits for its end; null once it is over.
    backend::ConnectRequest* connecting = nullptr;

    static const backend::StreamOps operations;
    static const backend::StreamOps orphaned_operations;

private:
    backend::Step read_now(backend::ReadRequest& request) noexcept;
    backend::Step read_buffer(backend::ReadRequest& request) noexcept;
    backend::Step received(backend::ReadRequest& request, ssize_t count, std::size_t asked) noexcept;
    backend::Step write_now(backend::WriteRequest& request) noexcept;
    void finish_connect() noexcept;

    static backend::Step read(backend::StreamSocket& socket, backend::ReadRequest& request) noexcept;
    static backend::Step write(backend::StreamSocket& socket, backend::WriteRequest& request) noexcept;
    static Result<> shutdown(backend::StreamSocket& socket, backend::ShutdownHow how) noexcept;
    static void close(backend::StreamSocket* socket) noexcept;
    static Result<> set_option(backend::StreamSocket& socket, backend::SocketOption option, int value) noexcept;
    static Result<int> get_option(backend::StreamSocket& socket, backend::SocketOption option) noexcept;
    static Result<net::SocketAddr> local_address(backend::StreamSocket& socket) noexcept;

    bool saw_hang_up_ = false;
};

}  // namespace skerry::kernel_io::epoll
