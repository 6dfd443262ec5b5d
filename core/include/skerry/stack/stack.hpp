#pragma once

// The user-space network stack of one core, a state machine: packets and the time go in, packets and events come out.
// It knows no clock, no thread and no NIC, so that the same code runs on a NIC's queue, on a TAP device and, on virtual
// time, in a test.
//
// Today: Ethernet, ARP, neighbour discovery, IPv4 and IPv6 with pieces both ways, ICMP, ICMPv6, IGMPv3, MLDv2, UDP,
// TCP, addresses from routers, DHCP. One port, one address of IPv4; where a core has several ports each has one of
// these, and ports/ shows them as one. src/stack/README.md is the map, with every rule.
//
// Where several cores share that address each has one of these, and steering/ brings the packets to the right one.

#include "autoconf.hpp"
#include "config.hpp"
#include "drop.hpp"
#include "glance.hpp"
#include "groups.hpp"
#include "hosts.hpp"
#include "icmp.hpp"
#include "ip_output.hpp"
#include "ipv6_link.hpp"
#include "link.hpp"
#include "ndp.hpp"
#include "neighbours.hpp"
#include "random.hpp"
#include "rate_limit.hpp"
#include "reassembly.hpp"
#include "steering/core_steering.hpp"
#include "tcp/tcp.hpp"
#include "timers.hpp"
#include "udp.hpp"

#include "../time/instant.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace skerry::stack {

class DhcpClient;

/// Lifetime: `frames` outlives it.
/// Threads:  one core.
class Stack {
public:
    Stack(const StackConfig& config, backend::FrameCache& frames, time::Instant start);
    ~Stack();
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;

    /// Takes packets over, and what was sent to ourselves, and tells the sockets that got something from them.
    void input(std::span<Frame* const> burst, time::Instant now) noexcept { input(burst, now, now); }
    /// The same after tasks have run: what they sent to ourselves did not come before, so it came at `looped_at`.
    void input(std::span<Frame* const> burst, time::Instant now, time::Instant looped_at) noexcept;

    /// The same of packets that another core handed over, which begin with their network header.
    void input_steered(std::span<Frame* const> burst, time::Instant now) noexcept;

    /// After the tasks: what is due by now, and the acknowledgements that no reply carried.
    void advance(time::Instant now) noexcept {
        tcp_.flush(now);
        timers_.advance(now);
        if (!neighbours_.unreachable().empty()) [[unlikely]]
            report_unreachable(now);
        if (!reassembly_.expired().empty()) [[unlikely]]
            report_expired(now);
        tcp_.deliver();
    }
    [[nodiscard]] time::Instant next_deadline() noexcept { return timers_.next_deadline(); }

    /// Whether something that was sent to ourselves waits for input(), with packets or without.
    [[nodiscard]] bool has_looped() noexcept { return !output_.looped().empty(); }

    /// Packets that are to leave. Whoever sends them takes them from the front.
    [[nodiscard]] Backlog& backlog() noexcept { return link_.backlog(); }
    /// An empty frame for a program that will give it back to be sent; null when frames are short.
    [[nodiscard]] Frame* frame_to_give() noexcept { return link_.may_keep_to_send() ? link_.allocate() : nullptr; }

    [[nodiscard]] Link& link() noexcept { return link_; }
    [[nodiscard]] Hosts& hosts() noexcept { return hosts_; }
    /// Our IPv6 addresses and what is known of the link.
    [[nodiscard]] const Ipv6Facts& ipv6() const noexcept { return ipv6_link_.facts(); }
    [[nodiscard]] Udp& udp() noexcept { return udp_; }
    [[nodiscard]] Groups& groups() noexcept { return groups_; }
    [[nodiscard]] tcp::Tcp& tcp() noexcept { return tcp_; }
    [[nodiscard]] Neighbours& neighbours() noexcept { return neighbours_; }
    [[nodiscard]] Reassembly& reassembly() noexcept { return reassembly_; }
    /// Null when there is one core.
    [[nodiscard]] CoreSteering* steering() noexcept { return config_.steering; }
    [[nodiscard]] const StackConfig& config() const noexcept { return config_; }
    [[nodiscard]] const DropCounters& drops() const noexcept { return drops_; }

    /// From now on IPv4's network is this. There is one address. Another one ends what was at the one before:
    /// connections with connection_aborted; sockets that were bound to it are told address_not_available once, and
    /// whenever they send. Its MTU is cut to what the port takes, and is IPv4's alone. Cores that share the address
    /// hear of it from the one that has the DHCP client.
    void take_network(const Ipv4Network& network, time::Instant now) noexcept;
    /// As it is now, with the MTU that holds; of several addresses the first one's.
    [[nodiscard]] Ipv4Network network() const noexcept {
        return {config_.address, config_.prefix_bits, config_.gateway, config_.mtu, config_.routes, name_servers_};
    }
    /// Gives an address that is lent back, when the runtime ends. True when something has to leave for that.
    [[nodiscard]] bool give_address_back(time::Instant now) noexcept;
    /// Null unless StackConfig::uses_dhcp, and on the other cores.
    [[nodiscard]] DhcpClient* dhcp() noexcept { return dhcp_.get(); }

private:
    /// How a packet came: over the link to our hardware address or to a group's, from this very core, put together on
    /// it from pieces that were looked at, or from another one, which has looked at its addresses.
    enum class Origin : std::uint8_t { link, link_group, ourselves, reassembled, steered };

