#pragma once

// Multicast groups of both families: which ones this host is in, and what comes from routers and other hosts about
// them. membership.hpp is the machine, igmp_speaker.hpp and mld_speaker.hpp are its words.
//
// Source: RFC 3376, RFC 3810; RFC 1112 for 224.0.0.1 and RFC 4291 section 2.8 for ff02::1, which every host is in.

#include "config.hpp"
#include "drop.hpp"
#include "igmp_speaker.hpp"
#include "ip_output.hpp"
#include "membership.hpp"
#include "mld_speaker.hpp"
#include "packet.hpp"
#include "random.hpp"
#include "rate_limit.hpp"
#include "timers.hpp"

#include "../base/result.hpp"

#include <span>

namespace skerry::stack {

/// Groups and sources are named as hosts.hpp says.
/// Threads: one core.
class Groups {
public:
    Groups(const StackConfig& config, Link& link, IpOutput& output, Timers& timers) noexcept;
    Groups(const Groups&) = delete;
    Groups& operator=(const Groups&) = delete;

    /// One more socket wants the group, for one source or, when that is 0.0.0.0, for all.
    ///
    /// Errors: no_buffers, when this host is in groups_max already or in this one for group_sources_max sources;
    ///         no_memory.
    [[nodiscard]] Result<> join(wire::Ipv4Addr group, wire::Ipv4Addr source, time::Instant now) noexcept {
        return of(group).join(group, source, now);
    }
    /// One socket less. It had joined so, and, for all, shut these sources out.
    void leave(wire::Ipv4Addr group, wire::Ipv4Addr source, time::Instant now,
               std::span<const wire::Ipv4Addr> blocked = {}) noexcept {
        of(group).leave(group, source, now, blocked);
    }
    /// One of the sockets that joined for all shuts a source out.
    ///
    /// Errors: as join().
    [[nodiscard]] Result<> block(wire::Ipv4Addr group, wire::Ipv4Addr source, time::Instant now) noexcept {
        return of(group).block(group, source, now);
    }
    /// It lets it in again.
    void unblock(wire::Ipv4Addr group, wire::Ipv4Addr source, time::Instant now) noexcept {
        of(group).unblock(group, source, now);
    }

    [[nodiscard]] bool has(wire::Ipv4Addr group) const noexcept {
        if (is_host_number(group)) return v6_.has(group);
        return group == wire::igmp_all_systems || v4_.has(group);
    }

    /// Reads an IGMP packet. Why it says nothing to this core.
    [[nodiscard]] Drop input(const Packet& packet) noexcept;
    /// The same of MLD.
    [[nodiscard]] Drop input_v6(const Packet& packet) noexcept;

private:
    [[nodiscard]] Membership& of(wire::Ipv4Addr group) noexcept { return is_host_number(group) ? v6_ : v4_; }
    [[nodiscard]] bool on_query(const wire::IgmpMessage& message, time::Instant now) noexcept;
    [[nodiscard]] bool on_query(const wire::MldMessage& message, time::Instant now) noexcept;

    // Far above what routers send when many leave at once, far below what costs a core its time.
    static constexpr std::uint32_t messages_per_second = 2000;

    Hosts& hosts_;
    Random random_;
    RateLimit messages_{messages_per_second};
    IgmpSpeaker igmp_;
    MldSpeaker mld_;
    Membership v4_;
    Membership v6_;
};

}  // namespace skerry::stack
