#pragma once

// A TCP connection as net::TcpStream sees it. Hot path.

#include <skerry/stack/sockets.hpp>

#include <skerry/backend/socket_ops.hpp>
#include <skerry/backend/stream_setup.hpp>

#include <cstddef>
#include <new>
#include <span>

namespace skerry::stack {

/// What a stream keeps besides its two records: in front, so that all that a segment and its answer touch is two lines.
class Sockets::StreamPart : public tcp::Endpoint {
public:
    /// Waits for the connection; null once it was told.
    backend::ConnectRequest* connecting = nullptr;

protected:
    explicit StreamPart(Sockets& sockets) noexcept : sockets_(&sockets) {}

    Sockets* sockets_;
};

class alignas(cache_line_bytes) Sockets::Stream final : public StreamPart,
                                                        public backend::StreamSocket,
                                                        public ListLink {
public:
    explicit Stream(Sockets& sockets) noexcept : StreamPart(sockets), blocks_(sockets.stream_blocks_) {
        ops = &operations;
        home = sockets.home_;
        waiter = &reader;
    }

    static void* operator new(std::size_t, BlockStore& blocks) noexcept { return blocks.take(); }
    static void operator delete(Stream* stream, std::destroying_delete_t) noexcept;

    /// The peer's address is known: the connection was accepted or is being made. A socket of IPv6 shows one of IPv4 in
    /// the mapped form.
    void set_peer(net::IpFamily family) noexcept;
    /// The core goes away while a program holds the socket.
    void orphan() noexcept;
    /// Was never told of its connection.
    void abandon() noexcept;

    /// ok, or why no socket of this stack can be as `setup` asks.
    [[nodiscard]] static Errc check_setup(const backend::StreamSetup& setup) noexcept;
    /// What of the options, which were checked, a connection begins with.
    [[nodiscard]] static tcp::Opening opening_of(const backend::OptionSet& options) noexcept;
    [[nodiscard]] static IpMarks with_mark(IpMarks marks, backend::SocketOption option, int value) noexcept;
    void set_all(const backend::OptionSet& options) noexcept;

protected:
    void on_ready() noexcept override;

private:
    [[nodiscard]] tcp::Tcp& tcp() const noexcept { return sockets_->stack_.tcp(); }
    void leave() noexcept;
    [[nodiscard]] bool finish_connect() noexcept;
    [[nodiscard]] backend::Step read_now(backend::ReadRequest& request) noexcept;
    [[nodiscard]] backend::Step read_end(backend::ReadRequest& request) noexcept;
    [[nodiscard]] backend::Step write_now(backend::WriteRequest& request) noexcept;
    /// A write that waited, of whatever kind.
    [[nodiscard]] backend::Step write_at_last(backend::WriteRequest& request) noexcept;
    /// A write that was not taken whole.
    [[nodiscard]] backend::Step cut_short(backend::WriteRequest& request, bool took_some) noexcept;
    [[nodiscard]] static Errc check_option(backend::SocketOption option, int value) noexcept;
    /// A value that was checked.
    void set(backend::SocketOption option, int value) noexcept;
    [[nodiscard]] Result<int> get(backend::SocketOption option) const noexcept;

    static backend::Step read(backend::StreamSocket& socket, backend::ReadRequest& request) noexcept;
    static backend::Step write(backend::StreamSocket& socket, backend::WriteRequest& request) noexcept;
    static backend::Step write_vectored(backend::StreamSocket& socket, backend::WriteRequest& request,
                                        backend::IoSlices slices) noexcept;
    static backend::Step write_buf(backend::StreamSocket& socket, backend::WriteRequest& request) noexcept;
    static bool has_room(backend::StreamSocket& socket) noexcept;
    static Result<> shutdown(backend::StreamSocket& socket, backend::ShutdownHow how) noexcept;
    static void close(backend::StreamSocket* socket) noexcept;
    static Result<> set_option(backend::StreamSocket& socket, backend::SocketOption option, int value) noexcept;
    static Result<int> get_option(backend::StreamSocket& socket, backend::SocketOption option) noexcept;
    static Error take_error(backend::StreamSocket& socket) noexcept;
    static Result<net::SocketAddr> local_address(backend::StreamSocket& socket) noexcept;
    static Result<backend::TcpInfo> info(backend::StreamSocket& socket) noexcept;

    static const backend::StreamOps operations;

    BlockStore* blocks_;  // where it lies; it may outlive the Sockets
};

}  // namespace skerry::stack
