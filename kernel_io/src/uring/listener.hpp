#pragma once

// A listening TCP socket of the kernel. One accept stays with the kernel and each of its answers is a connection; those
// that nobody has asked for yet are kept, and the accept is ended when they are many.

#include "core_sockets.hpp"
#include "stream.hpp"

namespace skerry::kernel_io::uring {

class Listener final : public Socket, public backend::ListenerSocket {
public:
    Listener(CoreSockets& core, OwnedFd fd) noexcept;
    ~Listener() override;

    void orphan() noexcept override;

    /// Accepts again after descriptors had run out.
    void resume() noexcept { accept_more(); }

    /// The next listener that waits for descriptors.
    Listener* next_paused = nullptr;
    bool is_paused = false;

    static const backend::ListenerOps operations;

private:
    static constexpr unsigned accepting = 0;  // a purpose
    static constexpr std::size_t ready_max = 64;

    void on_answer(unsigned purpose, int result, std::uint32_t flags) noexcept override;
    void try_again() noexcept override { accept_more(); }

    void on_accepted(OwnedFd accepted) noexcept;
    void on_not_accepted(int error) noexcept;
    void accept_more() noexcept;
    void pause() noexcept;
    void drop_ready() noexcept;
    backend::Step accept_now(backend::AcceptRequest& request) noexcept;

    static backend::Step accept(backend::ListenerSocket& listener, backend::AcceptRequest& request) noexcept;
    static void close(backend::ListenerSocket* listener) noexcept;

    IntrusiveList<Stream> ready_;
    std::size_t ready_count_ = 0;
    bool is_short_ = false;  // of descriptors or memory: the last who came was not let in
    unsigned unsound_ = 0;  // connections in a row
    Error failure_;
};

}  // namespace skerry::kernel_io::uring
