#pragma once

// The sockets of one core: what net:: makes here, what every socket shares, and what happens when the
// process runs out of descriptors.

#include "../accepting.hpp"
#include "../message_arrays.hpp"
#include "poller.hpp"

#include <skerry/backend/slow_lane.hpp>
#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/buffer_pool.hpp>
#include <skerry/base/intrusive_list.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::kernel_io::epoll {

class CoreSockets;

/// The bytes of a buffer that has just come from a pool: nobody shares it, which writable() would make sure of.
[[nodiscard]] inline std::span<std::byte> fresh_bytes(IoBuf& buffer) noexcept {
    return {const_cast<std::byte*>(buffer.data()), buffer.size()};
}

/// What every socket of a core is: registered, listed, and the owner of its descriptor.
class Socket : public Watched, public ListLink {
public:
    Socket(CoreSockets& core, OwnedFd fd) noexcept : core_(&core), fd_(std::move(fd)) {}

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] CoreSockets& core() const noexcept { return *core_; }

    /// Closes the descriptor; the memory goes after the running batch, or at once when the core is gone.
    void retire() noexcept;

    /// The core's driver goes away while a program still holds the socket: from now on every operation
    /// answers runtime_shutdown.
    virtual void orphan() noexcept = 0;

protected:
    void close_fd() noexcept { fd_ = OwnedFd(); }
    void forget_core() noexcept { core_ = nullptr; }
    [[nodiscard]] bool has_core() const noexcept { return core_ != nullptr; }

private:
    CoreSockets* core_;
    OwnedFd fd_;
};

class Listener;

class CoreSockets final : public backend::SocketFactory {
public:
    explicit CoreSockets(Poller& poller, std::uint16_t home);
    ~CoreSockets();

    [[nodiscard]] backend::Capabilities capabilities() const noexcept override;
    [[nodiscard]] backend::SocketStats stats() const noexcept override;
    [[nodiscard]] backend::Step connect(backend::ConnectRequest& request) noexcept override;
    void cancel_connect(backend::ConnectRequest& request) noexcept override;
    [[nodiscard]] Result<backend::ListenerSocket*> listen(const net::SocketAddr& address,
                                                          const backend::ListenOptions& options,
                                                          const backend::StreamSetup* setup) noexcept override;
    [[nodiscard]] Result<backend::DatagramSocket*> bind(const net::SocketAddr& address,
                                                        const backend::BindOptions& options) noexcept override;
    [[nodiscard]] Result<backend::StreamSocket*> adopt_stream(OwnedFd fd) noexcept override;
    [[nodiscard]] Result<backend::ListenerSocket*> adopt_listener(OwnedFd fd) noexcept override;
    [[nodiscard]] Result<backend::DatagramSocket*> adopt_datagram(OwnedFd fd) noexcept override;

    [[nodiscard]] Poller& poller() noexcept { return poller_; }
    [[nodiscard]] BufferPool& buffers() noexcept { return buffers_; }
    /// A buffer of the pool; when that is at its limit, one that is ready for a batch. Empty: there is none either.
    [[nodiscard]] SKERRY_ALWAYS_INLINE IoBuf buffer() noexcept {
        IoBuf buffer = buffers_.allocate();
        if (!buffer) [[unlikely]]
            return received_.give_up_one();
        return buffer;
    }
    [[nodiscard]] ReceiveArray& received_messages() noexcept { return received_; }
    [[nodiscard]] SendArray& sent_messages() noexcept { return sent_; }
    void count_accepted() noexcept { ++counts_.accepted; }
    void count_no_buffers() noexcept { ++counts_.no_buffers; }
    [[nodiscard]] std::uint16_t home() const noexcept { return home_; }

    /// Registers a new socket with the poller and in the list.
    [[nodiscard]] Result<> enroll(Socket& socket, std::uint32_t events = Poller::both_directions) noexcept;
    void descriptor_closed() noexcept {
        --counts_.open;
        paused_.descriptor_closed();
    }

    void pause(Listener& listener) noexcept;
    void forget(Listener& listener) noexcept;
    [[nodiscard]] bool has_paused() const noexcept { return !paused_.empty(); }
    /// Lets paused listeners accept again when it is time; true when one did.
    bool resume_paused(time::Instant now) noexcept { return has_paused() && resume_due(now); }
    [[nodiscard]] time::Instant next_retry() const noexcept { return paused_.due(); }

private:
    bool resume_due(time::Instant now) noexcept;

    Poller& poller_;
    std::uint16_t home_;
    BufferPool buffers_;
    ReceiveArray received_;  // holds buffers of the pool, so it stands behind it
    SendArray sent_;
    backend::SocketStats counts_;  // but the buffers
    IntrusiveList<Socket> sockets_;
    PausedListeners<Listener> paused_;
};

/// The registration of a descriptor of the slow lane.
class FdWatch final : public Watched, public ListLink {
public:
    explicit FdWatch(backend::WatchedFd& fd) noexcept : fd_(&fd) {}
    void on_events(std::uint32_t events) noexcept override;
    [[nodiscard]] backend::WatchedFd& fd() const noexcept { return *fd_; }

private:
    backend::WatchedFd* fd_;
};

/// Descriptors of others: signals, pipes, whatever a task watches.
class EpollSlowLane final : public backend::SlowLane {
public:
    explicit EpollSlowLane(Poller& poller) noexcept : EpollSlowLane(poller, *this) {}
    /// A part of `outer`, which programs see as the lane.
    EpollSlowLane(Poller& poller, backend::SlowLane& outer) noexcept : poller_(poller), seen_as_(outer) {}
    EpollSlowLane(const EpollSlowLane&) = delete;
    EpollSlowLane& operator=(const EpollSlowLane&) = delete;
    ~EpollSlowLane();
    [[nodiscard]] Result<> add(backend::WatchedFd& fd) noexcept override;
    void remove(backend::WatchedFd& fd) noexcept override;

private:
    Poller& poller_;
    backend::SlowLane& seen_as_;
    IntrusiveList<FdWatch> watches_;
};

}  // namespace skerry::kernel_io::epoll
