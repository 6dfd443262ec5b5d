#pragma once

// A listening TCP socket. The same type on every backend.

#include "socket_addr.hpp"
#include "tcp_stream.hpp"

#include "../backend/socket_ops.hpp"
#include "../base/result.hpp"

#include <coroutine>
#include <utility>

namespace skerry::net {

using backend::ListenOptions;

namespace detail {

class AcceptAwaiter : private backend::AcceptRequest {
public:
    explicit AcceptAwaiter(backend::ListenerSocket& listener) noexcept : listener_(&listener) {}
    ~AcceptAwaiter() { cancel(); }

    [[nodiscard]] bool await_ready() noexcept {
        check_home(listener_->home);
        if (task::current_scheduler->spend()) [[unlikely]]
            return false;
        tried_ = true;
        return try_now();
    }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept;
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept;
    [[nodiscard]] Result<TcpStream> await_resume() noexcept {
        take_claim();
        if (accepted == nullptr) [[unlikely]]
            return error;
        return TcpStream(*std::exchange(accepted, nullptr));
    }

private:
    [[nodiscard]] bool try_now() noexcept;
    /// What was given back goes to the accept that began to wait before.
    void hand_over() noexcept;

    backend::ListenerSocket* listener_;
    bool tried_ = false;
};

}  // namespace detail

/// What TcpListener::accept returns.
class [[nodiscard]] Accept {
public:
    explicit Accept(backend::ListenerSocket& listener) noexcept : listener_(&listener) {}
    [[nodiscard]] detail::AcceptAwaiter operator co_await() const noexcept { return detail::AcceptAwaiter(*listener_); }

private:
    backend::ListenerSocket* listener_;
};

/// Takes connections for the core that bound it. For one listener a core, see TcpServer.
///
/// Dropping it stops listening; connections that were not accepted are reset.
///
/// Threads: its own core; asserted in debug builds.
class TcpListener {
public:
    explicit TcpListener(backend::ListenerSocket& socket) noexcept : socket_(&socket) {}
    TcpListener(TcpListener&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}
    TcpListener& operator=(TcpListener&& other) noexcept {
        TcpListener taken(std::move(other));
        std::swap(socket_, taken.socket_);
        return *this;
    }
    ~TcpListener();

    /// Binds and listens on this core. Port 0 takes a free one; local_addr() tells which.
    ///
    /// Errors: address_in_use, address_not_available, permission_denied (a port below 1024), no_descriptors,
    ///         unsupported on a core without sockets.
    [[nodiscard]] static Result<TcpListener> bind(const SocketAddr& address,
                                                  const ListenOptions& options = {}) noexcept;

    /// Takes over a TCP socket of the kernel's that listens already, as a service manager hands one on (sd_listen_fds).
    /// Its options stay, and what it accepts has them: TCP_NODELAY only if it has.
    ///
    /// Errors: unsupported, where the sockets are not the kernel's; invalid_argument: it is none that listens, or not
    ///         TCP's; no_memory, no_descriptors. The descriptor is closed then.
    [[nodiscard]] static Result<TcpListener> from_fd(OwnedFd fd) noexcept;

    /// Waits for the next connection. When descriptors or memory run out it goes on waiting, and accepts again when
    /// some are free (counter: accept_paused; see runtime/core_stats.hpp).
    ///
    /// Errors: runtime_shutdown. What went wrong with one connection is passed over.
    /// Cancel: safe: a connection that had been accepted is kept for the next accept.
    [[nodiscard]] Accept accept() noexcept { return Accept(*socket_); }

    [[nodiscard]] SocketAddr local_addr() const noexcept { return socket_->local; }

private:
    backend::ListenerSocket* socket_;
};

}  // namespace skerry::net
