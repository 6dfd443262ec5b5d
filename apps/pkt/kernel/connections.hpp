#pragma once

// The TCP connections of a namespace, from outside: as sockstat or ss lists them, and ends them.

#include "netlink.hpp"
#include "network_namespace.hpp"

#include "../host/machine.hpp"

#include <skerry/base/result.hpp>
#include <skerry/base/socket_addr.hpp>

#include <utility>
#include <vector>

namespace skerry::pkt::kernel {

/// Threads: one.
class Connections {
public:
    /// Of `home`.
    ///
    /// Errors: a reason: the kernel has no sock_diag for TCP.
    [[nodiscard]] static Result<Connections, Unsupported> open(const NetworkNamespace& home);

    /// All but listeners: also those without a socket and those in TIME-WAIT. IPv4 within IPv6 is told as IPv4.
    [[nodiscard]] std::vector<ConnectionView> list();
    /// Ends one, with a reset where there is somebody to tell. False when there is none, or the kernel cannot
    /// (CONFIG_INET_DIAG_DESTROY).
    bool end(const net::SocketAddr& local, const net::SocketAddr& remote);
    /// Ends all, as far as the kernel can.
    void end_all();

private:
    struct Found;

    explicit Connections(Netlink netlink) : netlink_(std::move(netlink)) {}
    [[nodiscard]] int find_all(std::vector<Found>& found);
    bool end(const Found& found);

    Netlink netlink_;
};

}  // namespace skerry::pkt::kernel
