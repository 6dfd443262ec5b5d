#pragma once

// A listener as net::TcpListener sees it.

#include <skerry/stack/sockets.hpp>

#include <skerry/backend/socket_ops.hpp>
#include <skerry/backend/stream_setup.hpp>

namespace skerry::stack {

class Sockets::Listener : public backend::ListenerSocket, public tcp::Acceptor, public ListLink {
public:
    explicit Listener(Sockets& sockets) noexcept : sockets_(&sockets) {
        ops = &operations;
        home = sockets.home_;
        may_accept = false;
    }

    /// What each connection that it accepts is to have; checked.
    backend::OptionSet inherited;

    /// The core goes away while a program holds the socket.
    void orphan() noexcept;
    /// The port is gone.
    void on_lost() noexcept { on_ready(); }

protected:
    void on_ready() noexcept override;

private:
    [[nodiscard]] backend::Step accept_now(backend::AcceptRequest& request) noexcept;
    void leave() noexcept;

    static backend::Step accept(backend::ListenerSocket& socket, backend::AcceptRequest& request) noexcept;
    static void close(backend::ListenerSocket* socket) noexcept;

    static const backend::ListenerOps operations;

    Sockets* sockets_;
};

/// One of several that a program has as one.
class Sockets::WatchedListener final : public Listener {
public:
    WatchedListener(Sockets& sockets, Watcher& watcher) noexcept : Listener(sockets), watcher_(watcher) {}

protected:
    void on_ready() noexcept override {
        may_accept = true;
        watcher_.on_ready();
    }

private:
    Watcher& watcher_;
};

}  // namespace skerry::stack
