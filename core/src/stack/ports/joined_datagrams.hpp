#pragma once

// A datagram socket that is bound to no address: one in each port, all of one number, which a program has as one.
//
// It receives what the ports have in turn, a call what one of them has; interface_index, where it is told, is the
// port's, from 1 on, and so is the scope of a link-local peer. It sends by the port that leads to the receiver, or that
// a datagram names: by the address that it is to leave from, or by its interface_index, where send_local is set. As
// long as one port has no room, be its link down, all sending waits. Groups are joined on the port that interface_index
// names, and on the first where that is 0, which multicast_interface says for sending.
//
// Connected it is of one port, as what comes from the peer is; the others let go of the number, of what they had
// received, and of their groups. Connected to a peer behind another port later it has to get the number there anew.
//
// As with listeners nothing is registered in a port while a task waits, and a port that was taken away is left out.

#include <skerry/stack/ports/ports_sockets.hpp>

#include <skerry/backend/stream_setup.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

class JoinedDatagrams final : public backend::DatagramSocket, public Sockets::Watcher, public ListLink {
public:
    JoinedDatagrams(PortsSockets& ports, const backend::BindOptions& options) noexcept;
    JoinedDatagrams(const JoinedDatagrams&) = delete;
    JoinedDatagrams& operator=(const JoinedDatagrams&) = delete;
    ~JoinedDatagrams();

    /// Errors: of Sockets::bind().
    [[nodiscard]] Result<> open(const net::SocketAddr& address) noexcept;

    /// The core goes away while a program holds the socket.
    void orphan() noexcept;

    void on_ready() noexcept override;

private:
    using SendOp = backend::Step (*backend::DatagramOps::*)(backend::DatagramSocket&, backend::SendRequest&) noexcept;

    [[nodiscard]] Result<std::uint16_t> open_part(std::size_t at, const net::SocketAddr& wanted) noexcept;
    void close_part(std::size_t at) noexcept;
    void close_all() noexcept;
    void leave() noexcept;
    [[nodiscard]] std::size_t first_part() const noexcept;
    /// The port itself where this socket is in it, else the first.
    [[nodiscard]] std::size_t part_or_first(std::size_t at) const noexcept;
    [[nodiscard]] bool has_room() const noexcept;

    [[nodiscard]] backend::Step receive_now(backend::RecvRequest& request) noexcept;
    void tell_scopes(backend::RecvRequest& request, std::size_t at) const noexcept;
    void tell_interface(backend::RecvRequest& request, std::size_t at) const noexcept;
    /// Where this socket would send to it, be it there or not.
    [[nodiscard]] std::size_t wanted_port(const net::SocketAddr& peer) const noexcept;
    [[nodiscard]] std::size_t port_to(const net::SocketAddr& peer) const noexcept;
    [[nodiscard]] std::size_t port_for(const backend::Datagram& datagram) const noexcept;
    [[nodiscard]] backend::Step send_now(backend::SendRequest& request, SendOp op) noexcept;
    [[nodiscard]] backend::Step send_batch(backend::SendRequest& request, SendOp op) noexcept;
    [[nodiscard]] backend::Step wait_for_room() noexcept;
    [[nodiscard]] Result<> connect_to(const net::SocketAddr& peer) noexcept;
    [[nodiscard]] Result<> set(backend::SocketOption option, int value) noexcept;
    [[nodiscard]] Result<int> get(backend::SocketOption option) noexcept;

    static backend::Step receive(backend::DatagramSocket& socket, backend::RecvRequest& request) noexcept;
    static backend::Step send(backend::DatagramSocket& socket, backend::SendRequest& request) noexcept;
    static backend::Step send_buf(backend::DatagramSocket& socket, backend::SendRequest& request) noexcept;
    static backend::Step send_segmented(backend::DatagramSocket& socket, backend::SendRequest& request) noexcept;
    static Result<> connect(backend::DatagramSocket& socket, const net::SocketAddr& peer) noexcept;
    static Result<> join(backend::DatagramSocket& socket, const backend::Membership& membership,
                         backend::MembershipChange change) noexcept;
    static void close(backend::DatagramSocket* socket) noexcept;
    static Result<> set_option(backend::DatagramSocket& socket, backend::SocketOption option, int value) noexcept;
    static Result<int> get_option(backend::DatagramSocket& socket, backend::SocketOption option) noexcept;

    static const backend::DatagramOps operations;

    PortsSockets* ports_;
    std::array<backend::DatagramSocket*, PortsSockets::ports_max> parts_{};  // by port; null: it has none
    std::size_t next_ = 0;  // to be asked first
    std::size_t connected_to_ = 0;  // the port, when it is connected
    std::uint32_t multicast_interface_ = 0;  // as it was set; 0: the first port
    bool tells_local_ = false;
    bool sends_by_local_ = false;
    backend::BindOptions bind_options_;
    backend::OptionSet options_;  // that were set, for a part that is opened later
};

}  // namespace skerry::stack
