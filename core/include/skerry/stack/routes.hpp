#pragma once

// By which router packets to a network go, of either family.

#include "wire/addresses.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// The bits of a network's mask, as a number.
[[nodiscard]] constexpr std::uint32_t mask_of(std::uint8_t prefix_bits) noexcept {
    return prefix_bits == 0 ? 0 : ~std::uint32_t{0} << (32U - prefix_bits);
}

struct Ipv4Route {
    wire::Ipv4Addr network;
    std::uint8_t prefix_bits = 0;
    wire::Ipv4Addr router;  ///< 0.0.0.0: none, its hosts are on the link

    [[nodiscard]] constexpr bool covers(wire::Ipv4Addr host) const noexcept {
        return ((host.bits ^ network.bits) & mask_of(prefix_bits)) == 0;
    }
    friend bool operator==(const Ipv4Route&, const Ipv4Route&) = default;
};

struct Ipv6Route {
    wire::Ipv6Addr network;
    std::uint8_t prefix_bits = 0;
    wire::Ipv6Addr router;  ///< ::, none, its hosts are on the link

    [[nodiscard]] constexpr bool covers(const wire::Ipv6Addr& host) const noexcept {
        return host.is_within(network, prefix_bits);
    }
    friend bool operator==(const Ipv6Route&, const Ipv6Route&) = default;
};

/// The routes of a family beside the one to our own network and the one to the gateway.
template <class Route>
class Routes {
public:
    static constexpr std::size_t routes_max = 16;

    [[nodiscard]] constexpr bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return count_; }
    /// False when there are routes_max.
    constexpr bool add(const Route& route) noexcept {
        if (count_ == routes_max) return false;
        routes_[count_++] = route;
        return true;
    }
    [[nodiscard]] constexpr const Route& operator[](std::size_t at) const noexcept { return routes_[at]; }

    /// The one with the longest prefix, of several the first; null when none covers the host.
    template <class Addr>
    [[nodiscard]] constexpr const Route* find(const Addr& host) const noexcept {
        const Route* best = nullptr;
        for (std::size_t i = 0; i < count_; ++i)
            if (routes_[i].covers(host) && (best == nullptr || routes_[i].prefix_bits > best->prefix_bits))
                best = &routes_[i];
        return best;
    }
    friend bool operator==(const Routes&, const Routes&) = default;

private:
    std::array<Route, routes_max> routes_{};
    std::size_t count_ = 0;
};

using Ipv4Routes = Routes<Ipv4Route>;
using Ipv6Routes = Routes<Ipv6Route>;

}  // namespace skerry::stack
