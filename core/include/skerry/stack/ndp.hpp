#pragma once

// Neighbour discovery, as far as others begin it: answers who asks for our addresses, and tells the table of neighbours
// what they say of themselves. What routers say is for Autoconf, where our addresses are theirs to say, and redirects
// are taken where that is configured; else it is read and not acted upon.
//
// Source: RFC 4861 sections 7.2.3 to 7.2.5 and 8.3.

#include "config.hpp"
#include "drop.hpp"
#include "autoconf.hpp"
#include "hosts.hpp"
#include "ipv6_link.hpp"
#include "ip_output.hpp"
#include "link.hpp"
#include "neighbours.hpp"
#include "packet.hpp"
#include "wire/ndp.hpp"

namespace skerry::stack {

/// Threads: one core.
class Ndp {
public:
    Ndp(const StackConfig& config, Hosts& hosts, const Ipv6Link& ipv6_link, Link& link, Neighbours& neighbours,
        IpOutput& output, DropCounters& drops) noexcept
        : config_(config),
          hosts_(hosts),
          ipv6_link_(ipv6_link),
          link_(link),
          neighbours_(neighbours),
          output_(output),
          drops_(drops) {}

    /// Of the core that has one.
    void set_autoconf(Autoconf& autoconf) noexcept { autoconf_ = &autoconf; }

    /// Who of the other cores should hear of a message: those that have asked, the first one, all.
    struct News {
        CoreSet askers = 0;
        bool is_for_first = false;
        bool is_for_all = false;
    };

    /// A message of ICMPv6 that is about neighbours or routers; the packet stays the caller's. One that another core
    /// got is answered and counted there.
    [[nodiscard]] News input(const Packet& packet) noexcept;

private:
    /// What became of a message, and whether others should hear of it.
    struct Taken {
        Drop why = Drop::none;
        News news = {};
    };
    [[nodiscard]] Taken take(const Packet& packet) noexcept;
    [[nodiscard]] Taken take_solicitation(const wire::NdpMessage& message, const Packet& packet) noexcept;
    [[nodiscard]] Taken take_router(const wire::NdpMessage& message, const Packet& packet) noexcept;
    [[nodiscard]] Taken take_advertisement(const wire::NdpMessage& message, const Packet& packet) noexcept;
    [[nodiscard]] Drop take_redirect(const wire::NdpMessage& message, const Packet& packet) noexcept;
    void advertise(const wire::NdpMessage& question, const Packet& packet) noexcept;

    const StackConfig& config_;
    Hosts& hosts_;
    const Ipv6Link& ipv6_link_;
    Link& link_;
    Neighbours& neighbours_;
    IpOutput& output_;
    DropCounters& drops_;
    Autoconf* autoconf_ = nullptr;
};

}  // namespace skerry::stack
