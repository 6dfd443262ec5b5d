#include "tcp_ports.hpp"

#include <skerry/stack/ephemeral_port.hpp>
#include <skerry/stack/hosts.hpp>

#include <algorithm>

namespace skerry::pkt {

void TcpPorts::forget_orphans() {
    claims_.remove_if([this](const PortClaim& claim) { return claim.is_orphan && !is_there_(claim.tuple); });
}

bool TcpPorts::conflicts(const PortClaim& wanted, const PortClaim& other) const noexcept {
    if (wanted.port != other.port) return false;
    if (!stack::overlap(wanted.local, wanted.v6_only, other.local, other.v6_only)) return false;
    if (flavour_ == Flavour::freebsd)  // with SO_REUSEADDR only one that is bound to the very address is in the way
        return !wanted.may_share || (!other.is_connected && wanted.local == other.local);
    return !wanted.may_share || !other.may_share || wanted.is_listening || other.is_listening;
}

bool TcpPorts::may_bind(const PortClaim& wanted) {
    forget_orphans();
    return std::none_of(claims_.begin(), claims_.end(),
                        [&](const PortClaim& other) { return conflicts(wanted, other); });
}

// The first free one: a script is the same each time that it runs.
std::uint16_t TcpPorts::free_port() {
    forget_orphans();
    for (std::uint32_t i = 0; i < stack::ephemeral_count; ++i) {
        const auto port = static_cast<std::uint16_t>(stack::ephemeral_first + i);
        const auto has_it = [port](const PortClaim& claim) { return claim.port == port; };
        if (std::none_of(claims_.begin(), claims_.end(), has_it)) return port;
    }
    return 0;
}

void TcpPorts::leave(Place claim) {
    if (claim->is_connected && is_there_(claim->tuple))
        claim->is_orphan = true;
    else
        claims_.erase(claim);
}

}  // namespace skerry::pkt
