#pragma once

// The socket types of net:: over the stack: what epoll's sockets are to the kernel's. Hot path.
//
// A datagram that comes is queued at its socket, and after the burst a task that waits gets all of them, up to its
// slots: the frames themselves, no copy. A send copies once, into a frame with its headers in front. Streams and
// listeners have files of their own in src/.

#include "stack.hpp"

#include "../backend/socket_ops.hpp"
#include "../base/block_store.hpp"
#include "../base/intrusive_list.hpp"

#include <cstdint>
#include <memory>

namespace skerry::stack {

/// Lifetime: sockets that are still held when it goes answer runtime_shutdown from then on.
/// Threads:  one core.
class Sockets final : public backend::SocketFactory {
public:
    Sockets(Stack& stack, std::uint16_t home) noexcept : stack_(stack), home_(home) {}
    ~Sockets();
    Sockets(const Sockets&) = delete;
    Sockets& operator=(const Sockets&) = delete;

    [[nodiscard]] backend::Capabilities capabilities() const noexcept override;
    [[nodiscard]] backend::SocketStats stats() const noexcept override;
    [[nodiscard]] backend::Step connect(backend::ConnectRequest& request) noexcept override;
    void cancel_connect(backend::ConnectRequest& request) noexcept override;
    [[nodiscard]] Result<backend::ListenerSocket*> listen(const net::SocketAddr& address,
                                                          const backend::ListenOptions& options,
                                                          const backend::StreamSetup* setup) noexcept override;
    [[nodiscard]] Result<backend::DatagramSocket*> bind(const net::SocketAddr& address,
                                                        const backend::BindOptions& options) noexcept override;

    [[nodiscard]] IoBuf send_buffer(std::size_t bytes, std::size_t headroom) noexcept override;

    /// Who stands for sockets of several ports: told instead of a task when one of them may have something, or room.
    class Watcher {
    public:
        virtual void on_ready() noexcept = 0;

    protected:
        ~Watcher() = default;
    };
    /// As listen() and bind(), for a socket that no task waits at.
    ///
    /// Lifetime: `watcher` outlives the socket.
    [[nodiscard]] Result<backend::ListenerSocket*> listen(const net::SocketAddr& address,
                                                          const backend::ListenOptions& options,
                                                          const backend::StreamSetup* setup, Watcher& watcher) noexcept;
    [[nodiscard]] Result<backend::DatagramSocket*> bind(const net::SocketAddr& address,
                                                        const backend::BindOptions& options, Watcher& watcher) noexcept;

    [[nodiscard]] const DropCounters& drops() const noexcept { return stack_.drops(); }
    [[nodiscard]] const Stack& stack() const noexcept { return stack_; }

    /// The time of the running turn, which everything that tasks send counts from.
    void set_now(time::Instant now) noexcept { now_ = now; }

    /// The port has taken some of the backlog: those who waited for room send.
    void on_transmitted() noexcept {
        if (senders_waiting_ != 0 && stack_.backlog().size() < backlog_low) wake_waiting();
    }

    /// The port is gone: connections end with `why`, and whatever else is asked of a socket answers it from now on.
    /// What was received before is read first. Those who wait are told by the stack's next input().
    void lose(Errc why) noexcept;
    [[nodiscard]] bool is_lost() const noexcept { return lost_ != Errc::ok; }

    class Datagrams;
    class Listener;
    class Stream;
    class StreamPart;
    class WatchedDatagrams;
    class WatchedListener;

private:
    friend Datagrams;
    friend Listener;
    friend Stream;

    // Above the first a sender waits, below the second it goes on; the stack itself may go on to its own limit.
    static constexpr std::size_t backlog_high = 1024;
    static constexpr std::size_t backlog_low = 512;

    void wake_waiting() noexcept;
    [[nodiscard]] Result<backend::ListenerSocket*> open(std::unique_ptr<Listener> listener,
                                                        const net::SocketAddr& address,
                                                        const backend::ListenOptions& options,
                                                        const backend::StreamSetup* setup, bool is_part) noexcept;
    [[nodiscard]] Result<backend::DatagramSocket*> open(std::unique_ptr<Datagrams> socket,
                                                        const net::SocketAddr& address,
                                                        const backend::BindOptions& options, bool is_part) noexcept;
    /// As name(). Of a socket that is one in each port, `::` is IPv4's 0.0.0.0 where there is no IPv6.
    [[nodiscard]] Errc name_part(const net::IpAddr& ip, bool v6_only, wire::Ipv4Addr& host) noexcept;
    /// How the stack names an address. Errors: unsupported, IPv6 where there is none; unreachable, what nobody can
    /// have.
    [[nodiscard]] Errc name(const net::IpAddr& ip, wire::Ipv4Addr& host) noexcept;
    /// Null when there is no memory.
    [[nodiscard]] Stream* make_stream() noexcept;
    void orphan_listeners() noexcept;
    void orphan_streams() noexcept;
    void fail_listeners() noexcept;
    void fail_streams() noexcept;

    Stack& stack_;
    std::uint16_t home_;
    time::Instant now_;
    backend::SocketStats counts_;
    IntrusiveList<Datagrams> sockets_;
    IntrusiveList<Listener> listeners_;
    IntrusiveList<Stream> streams_;
    BlockStore* stream_blocks_ = nullptr;  // from the first stream on
    std::size_t senders_waiting_ = 0;
    Errc lost_ = Errc::ok;  // why there is no port any more
};

}  // namespace skerry::stack
