#pragma once

// A listening TCP socket of the kernel. Accepts when somebody waits, one system call a connection.

#include "core_sockets.hpp"

namespace skerry::kernel_io::epoll {

class Listener final : public Socket, public backend::ListenerSocket {
public:
    Listener(CoreSockets& core, OwnedFd fd) noexcept;

    void on_events(std::uint32_t events) noexcept override;
    void orphan() noexcept override;

    /// Tries again after descriptors had run out.
    void resume() noexcept;

    /// The next listener that waits for descriptors.
    Listener* next_paused = nullptr;
    bool is_paused = false;

    static const backend::ListenerOps operations;

private:
    backend::Step accept_now(backend::AcceptRequest& request) noexcept;
    static backend::Step accept(backend::ListenerSocket& listener, backend::AcceptRequest& request) noexcept;
    static void close(backend::ListenerSocket* listener) noexcept;
};

}  // namespace skerry::kernel_io::epoll
