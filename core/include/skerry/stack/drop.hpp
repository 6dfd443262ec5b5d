#pragma once

// Why a frame went no further. Every path of the stack that lets go of what came in, or of what was to go out, names
// one of these reasons: a packet that vanishes without one cannot be looked for.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace skerry::stack {

/// The reason, by the layer that saw it. Those marked (stack) need more than the bytes and are no parser's.
enum class Drop : std::uint8_t {
    none,  ///< Nothing is wrong.

    no_frame,      ///< (stack) No frame left to answer or to copy into.
    transmit_full, ///< (stack) The port's backlog is at its limit.
    frame_pieces,  ///< (stack) The segments of a frame do not add up to its length.
    port_checksum, ///< (stack) The port found a checksum wrong, of IP or transport.

    ethernet_short,       ///< Less than a header, or than a header and its tag.
    ethernet_length,      ///< A length where the type belongs: IEEE 802.3 with LLC.
    ethernet_double_tag,  ///< A second VLAN tag, or a provider's (802.1ad).
    ethernet_vid,         ///< VLAN 4095, which is reserved.
    ethernet_source,      ///< The sender is a group.
    ethernet_type,        ///< (stack) A protocol that nobody here speaks.
    ethernet_not_ours,    ///< (stack) For another station.
    ethernet_vlan,        ///< (stack) Of another VLAN than ours, or of none where we are in one.

    arp_short,       ///< Less than 28 bytes.
    arp_bad,         ///< Not Ethernet and IPv4, or not their address lengths.
    arp_operation,   ///< Neither request nor reply.
    arp_sender_mac,  ///< The sender's hardware address is a group.
    arp_sender_ip,   ///< The sender's IP address is multicast, broadcast or loopback.
    arp_unsolicited, ///< (stack) An answer to no question of ours.
    arp_conflict,    ///< (stack) Somebody else sends as our address.

    neighbour_queue_full,  ///< (stack) Too many packets wait for this neighbour already.
    neighbour_unreachable, ///< (stack) The neighbour did not answer.
    neighbour_table_full,  ///< (stack) No entry could be evicted.
    redirect_refused,  ///< (stack) Not from the first hop of today, or to where no host of the link is.
    redirects_full,  ///< (stack) The limit of hosts that go by another router: one was not remembered.
    path_mtus_full,  ///< (stack) The limit of hosts whose way takes less than our link: one was forgotten.

    ipv4_short,  ///< Less than a header.
    ipv4_version,  ///< Not version 4.
    ipv4_header_length,  ///< Less than 20 bytes, or more than there are.
    ipv4_total_length,  ///< Less than the header, or more than there is.
    ipv4_checksum,  ///< The header's checksum.
    ipv4_options,  ///< An option of length 0 or 1, or past the header's end.
    ipv4_source_route,  ///< Loose or strict source route.
    ipv4_source,  ///< Multicast, broadcast, loopback, 0/8; (stack) an address of our own.
    ipv4_fragment_length,  ///< Not the last fragment, but no multiple of 8 bytes, or empty.
    ipv4_fragment_end,  ///< The fragment would end past 65'535.
    ipv4_not_ours,  ///< (stack) For another host.
    ipv4_ttl,  ///< (stack) Came with 0, or none is left to forward it.
    ipv4_protocol,  ///< (stack) A protocol that nobody here speaks.
    ipv4_no_route,  ///< (stack) No way to the destination.
    ipv4_too_big,  ///< (stack) More than the MTU, and not to be fragmented.
    ipv4_fragment_tiny,  ///< (stack) A first fragment that cuts the transport header.
    ipv4_fragment_copy,  ///< (stack) A fragment that is there already.
    ipv4_fragment_overlap,  ///< (stack) Fragments that contradict each other.
    ipv4_reassembly_full,  ///< (stack) The limit of datagrams or bytes.
    ipv4_reassembly_timeout,  ///< (stack) The rest did not come.

