#pragma once

// Whose our IPv4 address is, told to the link. A host that took the address over from another is heard of at once, and
// switches learn where it is. Another station that sends as us is contradicted.
//
// Nobody is asked first whether the address is free, which would take seconds in which a server is not there: addresses
// are given to hosts here, not chosen by them. That two have the same one is counted (Drop::arp_conflict).
//
// Source: RFC 5227 section 2.3; section 2.4, case c.

#include "config.hpp"
#include "link.hpp"
#include "timers.hpp"

#include "../time/instant.hpp"

#include <chrono>

namespace skerry::stack {

/// Threads: one core.
class ArpClaim : Timer {
public:
    ArpClaim(const StackConfig& config, Link& link, Timers& timers) noexcept;
    ~ArpClaim() { Timers::cancel(*this); }
    ArpClaim(const ArpClaim&) = delete;
    ArpClaim& operator=(const ArpClaim&) = delete;

    /// Says so now and once more in two seconds, where the configuration wants it.
    void begin(time::Instant now) noexcept;
    /// Another station sent as us. Not more often than in 10 s: one that contradicts too would be answered for ever.
    void defend(time::Instant now) noexcept;

private:
    [[nodiscard]] bool claims() const noexcept { return config_.claims_address && !config_.address.is_unspecified(); }
    void announce() noexcept;
    static void on_time(Timer& timer, time::Instant now) noexcept;

    const StackConfig& config_;
    Link& link_;
    Timers& timers_;
    time::Instant quiet_until_;
};

}  // namespace skerry::stack
