#pragma once

// A client of DHCP for IPv4: our address, its mask, routers, routes, MTU and name servers, from a server on the link or
// behind a relay, and all of that for a time only.
//
//   init ─► selecting ─► requesting ─► checking ─► bound ◄─► renewing ─► rebinding
//    ▲          DISCOVER      REQUEST    ARP probe   │  REQUEST to the server, to all
//    └── NAK, somebody has the address (DECLINE), the lease is over ──────────────┘
//
// It is a part of the stack and no program on a socket: before there is an address no socket could send, and nothing of
// it may wait for a task. It makes its own packets from 0.0.0.0, and is told what comes to its port before UDP is.
//
// Choices that the RFC leaves open: the first offer is taken. The start does not wait 1 to 10 s (section 4.4.1 wants
// hosts that power up together to spread; a program that starts is waited for, and what it sends again is spread). A
// host does not ask for the address that it had before (INIT-REBOOT): nothing here outlives the process. Answers are
// asked for by broadcast while there is no address, which every card and switch lets pass. In RENEWING and REBINDING
// each message has a number of its own, so an answer says from when its lease counts. An address that another station
// takes while it is ours is defended as a configured one is (RFC 5227 section 2.4 (c)), until its lease ends. Nobody
// starts the client again when the link comes back: on another network the old address is kept until it is renewed in
// vain, or refused.
//
// Source: RFC 2131; RFC 2132; RFC 3442; RFC 5227 section 2.1 for the probe.

#include "arp_claim.hpp"
#include "config.hpp"
#include "drop.hpp"
#include "ip_output.hpp"
#include "ipv4_network.hpp"
#include "link.hpp"
#include "random.hpp"
#include "timers.hpp"
#include "wire/dhcp.hpp"

#include "../time/instant.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack {

/// What a server gave.
struct DhcpLease {
    Ipv4Network network;
    wire::Ipv4Addr server;
    wire::Ipv4Addr broadcast;  ///< as it said it; 0.0.0.0: it did not. What the mask says holds
    // All of them from when the request left that brought it; Instant::max(): never.
    time::Instant renew_at = time::Instant::max();
    time::Instant rebind_at = time::Instant::max();
    time::Instant ends_at = time::Instant::max();
};

enum class DhcpState : std::uint8_t { off, init, selecting, requesting, checking, bound, renewing, rebinding };

/// What has happened since the start.
struct DhcpCounts {
    std::uint32_t discovers = 0;  ///< sent, those that went again too, as with the next two
    std::uint32_t requests = 0;
    std::uint32_t declines = 0;
    std::uint32_t offers = 0;  ///< taken
    std::uint32_t acks = 0;
    std::uint32_t naks = 0;
};

/// Lifetime: what it is made of outlives it.
/// Threads:  one core.
class DhcpClient : Timer {
public:
    /// Who is told what the network is from now on: without an address when there is none any more.
    using OnNetwork = void (*)(void* context, const Ipv4Network& network, time::Instant now) noexcept;

    DhcpClient(const StackConfig& config, Link& link, IpOutput& output, ArpClaim& claim, Timers& timers,
               DropCounters& drops, OnNetwork on_network, void* context) noexcept;
    ~DhcpClient();
    DhcpClient(const DhcpClient&) = delete;
    DhcpClient& operator=(const DhcpClient&) = delete;

    /// Looks for a server, at once, and goes on until there is one.
    void begin(time::Instant now) noexcept;
    /// Gives the address back to its server, and ends. True when there was one, and a message is to leave. Section
    /// 4.4.6.
    bool end(time::Instant now) noexcept;

    /// The payload of a datagram to the client's port. Says why it was not acted upon.
    [[nodiscard]] Drop input(std::span<const std::byte> message, time::Instant now) noexcept;

    [[nodiscard]] DhcpState state() const noexcept { return state_; }
    [[nodiscard]] bool has_address() const noexcept {
        return state_ == DhcpState::bound || state_ == DhcpState::renewing || state_ == DhcpState::rebinding;
    }
    /// While there is an address.
    [[nodiscard]] const DhcpLease& lease() const noexcept { return lease_; }
    [[nodiscard]] const DhcpCounts& counts() const noexcept { return counts_; }

private:
    void restart_in(std::chrono::nanoseconds wait, time::Instant now) noexcept;
    void discover(time::Instant now) noexcept;
    void send_discover(time::Instant now) noexcept;
    void send_request(time::Instant now) noexcept;
    void renew(time::Instant now) noexcept;
    void decline(time::Instant now) noexcept;
    void bind(time::Instant now) noexcept;
    void lose(time::Instant now) noexcept;
    void wait_for_renewal() noexcept;

    [[nodiscard]] Drop take_offer(const wire::DhcpReply& reply, time::Instant now) noexcept;
    [[nodiscard]] Drop take_ack(const wire::DhcpReply& reply, time::Instant now) noexcept;
    [[nodiscard]] Drop take_nak(const wire::DhcpReply& reply, time::Instant now) noexcept;
    [[nodiscard]] bool is_awaited(wire::DhcpType type) const noexcept;
    [[nodiscard]] bool is_of_our_server(const wire::DhcpReply& reply) const noexcept;
    [[nodiscard]] DhcpLease lease_of(const wire::DhcpReply& reply) noexcept;
    [[nodiscard]] Ipv4Network network_of(const wire::DhcpReply& reply) noexcept;
    [[nodiscard]] Ipv4Routes usable(const wire::DhcpReply& reply) noexcept;

    [[nodiscard]] wire::DhcpRequest message(wire::DhcpType type) const noexcept;
    [[nodiscard]] std::uint16_t seconds_since_start(time::Instant now) const noexcept;
    [[nodiscard]] Frame* datagram(const wire::DhcpRequest& request, wire::Ipv4Addr from, wire::Ipv4Addr to) noexcept;
    void broadcast(const wire::DhcpRequest& request, wire::Ipv4Addr from) noexcept;
    bool unicast(const wire::DhcpRequest& request, time::Instant now) noexcept;
    void send_again_later(time::Instant now) noexcept;

    static void on_time(Timer& timer, time::Instant now) noexcept;
    void on_time(time::Instant now) noexcept;

    const StackConfig& config_;
    Link& link_;
    IpOutput& output_;
    ArpClaim& claim_;
    Timers& timers_;
    DropCounters& drops_;
    OnNetwork on_network_;
    void* context_;
    Random random_;
    DhcpState state_ = DhcpState::off;
    std::uint32_t xid_ = 0;
    unsigned sent_ = 0;  // messages of this state
    std::uint16_t secs_ = 0;  // in the last DISCOVER, and in the REQUEST that follows
    time::Instant started_at_;  // looking for a server, or renewing
    time::Instant asked_at_;  // when the request left that an answer is about
    DhcpLease lease_;  // that there is, or that is asked for
    unsigned naks_in_a_row_ = 0;
    unsigned conflicts_ = 0;
    DhcpCounts counts_;
};

}  // namespace skerry::stack
