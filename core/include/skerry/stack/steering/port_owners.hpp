#pragma once

// Which cores have a socket on a port: what bind and close write and every core reads, with plain atomic loads, for
// each datagram and each first SYN. One of these for each protocol.

#include "core_set.hpp"

#include "../own_ipv4.hpp"

#include "../../base/spin_lock.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace skerry::stack {

/// What a socket is bound to.
enum class PortUse : std::uint8_t {
    any,   ///< all IPv4 addresses of ours, and what is sent to many
    own,   ///< our IPv4 address, of several the first
    many,  ///< an IPv4 group or a broadcast address; several may have the same
    both,  ///< ::, which is all addresses of both families, and what is sent to many
    any_v6,          ///< :: for IPv6 alone
    own_v6,          ///< our IPv6 address
    own_link_local,  ///< our link-local one
    own_more = 8,    ///< of several IPv4 addresses the second; for the others see own_more_at()
};

/// The use of what is bound to the address at this place of MoreIpv4.
[[nodiscard]] constexpr PortUse own_more_at(std::size_t place) noexcept {
    return static_cast<PortUse>(static_cast<std::size_t>(PortUse::own_more) + place);
}

/// Threads: any.
class PortOwners {
public:
    PortOwners();
    PortOwners(const PortOwners&) = delete;
    PortOwners& operator=(const PortOwners&) = delete;

    /// The core has a socket there from now on. False when another core has one that is in its way; two that are
    /// `shared` are not. What the core itself has there is its own to compare, before.
    [[nodiscard]] bool claim(std::uint16_t port, PortUse use, std::uint16_t core, bool shared) noexcept;
    /// What a core claimed alone is shared from now on.
    void share(std::uint16_t port, PortUse use) noexcept;
    /// It has none of this use any more.
    void release(std::uint16_t port, PortUse use, std::uint16_t core) noexcept;

    /// Cores with a socket for what is sent to our address.
    /// `own` is which address of ours: own, one of more, own_v6 or own_link_local.
    [[nodiscard]] CoreSet unicast(std::uint16_t port, PortUse own = PortUse::own) const noexcept {
        const bool is_v4 = own == PortUse::own || own >= PortUse::own_more;
        const PortUse any = is_v4 ? PortUse::any : PortUse::any_v6;
        return (load(port, any) | load(port, PortUse::both) | load(port, own)) & cores;
    }
    /// Cores with a socket that may hear what is sent to many, by IPv4 or by IPv6, whose groups no socket is bound to.
    [[nodiscard]] CoreSet to_many(std::uint16_t port) const noexcept {
        return (load(port, PortUse::any) | load(port, PortUse::both) | load(port, PortUse::many)) & cores;
    }
    [[nodiscard]] CoreSet to_many_v6(std::uint16_t port) const noexcept {
        return (load(port, PortUse::any_v6) | load(port, PortUse::both)) & cores;
    }
    /// Cores with any socket there.
    [[nodiscard]] CoreSet in_use(std::uint16_t port) const noexcept;

private:
    static constexpr std::size_t ports = 65'536;
    // Seven, and a power of two: a port is a cache line. The uses of more addresses are as many again, behind those of
    // all ports, where a host with one address touches nothing.
    static constexpr std::size_t uses = 8;
    static_assert(MoreIpv4::most <= uses);
    static constexpr std::uint64_t cores = first_cores(cores_max);
    static constexpr std::uint64_t is_shared = ~cores;  // whoever claims it lets others

    struct Free {
        void operator()(std::uint64_t* words) const noexcept;
    };

    [[nodiscard]] std::uint64_t& word(std::uint16_t port, PortUse use) const noexcept {
        const auto at = static_cast<std::size_t>(use);
        return words_[at / uses * (ports * uses) + std::size_t{port} * uses + at % uses];
    }
    [[nodiscard]] std::uint64_t load(std::uint16_t port, PortUse use) const noexcept;
    [[nodiscard]] bool is_in_the_way(std::uint64_t others, std::uint16_t core, bool shared) const noexcept;

    SpinLock lock_;  // of those who write
    // Whether an address of more was ever bound. Relaxed, as the words are: who does not see it yet need not see its
    // socket either.
    std::atomic<bool> has_more_{false};
    std::unique_ptr<std::uint64_t[], Free> words_;
};

}  // namespace skerry::stack