    ipv6_short,  ///< Less than a header.
    ipv6_version,  ///< Not version 6.
    ipv6_payload_length,  ///< More than there is.
    ipv6_source,  ///< A group, ::1, IPv4-mapped; :: for what only a host with an address sends.
    ipv6_destination,  ///< ::, ::1, IPv4-mapped, a group of scope 0 or of one interface.
    ipv6_extension_short,  ///< An extension header goes on past the end.
    ipv6_extension_order,  ///< A hop-by-hop header that is not the first.
    ipv6_extension_count,  ///< Too many extension headers.
    ipv6_extension_bytes,  ///< Too many bytes of extension headers.
    ipv6_option,  ///< An option that is unknown and says to discard the packet.
    ipv6_option_length,  ///< An option past its header's end, or a router alert of another length than 2.
    ipv6_option_padding,  ///< Padding of 8 bytes or more.
    ipv6_option_count,  ///< Too many options in a header.
    ipv6_source_route,  ///< A routing header of type 0 that is not at its end.
    ipv6_routing,  ///< A routing header of another type that is not at its end.
    ipv6_fragment_again,  ///< A second fragment header.
    ipv6_fragment_length,  ///< Not the last fragment, but no multiple of 8 bytes, or empty.
    ipv6_fragment_end,  ///< The packet would be more than 65'535 bytes behind its header.
    ipv6_fragment_chain,  ///< A first fragment without all headers up to the transport's.
    ipv6_not_ours,  ///< (stack) For another host, or a group that we are not in.
    ipv6_protocol,  ///< (stack) A protocol that nobody here speaks, or none.
    ipv6_no_route,  ///< (stack) No way to the destination.
    ipv6_too_big,  ///< (stack) More than the MTU.
    ipv6_no_source,  ///< (stack) From an address that is ours no longer.
    ipv6_fragment_tiny,  ///< (stack) A first fragment that cuts the transport header.
    ipv6_fragment_copy,  ///< (stack) A fragment that is there already.
    ipv6_fragment_overlap,  ///< (stack) Fragments that contradict each other.
    ipv6_reassembly_full,  ///< (stack) The limit of packets or bytes.
    ipv6_reassembly_timeout,  ///< (stack) The rest did not come.

    icmp_short,  ///< Less than 8 bytes.
    icmp_checksum,  ///< The checksum over all of the message.
    icmp_type,  ///< A type that we do not act on: source quench, timestamp and others, and redirects as configured.
    icmp_code,  ///< A code that the type does not have.
    icmp_quote_short,  ///< An error that quotes less than a header and 8 bytes.
    icmp_quote,  ///< What an error quotes is no IPv4 header, or a later fragment.
    icmp_not_answered,  ///< (stack) An echo to a group, or from where none may be answered.
    icmp_rate,  ///< (stack) Over the limit of messages in a second.
    icmp_stale,  ///< (stack) An error about nothing that we sent.

    igmp_short,  ///< Less than 8 bytes.
    igmp_length,  ///< 9 to 11 bytes of query, or sources past the end.
    igmp_checksum,  ///< The checksum over all of the message.
    igmp_type,  ///< A type that a host does not read: reports of version 3 too.
    igmp_group,  ///< The group is no multicast address.
    igmp_ttl,  ///< (stack) Not 1: it came from another link.
    igmp_router_alert,  ///< (stack) A query of version 3 without a router alert.
    igmp_rate,  ///< (stack) Over the limit of messages in a second.
    igmp_not_member,  ///< (stack) About a group that we are not in.

    icmpv6_short,  ///< Less than 8 bytes.
    icmpv6_checksum,  ///< The checksum over pseudo header and message.
    icmpv6_type,  ///< A type that we do not act on, and no error.
    icmpv6_code,  ///< A code that the error does not have.
    icmpv6_mtu,  ///< Packet too big for less than 1280 bytes.
    icmpv6_quote_short,  ///< An error that quotes less than a header, its extensions and 8 bytes.
    icmpv6_quote,  ///< What an error quotes is no IPv6 header, or a later fragment.

    ndp_short,  ///< Less than the type's message.
    ndp_hop_limit,  ///< Not 255: it came from another link.
    ndp_code,  ///< Not 0.
    ndp_fragment,  ///< Behind a fragment header.
    ndp_source,  ///< A router that is not link-local.
    ndp_destination,  ///< A solicitation from :: to another address than a solicited-node group.
    ndp_target,  ///< Asks for or tells about what is no host's address.
    ndp_solicited,  ///< An advertisement to a group that says that it was solicited.
    ndp_redirect_target,  ///< To what is neither link-local nor the destination itself.
    ndp_redirect_destination,  ///< The way to a group cannot be changed.
    ndp_option_length,  ///< An option of length 0, or past the end.
    ndp_option_size,  ///< A known option of another length than its own.
    ndp_source_link,  ///< A sender without address that tells its hardware address.
    ndp_link_address,  ///< A hardware address that is a group.
    ndp_prefix,  ///< A prefix of more than 128 bits.
    ndp_unsolicited,  ///< (stack) About nobody that we asked for, or asks for another than us.
    ndp_conflict,  ///< (stack) Somebody else says that he has our address.
    ndp_not_acted_on,  ///< (stack) What a router says, where addresses are configured.
    ndp_duplicate,  ///< (stack) Another station has, or wants, an address that we wanted.
    ndp_router_rate,  ///< (stack) Over the limit of what routers say in a second.
    ndp_router_value,  ///< (stack) An MTU, a hop limit or a time that no link has; the rest was taken.
    ndp_routers_full,  ///< (stack) The limit of routers: one more is not taken.
    ndp_prefix_refused,  ///< (stack) No prefix of a network, or lifetimes that contradict each other.
    ndp_prefixes_full,  ///< (stack) The limit of prefixes that are on the link.
    ndp_addresses_full,  ///< (stack) The limit of our addresses.