    void input_burst(std::span<Frame* const> burst, time::Instant now) noexcept;
    template <bool has_more>
    void input_burst_of(std::span<Frame* const> burst, time::Instant now) noexcept;
    [[nodiscard]] bool input_usual(const Glance& glance, time::Instant now) noexcept;
    void input_frame(Frame& frame, time::Instant now) noexcept;
    void begin_ipv6(time::Instant now) noexcept;
    void learn(time::Instant now) noexcept;
    void take_facts(const Ipv6Facts& facts) noexcept;
    void input_arp(Frame& frame, time::Instant now) noexcept;
    void input_steered_arp(Frame& frame, time::Instant now) noexcept;
    void input_all_looped(time::Instant now, time::Instant looped_at) noexcept;
    void input_looped(Frame& frame, time::Instant now) noexcept;
    void input_ipv4(Frame& frame, time::Instant now, Origin origin) noexcept;
    void input_ipv6(Frame& frame, time::Instant now, Origin origin) noexcept;
    void input_ipv6_piece(Frame& piece, const Ipv6Arrival& v6, time::Instant now) noexcept;
    void input_ipv6_transport(Packet& packet) noexcept;
    void input_icmpv6(Packet& packet) noexcept;
    void input_ndp(Packet& packet) noexcept;
    [[nodiscard]] bool is_own_group(const wire::Ipv6Addr& address) const noexcept;
    void input_for_others_group(Packet& packet) noexcept;
    [[nodiscard]] Drop judge_ipv6(const wire::Ipv6Header& header, Origin origin) const noexcept;
    [[nodiscard]] Frame* input_piece(Frame& piece, wire::Ipv4Header& header, time::Instant now) noexcept;
    void input_transport(Packet& packet) noexcept;
    void share_membership(Packet& packet, Drop why) noexcept;
    [[nodiscard]] bool is_for_dhcp(std::span<const std::byte> payload, const wire::Ipv4Header& header) const noexcept;
    void input_dhcp(Packet& packet) noexcept;
    void start_address(std::uint16_t core, time::Instant start);
    [[nodiscard]] bool is_first_core() const noexcept { return !steering_ || steering_->core() == 0; }
    [[nodiscard]] bool is_redirect(const Packet& packet) const noexcept;
    void input_error(Packet& packet, const IcmpError& error) noexcept;
    [[nodiscard]] bool tell(const IcmpError& error, time::Instant now) noexcept;
    void report_unreachable(time::Instant now) noexcept;
    void report_expired(time::Instant now) noexcept;
    [[nodiscard]] bool read_own(std::span<const std::byte> packet, wire::Ipv4Header& header) noexcept;
    [[nodiscard]] wire::Ipv4Header header_of(const wire::Ipv6Header& v6, std::uint16_t header_bytes,
                                             std::uint8_t protocol) noexcept;
    [[nodiscard]] CoreSet limited(CoreSet others, RateLimit& limit, time::Instant now) noexcept;
    [[nodiscard]] bool is_for_us(wire::Ipv4Addr destination, Origin origin) const noexcept;
    [[nodiscard]] bool may_come_from(wire::Ipv4Addr source, Origin origin) const noexcept;

    StackConfig config_;
    std::uint16_t port_mtu_;
    DropCounters drops_;
    std::optional<CoreSteering> steering_;
    // For other cores, each kind apart: a flood of one leaves the others their share.
    RateLimit messages_;
    RateLimit memberships_;
    // Besides what was asked for (Questions). Ten times the messages still cost nobody more than some thousandths of a
    // core.
    RateLimit arps_{10'000};
    RateLimit ndps_{10'000};
    RateLimit leases_{1'000};  // messages of DHCP
    RateLimit routers_{Autoconf::routers_per_second};
    Random random_;
    Timers timers_;
    Link link_;
    Hosts hosts_;
    Ipv6Link ipv6_link_;
    Neighbours neighbours_;
    Reassembly reassembly_;
    IpOutput output_;
    Icmp icmp_;
    Ndp ndp_;
    Groups groups_;
    Udp udp_;
    tcp::Tcp tcp_;
    std::unique_ptr<DhcpClient> dhcp_;
    std::array<wire::Ipv4Addr, 3> name_servers_{};
    std::optional<Autoconf> autoconf_;  // of the first core, where there is something to find out
    static constexpr std::size_t burst_max = 32;
    std::array<Glance, burst_max> glances_;  // of the burst at hand; made once, because a burst may be one packet
};

}  // namespace skerry::stack
