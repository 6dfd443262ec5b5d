#pragma once

// Neighbour discovery, as far as others begin it: answers who asks for our addresses, and tells the table of neighbours
// what they say of themselves. Of what routers say, redirects are taken where that is configured; the rest is read and
// not acted upon: our address and router are configured.
//
// Source: RFC 4861 sections 7.2.3 to 7.2.5 and 8.3.

#include "config.hpp"
#include "drop.hpp"
#include "hosts.hpp"
#include "ip_output.hpp"
#include "link.hpp"
#include "neighbours.hpp"
#include "packet.hpp"
#include "wire/ndp.hpp"

namespace skerry::stack {

/// Threads: one core.
class Ndp {
public:
    Ndp(const StackConfig& config, Hosts& hosts, Link& link, Neighbours& neighbours, IpOutput& output,
        DropCounters& drops) noexcept
        : config_(config), hosts_(hosts), link_(link), neighbours_(neighbours), output_(output), drops_(drops) {}

    /// A message of ICMPv6 that is about neighbours or routers; the packet stays the caller's. One that another core
    /// got is answered and counted there. True: what it says is news to the tables of other cores.
    [[nodiscard]] bool input(const Packet& packet) noexcept;

private:
    /// What became of a message, and whether others should hear of it.
    struct Taken {
        Drop why = Drop::none;
        bool is_news = false;
    };
    [[nodiscard]] Taken take(const Packet& packet) noexcept;
    [[nodiscard]] Taken take_solicitation(const wire::NdpMessage& message, const Packet& packet) noexcept;
    [[nodiscard]] Taken take_advertisement(const wire::NdpMessage& message, const Packet& packet) noexcept;
    [[nodiscard]] Drop take_redirect(const wire::NdpMessage& message, const Packet& packet) noexcept;
    void advertise(const wire::NdpMessage& question, const Packet& packet) noexcept;

    const StackConfig& config_;
    Hosts& hosts_;
    Link& link_;
    Neighbours& neighbours_;
    IpOutput& output_;
    DropCounters& drops_;
};

}  // namespace skerry::stack
