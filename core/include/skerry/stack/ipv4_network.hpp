#pragma once

// What a stack is told of its IPv4 network, and may be told anew while it runs: by a lease of DHCP, and by whoever else
// gives addresses.

#include "wire/addresses.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// The bits of a network's mask, as a number.
[[nodiscard]] constexpr std::uint32_t mask_of(std::uint8_t prefix_bits) noexcept {
    return prefix_bits == 0 ? 0 : ~std::uint32_t{0} << (32U - prefix_bits);
}

/// By which router packets to a network go.
struct Ipv4Route {
    wire::Ipv4Addr network;
    std::uint8_t prefix_bits = 0;
    wire::Ipv4Addr router;  ///< 0.0.0.0: none, its hosts are on the link

    [[nodiscard]] constexpr bool covers(wire::Ipv4Addr host) const noexcept {
        return ((host.bits ^ network.bits) & mask_of(prefix_bits)) == 0;
    }
    friend bool operator==(const Ipv4Route&, const Ipv4Route&) = default;
};

/// The routes beside the one to our own network and the one to the gateway.
class Ipv4Routes {
public:
    static constexpr std::size_t routes_max = 16;

    [[nodiscard]] constexpr bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return count_; }
    /// False when there are routes_max.
    constexpr bool add(const Ipv4Route& route) noexcept {
        if (count_ == routes_max) return false;
        routes_[count_++] = route;
        return true;
    }
    [[nodiscard]] constexpr const Ipv4Route& operator[](std::size_t at) const noexcept { return routes_[at]; }

    /// The one with the longest prefix, of several the first; null when none covers the host.
    [[nodiscard]] constexpr const Ipv4Route* find(wire::Ipv4Addr host) const noexcept {
        const Ipv4Route* best = nullptr;
        for (std::size_t i = 0; i < count_; ++i)
            if (routes_[i].covers(host) && (best == nullptr || routes_[i].prefix_bits > best->prefix_bits))
                best = &routes_[i];
        return best;
    }
    friend bool operator==(const Ipv4Routes&, const Ipv4Routes&) = default;

private:
    std::array<Ipv4Route, routes_max> routes_{};
    std::size_t count_ = 0;
};

struct Ipv4Network {
    wire::Ipv4Addr address;  ///< ours; 0.0.0.0: none, and the rest says nothing
    std::uint8_t prefix_bits = 24;
    wire::Ipv4Addr gateway;  ///< 0.0.0.0: none
    std::uint16_t mtu = 0;  ///< of an IP packet, if that is less than what the port takes; 0: not said
    Ipv4Routes routes;
    /// For whoever wants them: nothing here asks them. 0.0.0.0 behind the last one.
    std::array<wire::Ipv4Addr, 3> name_servers{};

    friend bool operator==(const Ipv4Network&, const Ipv4Network&) = default;
};

}  // namespace skerry::stack
