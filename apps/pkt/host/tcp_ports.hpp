#pragma once

// Which local ports of TCP are taken, as bind() asks. The stack knows ports of listeners and connections only; a socket
// that is bound and nothing else, and the rules of SO_REUSEADDR, are the socket layer's, which is here.
//
// Source: Linux's inet_csk_get_port, FreeBSD's in_pcbbind.

#include "profile.hpp"

#include <skerry/stack/tcp/tuple.hpp>
#include <skerry/stack/wire/addresses.hpp>

#include <cstdint>
#include <functional>
#include <list>

namespace skerry::pkt {

/// A socket's hold on a port, also when the socket is gone and its connection is not.
struct PortClaim {
    stack::wire::Ipv4Addr local;  ///< 0.0.0.0: any of ours; Hosts::any_v6: of either family
    bool v6_only = false;  ///< of Hosts::any_v6: not of either
    std::uint16_t port = 0;
    bool may_share = false;  ///< SO_REUSEADDR
    bool is_listening = false;
    bool is_connected = false;
    bool is_orphan = false;  ///< its socket is gone
    stack::tcp::Tuple tuple;  ///< of its connection, if it has one
};

class TcpPorts {
public:
    /// A claim, which stays where it is.
    using Place = std::list<PortClaim>::iterator;

    /// `is_there`: whether the stack still has a connection.
    TcpPorts(Flavour flavour, std::function<bool(const stack::tcp::Tuple&)> is_there)
        : flavour_(flavour), is_there_(std::move(is_there)) {}

    /// Whether a socket may be bound so.
    [[nodiscard]] bool may_bind(const PortClaim& wanted);
    /// A port that nobody has; 0: none.
    [[nodiscard]] std::uint16_t free_port();

    [[nodiscard]] Place add(const PortClaim& claim) { return claims_.insert(claims_.end(), claim); }
    /// The socket is gone. Its connection may keep the port.
    void leave(Place claim);

private:
    void forget_orphans();
    [[nodiscard]] bool conflicts(const PortClaim& wanted, const PortClaim& other) const noexcept;

    Flavour flavour_;
    std::function<bool(const stack::tcp::Tuple&)> is_there_;
    std::list<PortClaim> claims_;
};

}  // namespace skerry::pkt
