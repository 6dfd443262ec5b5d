#pragma once

// Hosts that are better reached by another first hop than the route says, as a router told by a redirect. Whether it
// may is for whoever knows the route (IpOutput::redirect). What it said is forgotten after ten minutes, and when the
// hop that it named does not answer: then the route is tried again.
//
// Source: RFC 1122 section 3.2.2.2; RFC 4861 section 8.3, and 7.3.3 for the end.

#include "host_table.hpp"
#include "hosts.hpp"

#include "../time/instant.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// Threads: one core.
class Redirects {
public:
    Redirects(Hosts& hosts, std::uint64_t seed) noexcept
        : hosts_(hosts), by_host_(0, HashOfHost{key_for(seed, SecretUse::redirects)}) {}
    ~Redirects();
    Redirects(const Redirects&) = delete;
    Redirects& operator=(const Redirects&) = delete;

    static constexpr std::size_t hosts_max = 1024;
    static constexpr auto lifetime = std::chrono::minutes{10};

    /// The first hop of what goes to `host`, which by the route is `routed`.
    [[nodiscard]] wire::Ipv4Addr next_hop(wire::Ipv4Addr host, wire::Ipv4Addr routed) const noexcept {
        return by_host_.empty() ? routed : lookup(host, routed);
    }
    /// From now on it is `next_hop`. False when there is no room for one more host.
    bool remember(wire::Ipv4Addr host, wire::Ipv4Addr next_hop, time::Instant now) noexcept;
    void forget(wire::Ipv4Addr host) noexcept;
    void forget_all() noexcept;
    /// Forgets what is too old. True when that was something.
    bool expire(time::Instant now) noexcept {
        return !by_host_.empty() && now.as_nanos() >= first_ends_ns_ && expire_some(now);
    }

    [[nodiscard]] std::size_t size() const noexcept { return by_host_.size(); }

private:
    struct Entry {
        wire::Ipv4Addr next_hop;
        std::int64_t until_ns = 0;
    };
    using ByHost = HostTable<Entry>;

    [[nodiscard]] wire::Ipv4Addr lookup(wire::Ipv4Addr host, wire::Ipv4Addr routed) const noexcept;
    [[nodiscard]] bool expire_some(time::Instant now) noexcept;
    ByHost::iterator erase(ByHost::iterator at) noexcept;
    [[nodiscard]] bool enter(wire::Ipv4Addr host, const Entry& entry) noexcept;

    Hosts& hosts_;
    ByHost by_host_;
    std::int64_t first_ends_ns_ = 0;  // no entry before
};

}  // namespace skerry::stack
