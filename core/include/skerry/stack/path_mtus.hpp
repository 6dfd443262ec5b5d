#pragma once

// How long a packet to a host may be where a router on the way there takes less than our own link. What a router says
// is believed for ten minutes, and then tried again by whatever begins; nobody is asked.
//
// Whether somebody may say so is for whoever knows the packet that is said to have been too long (RFC 5927 section 7).
// Here it is only seen that it says less than before, and no less than anybody needs: a smaller number would make most
// of each packet header.
//
// Source: RFC 1191 sections 3, 6.3 and 7.1; RFC 8201.

#include "config.hpp"
#include "drop.hpp"
#include "host_table.hpp"
#include "hosts.hpp"

#include "../time/instant.hpp"

#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// What a router says, or an end that found out, was too long. `mtu` is 0 of a router older than RFC 1191.
struct TooLong {
    std::uint16_t mtu = 0;
    std::uint16_t packet_bytes = 0;  ///< of the packet that it was about, IP header included
};

/// Threads: one core.
class PathMtus {
public:
    PathMtus(const StackConfig& config, Hosts& hosts, DropCounters& drops) noexcept
        : config_(config),
          hosts_(hosts),
          drops_(drops),
          link_mtu_v6_(config.mtu),
          by_host_(0, HashOfHost{key_for(config.seed, SecretUse::path_mtus)}) {}
    ~PathMtus();
    PathMtus(const PathMtus&) = delete;
    PathMtus& operator=(const PathMtus&) = delete;

    static constexpr std::uint16_t least_v4 = 552;  // as Linux's min_pmtu
    static constexpr std::size_t hosts_max = 1024;
    static constexpr auto lifetime = std::chrono::minutes{10};

    /// How long a packet to `host` may be.
    [[nodiscard]] std::uint16_t of(wire::Ipv4Addr host) const noexcept {
        return by_host_.empty() && !is_host_number(host) ? config_.mtu : lookup(host);
    }
    /// How long one to an IPv6 host may be before it has left the link.
    void set_link_mtu_v6(std::uint16_t mtu) noexcept { link_mtu_v6_ = mtu; }
    /// Takes what was said. False when that changes nothing.
    bool lower(wire::Ipv4Addr host, const TooLong& said, time::Instant now) noexcept;
    /// Forgets what is too old.
    void expire(time::Instant now) noexcept {
        if (!by_host_.empty()) [[unlikely]]
            expire_some(now);
    }

    [[nodiscard]] std::size_t size() const noexcept { return by_host_.size(); }
    /// Entries that a look-up visits at most.
    [[nodiscard]] std::size_t visits_max() const noexcept { return stack::visits_max(by_host_); }

private:
    struct Entry {
        std::uint16_t mtu = 0;
        std::int64_t until_ns = 0;
    };

    [[nodiscard]] std::uint16_t lookup(wire::Ipv4Addr host) const noexcept;
    void expire_some(time::Instant now) noexcept;
    [[nodiscard]] bool remember(wire::Ipv4Addr host, std::uint16_t mtu, time::Instant now) noexcept;

    const StackConfig& config_;
    Hosts& hosts_;
    DropCounters& drops_;
    std::uint16_t link_mtu_v6_;
    HostTable<Entry> by_host_;
    std::int64_t first_ends_ns_ = 0;  // no entry before
};

}  // namespace skerry::stack
