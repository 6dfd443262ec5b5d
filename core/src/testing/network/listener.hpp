#pragma once

#include "network_state.hpp"

#include <deque>

namespace skerry::testing {

/// A listening socket: connections come to be when the SYN arrives and wait here to be accepted.
class Listener final : public Socket, public backend::ListenerSocket {
public:
    Listener(NetworkState& network, const net::SocketAddr& address, const backend::ListenOptions& options) noexcept;

    void orphan() noexcept override;

    [[nodiscard]] bool is_full() const noexcept { return queue_.size() >= backlog_; }
    void add(Stream& stream);
    /// Descriptors are there again.
    void resume() noexcept;
    [[nodiscard]] bool is_paused() const noexcept { return is_paused_; }
    [[nodiscard]] std::size_t queued() const noexcept { return queue_.size(); }
    /// Resets the connections that were not accepted.
    void reset_queue() noexcept;

    const bool reuse_port;
    const bool v6_only;

    static const backend::ListenerOps operations;

private:
    backend::Step accept_now(backend::AcceptRequest& request) noexcept;
    void serve_acceptor() noexcept;
    static backend::Step accept(backend::ListenerSocket& socket, backend::AcceptRequest& request) noexcept;
    static void close(backend::ListenerSocket* socket) noexcept;

    std::deque<Stream*> queue_;
    std::size_t backlog_;
    bool is_paused_ = false;
};

}  // namespace skerry::testing