    mld_short,  ///< Less than the type's message.
    mld_length,  ///< 25 to 27 bytes of query, or sources or records past the end.
    mld_hop_limit,  ///< Not 1.
    mld_source,  ///< Not link-local; :: in a report passes.
    mld_router_alert,  ///< No router alert.
    mld_group,  ///< The group is no multicast address.
    mld_rate,  ///< (stack) Over the limit of messages in a second.
    mld_not_member,  ///< (stack) About groups: we are in none that is told.

    udp_short,  ///< Less than 8 bytes.
    udp_length,  ///< A length less than 8, or more than there is.
    udp_port,  ///< Destination port 0.
    udp_checksum,  ///< The checksum does not hold.
    udp_no_port,  ///< (stack) No socket there.
    udp_frames,  ///< (stack) The pool is short, and the socket keeps some datagrams already.
    udp_queue_full,  ///< (stack) The socket's queue is at its limit.

    dhcp_short,          ///< Less than the fixed fields and the cookie.
    dhcp_operation,      ///< No BOOTREPLY.
    dhcp_hardware,       ///< Not of Ethernet.
    dhcp_cookie,         ///< Another magic cookie.
    dhcp_option_length,  ///< An option past the end of its field.
    dhcp_option_size,    ///< A known option of a length that it cannot have.
    dhcp_option_value,   ///< A mask with holes, an MTU below 68, a route of over 32 bits or by no host, no such
                         ///< overload.
    dhcp_type,           ///< No type of message, or one that no server sends.
    dhcp_not_ours,       ///< (stack) Another transaction's number, or another host's hardware address.
    dhcp_unexpected,     ///< (stack) Nothing of this kind is waited for.
    dhcp_server,         ///< (stack) It names no server, or another than the one that was asked.
    dhcp_address,        ///< (stack) Another address than the one that was asked for, or none that a host can have.
    dhcp_lease,          ///< (stack) An acknowledgement that does not say for how long.
    dhcp_routes_full,    ///< (stack) More routes than are kept: the rest was left out.
    dhcp_conflict,       ///< (stack) Another station has the address that a server gave us.

    tcp_short,  ///< Less than 20 bytes.
    tcp_header_length,  ///< A data offset less than 5, or past the segment's end.
    tcp_port,  ///< A port 0.
    tcp_checksum,  ///< The checksum does not hold.
    tcp_option_length,  ///< An option of length 0 or 1, or past the header's end.
    tcp_option_size,  ///< A known option of another length than its own.
    tcp_flags,  ///< (stack) Flags that contradict each other.
    tcp_no_port,  ///< (stack) No connection and no listener there.
    tcp_not_unicast,  ///< (stack) To or from a group.
    tcp_sequence,  ///< (stack) Outside the window.
    tcp_ack,  ///< (stack) Acknowledges what was not sent, or what is long gone.
    tcp_timestamp,  ///< (stack) Older than the last one (PAWS), or missing.
    tcp_reset,  ///< (stack) A reset that is not exact.
    tcp_syn_in_window,  ///< (stack) A SYN inside a connection.
    tcp_cookie,  ///< (stack) A SYN cookie that does not hold.
    tcp_half_open_full,  ///< (stack) The listener's limit of half-open connections.
    tcp_accept_full,  ///< (stack) The listener's queue is full.
    tcp_reassembly_full,  ///< (stack) The limit of segments out of order.
    tcp_window_full,  ///< (stack) Data past the window that we gave.
    tcp_closed,  ///< (stack) Data for a side that reads no more.
    tcp_memory,  ///< (stack) No memory for a connection, a handshake or a queue.
    tcp_frames,  ///< (stack) The connections keep as many frames as the pool can spare.
    tcp_time_wait_full,  ///< (stack) The limit of connections in TIME-WAIT: the oldest went.
    tcp_orphans_full,  ///< (stack) The limit of connections that nobody has: one was reset when it was closed.

    steering_full,  ///< (stack) The ring to the core that owns the connection is full.
    steering_rate,  ///< (stack) Over the limit of ICMP errors and IGMP, or of ARP, for other cores in a second.
};

/// How many reasons there are, `none` included.
inline constexpr std::size_t drop_reasons = static_cast<std::size_t>(Drop::steering_rate) + 1;

/// The enumerator's name, "ipv4_checksum"; "unknown" for a number that is no reason.
[[nodiscard]] std::string_view to_string(Drop drop) noexcept;

/// How often each reason was given.
///
/// Threads:  one core's own; plain numbers.
class DropCounters {
public:
    void count(Drop drop) noexcept { ++counts_[static_cast<std::size_t>(drop)]; }
    [[nodiscard]] std::uint64_t operator[](Drop drop) const noexcept { return counts_[static_cast<std::size_t>(drop)]; }

    /// All of them but `none`.
    [[nodiscard]] std::uint64_t total() const noexcept {
        std::uint64_t sum = 0;
        for (std::size_t i = 1; i < counts_.size(); ++i) sum += counts_[i];
        return sum;
    }

private:
    std::array<std::uint64_t, drop_reasons> counts_{};
};

}  // namespace skerry::stack
