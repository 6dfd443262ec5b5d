#include <skerry/net/stack_network.hpp>

#include <skerry/backend/socket_ops.hpp>
#include <skerry/stack/ports/ports_sockets.hpp>
#include <skerry/stack/sockets.hpp>

#include <array>
#include <tuple>

namespace skerry::net {

// As stack_counters(): what offers sockets has no entry for it.
std::optional<StackNetwork> stack_network() noexcept {
    const auto* sockets = dynamic_cast<const stack::Sockets*>(backend::current_sockets);
    if (const auto* const ports = dynamic_cast<const stack::PortsSockets*>(backend::current_sockets))
        sockets = &ports->port(0);
    if (sockets == nullptr) return {};
    const stack::Ipv4Network own = sockets->stack().network();
    StackNetwork network;
    network.address = own.address.ip();
    network.prefix_bits = own.prefix_bits;
    const auto more = sockets->stack().config().more_addresses.all();
    static_assert(std::tuple_size_v<decltype(network.more_addresses)> == stack::MoreIpv4::most);
    for (std::size_t i = 0; i < more.size(); ++i) network.more_addresses[i] = more[i].address.ip();
    network.gateway = own.gateway.ip();
    network.mtu = own.mtu;
    for (std::size_t i = 0; i < own.name_servers.size(); ++i) network.name_servers[i] = own.name_servers[i].ip();
    const stack::StackConfig& config = sockets->stack().config();
    network.is_lent = config.uses_dhcp;
    network.may_have_several_v6 = config.autoconf6 || !config.more_addresses6.empty();
    return network;
}

}  // namespace skerry::net
