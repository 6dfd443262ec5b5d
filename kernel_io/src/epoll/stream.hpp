#pragma once

// Hot path. A TCP connection of the kernel.
//
// A reader that waits is served inside the poll: its bytes go from the kernel straight into its span. A short
// read means that the socket is drained, so the next read waits for an edge instead of asking the kernel for
// an EAGAIN. There are two exceptions, from which on every read goes on to the EAGAIN: a hang-up that was seen gives no
// second edge; and the kernel ends a read in front of a byte that the peer sent as urgent (EPOLLPRI), with more behind.

#include "../stream_writing.hpp"
#include "core_sockets.hpp"

#include <cstddef>

namespace skerry::kernel_io::epoll {

class Stream final : public Socket, private StreamWriting<Stream>, public backend::StreamSocket {
public:
    Stream(CoreSockets& core, OwnedFd fd) noexcept;

    void on_events(std::uint32_t events) noexcept override;
    void expect() const noexcept override;
    void orphan() noexcept override;

    /// The connect that made this socket and waits for its end; null once it is over.
    backend::ConnectRequest* connecting = nullptr;

    static const backend::StreamOps operations;

private:
    friend StreamWriting<Stream>;

    long receive(backend::ReadRequest& request) noexcept;
    void take(backend::ReadRequest& request, std::size_t bytes) noexcept;
    backend::Step read_now(backend::ReadRequest& request) noexcept;
    backend::Step read_vectored_now(backend::ReadRequest& request, backend::IoSlicesMut slices) noexcept;
    backend::Step nothing_received(backend::ReadRequest& request, long answer) noexcept;
    void serve_reader() noexcept;
    void end_reader(long answer) noexcept;
    void on_any_events(std::uint32_t events) noexcept;
    /// False: the connect failed, and this socket is retired.
    bool finish_connect() noexcept;

    static backend::Step read(backend::StreamSocket& socket, backend::ReadRequest& request) noexcept;
    static backend::Step read_vectored(backend::StreamSocket& socket, backend::ReadRequest& request,
                                       backend::IoSlicesMut slices) noexcept;
    static backend::Step write(backend::StreamSocket& socket, backend::WriteRequest& request) noexcept;
    static backend::Step write_vectored(backend::StreamSocket& socket, backend::WriteRequest& request,
                                        backend::IoSlices slices) noexcept;
    static bool has_room(backend::StreamSocket& socket) noexcept;
    static Result<> shutdown(backend::StreamSocket& socket, backend::ShutdownHow how) noexcept;
    static void close(backend::StreamSocket* socket) noexcept;
    static int descriptor(backend::StreamSocket& socket) noexcept;

    static constexpr std::size_t bulk_bytes = 16 * 1024;  // in one read

    bool reads_to_the_end_ = false;  // a short read does not mean that the socket is drained
};

}  // namespace skerry::kernel_io::epoll
