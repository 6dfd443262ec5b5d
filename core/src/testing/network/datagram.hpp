#pragma once

#include "network_state.hpp"

#include <deque>
#include <map>
#include <set>

namespace skerry::testing {

/// A datagram socket.
class DatagramPort final : public Socket, public backend::DatagramSocket {
public:
    static constexpr std::size_t payload_bytes_max = backend::datagram_bytes_max;
    static constexpr std::size_t batch_max = 64;

    DatagramPort(NetworkState& network, const net::SocketAddr& address, const backend::BindOptions& options) noexcept;

    void orphan() noexcept override;

    /// Whether it takes a datagram from `sender` to `to`.
    [[nodiscard]] bool takes(const Event& datagram) const noexcept;
    /// `datagram` has arrived here, with this payload.
    void deliver(const Event& datagram, IoBuf payload);
    void fail(Error error) noexcept;
    void sends_unblocked() noexcept;

    const bool reuse_port;
    const bool v6_only;

    static const backend::DatagramOps operations;

private:
    backend::Step receive_now(backend::RecvRequest& request) noexcept;
    void copy_one(backend::RecvRequest& request) noexcept;
    backend::Step send_now(backend::SendRequest& request) noexcept;
    backend::Step send_segmented_now(backend::SendRequest& request) noexcept;
    /// `marked`: how it leaves, beside what holds for the socket; null: that.
    Error send_one(const net::SocketAddr* to, IoBuf payload, const backend::Datagram* marked = nullptr);
    Error send_datagram(const backend::Datagram& datagram);
    Result<> join_group(const backend::Membership& membership);
    Result<> shut_out(const backend::Membership& membership, bool out);
    Result<> leave_group(const backend::Membership& membership) noexcept;
    [[nodiscard]] std::size_t memberships() const noexcept;
    [[nodiscard]] bool is_on(backend::SocketOption option) const noexcept { return options.get(option) != 0; }
    [[nodiscard]] std::uint8_t small(backend::SocketOption option) const noexcept {
        return static_cast<std::uint8_t>(options.get(option));
    }

    static backend::Step receive(backend::DatagramSocket& socket, backend::RecvRequest& request) noexcept;
    static backend::Step send(backend::DatagramSocket& socket, backend::SendRequest& request) noexcept;
    static backend::Step send_segmented(backend::DatagramSocket& socket, backend::SendRequest& request) noexcept;
    static Result<> connect(backend::DatagramSocket& socket, const net::SocketAddr& peer) noexcept;
    static Result<> join(backend::DatagramSocket& socket, const backend::Membership& membership,
                         backend::MembershipChange change) noexcept;
    static void close(backend::DatagramSocket* socket) noexcept;
    static Result<> set_option(backend::DatagramSocket& socket, backend::SocketOption option, int value) noexcept;
    static Result<int> get_option(backend::DatagramSocket& socket, backend::SocketOption option) noexcept;

    std::deque<backend::Datagram> queue_;
    struct Hearing {
        std::set<net::IpAddr> sources;  // these; without any, all
        std::set<net::IpAddr> shut_out;  // of all
    };
    std::map<net::IpAddr, Hearing> groups_;
    net::SocketAddr connected_peer_;
    Error pending_error_;
};

}  // namespace skerry::testing
