#pragma once

// The sockets of a core that has several ports, each with a stack of its own: one SocketFactory that gives each socket
// to the port that it belongs to. What belongs to one port is that port's socket from then on, and nothing stands
// before it: streams always, listeners and datagram sockets that are bound to an address. One that is bound to no
// address is a socket in each port, which a program has as one (src/stack/ports/joined_*.hpp).
//
// This is the strong model of RFC 1122 section 3.3.4.2: an address belongs to its port. A packet for it that comes by
// another port is not ours, and what is sent from it leaves by its port, whatever the routes of another say. Otherwise
// the port is that whose network, route or prefix covers the host most closely, of several the first; else the first
// that has a gateway.

#include "../sockets.hpp"

#include "../../backend/socket_ops.hpp"
#include "../../base/intrusive_list.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace skerry::stack {

class JoinedListener;
class JoinedDatagrams;

/// Lifetime: the ports' sockets outlive it. Sockets that are still held when it goes answer runtime_shutdown from then
///           on.
/// Threads:  one core.
class PortsSockets final : public backend::SocketFactory {
public:
    static constexpr std::size_t ports_max = 8;

    /// Shape: 1 to ports_max ports.
    PortsSockets(std::span<Sockets* const> ports, std::uint16_t home) noexcept;
    ~PortsSockets();
    PortsSockets(const PortsSockets&) = delete;
    PortsSockets& operator=(const PortsSockets&) = delete;

    /// Those that some port has. zero_copy_send holds of the first port for what send_buffer() gives, and of each for
    /// what came by itself.
    [[nodiscard]] backend::Capabilities capabilities() const noexcept override;
    /// The sum. A socket that is one in each port counts once.
    [[nodiscard]] backend::SocketStats stats() const noexcept override;
    /// From the port of the address that the request names, else from the one that port_to() says.
    [[nodiscard]] backend::Step connect(backend::ConnectRequest& request) noexcept override;
    void cancel_connect(backend::ConnectRequest& request) noexcept override;
    /// Each port has a backlog of its own.
    [[nodiscard]] Result<backend::ListenerSocket*> listen(const net::SocketAddr& address,
                                                          const backend::ListenOptions& options,
                                                          const backend::StreamSetup* setup) noexcept override;
    [[nodiscard]] Result<backend::DatagramSocket*> bind(const net::SocketAddr& address,
                                                        const backend::BindOptions& options) noexcept override;
    /// A buffer of the first port. What another port sends of it, it copies.
    [[nodiscard]] IoBuf send_buffer(std::size_t bytes, std::size_t headroom) noexcept override;

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] Sockets& port(std::size_t at) const noexcept { return *ports_[at]; }

    /// By which port a packet leaves that is bound to no address. One for a group goes by the first that has the
    /// family, or by that of its scope, which counts from 1 on; so does one for a link-local address. Where no port has
    /// a way it is the first, which says so. A port that was taken away is passed over as long as there is another.
    [[nodiscard]] std::size_t port_to(const net::SocketAddr& host) const noexcept;
    /// The port that has this address; of several the first.
    [[nodiscard]] std::optional<std::size_t> port_of(const net::IpAddr& own) const noexcept;

private:
    friend JoinedListener;
    friend JoinedDatagrams;

    [[nodiscard]] std::size_t first_there() const noexcept;

    std::array<Sockets*, ports_max> ports_{};
    std::size_t count_;
    std::uint16_t home_;
    IntrusiveList<JoinedListener> listeners_;
    IntrusiveList<JoinedDatagrams> datagrams_;
    // Of joined sockets: how many there are, and in ports.
    std::uint64_t joined_ = 0;
    std::uint64_t parts_ = 0;
};

}  // namespace skerry::stack
