#pragma once

// Whose an IPv4 address is, asked and told on the link.
//
//   probe()   before an address that a server gave us is used: whether somebody has it already. Takes 4 to 7 s
//   begin()   from then on it is ours: a host that took it over from another is heard of at once, and switches learn
//             where it is
//   defend()  another station that sends as us is contradicted
//
// An address that was configured is used at once: a server that starts is there within milliseconds, and whoever wrote
// the address down knows whose it is, or nobody does. It is asked for all the same, by one question in front of the
// announcement, which waits for nothing: a Linux host answers that, and no announcement. Who has it is then noticed,
// and counted (Drop::arp_conflict).
//
// Source: RFC 5227 sections 2.1.1 and 2.3; section 2.4, case c.

#include "config.hpp"
#include "link.hpp"
#include "random.hpp"
#include "timers.hpp"
#include "wire/arp.hpp"

#include "../time/instant.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// Threads: one core.
class ArpClaim : Timer {
public:
    /// What is told at the end of a probe, once: whether the address is free.
    using Outcome = void (*)(void* context, bool is_free, time::Instant now) noexcept;

    /// Of the address at `place` among ours (StackConfig::ipv4_at).
    ArpClaim(const StackConfig& config, Link& link, Timers& timers, std::size_t place = 0) noexcept;
    ~ArpClaim() { Timers::cancel(*this); }
    ArpClaim(const ArpClaim&) = delete;
    ArpClaim& operator=(const ArpClaim&) = delete;

    /// Says so now and once more in two seconds, where the configuration wants it.
    void begin(time::Instant now) noexcept;
    /// Asks once for our own address, and waits for nothing.
    void ask() noexcept;
    /// Another station sent as us. Not more often than in 10 s: one that contradicts too would be answered for ever.
    void defend(const wire::MacAddr& other, time::Instant now) noexcept;

    /// Asks three times whether somebody has `address`, which is not ours yet, and tells `outcome`. A probe that is
    /// under way is forgotten. A question that could not leave, for want of a frame or of room, is asked again a second
    /// later.
    void probe(wire::Ipv4Addr address, Outcome outcome, void* context, time::Instant now) noexcept;
    /// Nothing is asked or announced any more, and nobody is told.
    void stop() noexcept;
    /// Any ARP packet: while a probe is under way it may say that somebody has the address, or looks for it too.
    void heard(const wire::ArpPacket& packet, time::Instant now) noexcept {
        if (outcome_ != nullptr) [[unlikely]]
            judge(packet, now);
    }

private:
    [[nodiscard]] wire::Ipv4Addr own() const noexcept { return config_.ipv4_at(place_).address; }
    [[nodiscard]] bool claims() const noexcept { return config_.claims_address && !own().is_unspecified(); }
    void announce() noexcept;
    bool send(wire::Ipv4Addr sender, wire::Ipv4Addr target) noexcept;
    void judge(const wire::ArpPacket& packet, time::Instant now) noexcept;
    void end_probe(bool is_free, time::Instant now) noexcept;
    void probe_on(time::Instant now) noexcept;
    [[nodiscard]] std::chrono::nanoseconds between(std::chrono::milliseconds least,
                                                   std::chrono::milliseconds most) noexcept;
    static void on_time(Timer& timer, time::Instant now) noexcept;

    const StackConfig& config_;
    Link& link_;
    Timers& timers_;
    std::size_t place_;
    Random random_;
    time::Instant quiet_until_;
    bool has_noticed_ = false;
    wire::Ipv4Addr probed_;
    Outcome outcome_ = nullptr;  // while a probe is under way
    void* context_ = nullptr;
    unsigned probes_left_ = 0;
};

}  // namespace skerry::stack
