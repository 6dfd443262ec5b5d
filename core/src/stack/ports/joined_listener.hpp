#pragma once

// A listener that is bound to no address: one in each port, which a program has as one. Who accepts is given the
// connections of the ports in turn, so that one which gets many keeps those of the others waiting for one accept at
// most. Nothing is registered in a port while a task waits: its listener tells this one, which then asks them. So there
// is nothing to take back when the task is cancelled.
//
// A port that was taken away is left out; when all are, an accept says so.

#include <skerry/stack/ports/ports_sockets.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

class JoinedListener final : public backend::ListenerSocket, public Sockets::Watcher, public ListLink {
public:
    explicit JoinedListener(PortsSockets& ports) noexcept;
    JoinedListener(const JoinedListener&) = delete;
    JoinedListener& operator=(const JoinedListener&) = delete;
    ~JoinedListener();

    /// Errors: of Sockets::listen().
    [[nodiscard]] Result<> open(const net::SocketAddr& address, const backend::ListenOptions& options,
                                const backend::StreamSetup* setup) noexcept;

    /// The core goes away while a program holds the socket.
    void orphan() noexcept;

    void on_ready() noexcept override;

private:
    [[nodiscard]] backend::Step accept_now(backend::AcceptRequest& request) noexcept;
    void close_all() noexcept;
    void leave() noexcept;

    static backend::Step accept(backend::ListenerSocket& socket, backend::AcceptRequest& request) noexcept;
    static void close(backend::ListenerSocket* socket) noexcept;

    static const backend::ListenerOps operations;

    PortsSockets* ports_;
    std::array<backend::ListenerSocket*, PortsSockets::ports_max> parts_{};  // by port; null: it has none
    std::size_t next_ = 0;  // to be asked first
};

}  // namespace skerry::stack
