#include <skerry/stack/drop.hpp>

namespace skerry::stack {

std::string_view to_string(Drop drop) noexcept {
    switch (drop) {
        case Drop::none: return "none";
        case Drop::no_frame: return "no_frame";
        case Drop::transmit_full: return "transmit_full";
        case Drop::frame_pieces: return "frame_pieces";
        case Drop::port_checksum: return "port_checksum";
        case Drop::ethernet_short: return "ethernet_short";
        case Drop::ethernet_length: return "ethernet_length";
        case Drop::ethernet_double_tag: return "ethernet_double_tag";
        case Drop::ethernet_vid: return "ethernet_vid";
        case Drop::ethernet_source: return "ethernet_source";
        case Drop::ethernet_type: return "ethernet_type";
        case Drop::ethernet_not_ours: return "ethernet_not_ours";
        case Drop::arp_short: return "arp_short";
        case Drop::arp_bad: return "arp_bad";
        case Drop::arp_operation: return "arp_operation";
        case Drop::arp_sender_mac: return "arp_sender_mac";
        case Drop::arp_sender_ip: return "arp_sender_ip";
        case Drop::arp_unsolicited: return "arp_unsolicited";
        case Drop::arp_conflict: return "arp_conflict";
        case Drop::neighbour_queue_full: return "neighbour_queue_full";
        case Drop::neighbour_unreachable: return "neighbour_unreachable";
        case Drop::neighbour_table_full: return "neighbour_table_full";
        case Drop::ipv4_short: return "ipv4_short";
        case Drop::ipv4_version: return "ipv4_version";
        case Drop::ipv4_header_length: return "ipv4_header_length";
        case Drop::ipv4_total_length: return "ipv4_total_length";
        case Drop::ipv4_checksum: return "ipv4_checksum";
        case Drop::ipv4_options: return "ipv4_options";
        case Drop::ipv4_source_route: return "ipv4_source_route";
        case Drop::ipv4_source: return "ipv4_source";
        case Drop::ipv4_fragment_length: return "ipv4_fragment_length";
        case Drop::ipv4_fragment_end: return "ipv4_fragment_end";
        case Drop::ipv4_not_ours: return "ipv4_not_ours";
        case Drop::ipv4_ttl: return "ipv4_ttl";
        case Drop::ipv4_protocol: return "ipv4_protocol";
        case Drop::ipv4_no_route: return "ipv4_no_route";
        case Drop::ipv4_too_big: return "ipv4_too_big";
        case Drop::ipv4_fragment_tiny: return "ipv4_fragment_tiny";
        case Drop::ipv4_fragment_copy: return "ipv4_fragment_copy";
        case Drop::ipv4_fragment_overlap: return "ipv4_fragment_overlap";
        case Drop::ipv4_reassembly_full: return "ipv4_reassembly_full";
        case Drop::ipv4_reassembly_timeout: return "ipv4_reassembly_timeout";
        case Drop::ipv6_short: return "ipv6_short";
        case Drop::ipv6_version: return "ipv6_version";
        case Drop::ipv6_payload_length: return "ipv6_payload_length";
        case Drop::ipv6_source: return "ipv6_source";
        case Drop::ipv6_destination: return "ipv6_destination";
        case Drop::icmp_short: return "icmp_short";
        case Drop::icmp_checksum: return "icmp_checksum";
        case Drop::icmp_type: return "icmp_type";
        case Drop::icmp_code: return "icmp_code";
        case Drop::icmp_quote_short: return "icmp_quote_short";
        case Drop::icmp_quote: return "icmp_quote";
        case Drop::icmp_not_answered: return "icmp_not_answered";
        case Drop::icmp_rate: return "icmp_rate";
        case Drop::icmp_stale: return "icmp_stale";
        case Drop::igmp_short: return "igmp_short";
        case Drop::igmp_length: return "igmp_length";
        case Drop::igmp_checksum: return "igmp_checksum";
        case Drop::igmp_type: return "igmp_type";
        case Drop::igmp_group: return "igmp_group";
        case Drop::igmp_not_member: return "igmp_not_member";
        case Drop::udp_short: return "udp_short";
        case Drop::udp_length: return "udp_length";
        case Drop::udp_port: return "udp_port";
        case Drop::udp_checksum: return "udp_checksum";
        case Drop::udp_no_port: return "udp_no_port";
        case Drop::udp_frames: return "udp_frames";
        case Drop::udp_queue_full: return "udp_queue_full";
        case Drop::tcp_short: return "tcp_short";
        case Drop::tcp_header_length: return "tcp_header_length";
        case Drop::tcp_port: return "tcp_port";
        case Drop::tcp_checksum: return "tcp_checksum";
        case Drop::tcp_option_length: return "tcp_option_length";
        case Drop::tcp_option_size: return "tcp_option_size";
        case Drop::tcp_flags: return "tcp_flags";
        case Drop::tcp_no_port: return "tcp_no_port";
        case Drop::tcp_not_unicast: return "tcp_not_unicast";
        case Drop::tcp_sequence: return "tcp_sequence";
        case Drop::tcp_ack: return "tcp_ack";
        case Drop::tcp_timestamp: return "tcp_timestamp";
        case Drop::tcp_reset: return "tcp_reset";
        case Drop::tcp_syn_in_window: return "tcp_syn_in_window";
        case Drop::tcp_cookie: return "tcp_cookie";
        case Drop::tcp_half_open_full: return "tcp_half_open_full";
        case Drop::tcp_accept_full: return "tcp_accept_full";
        case Drop::tcp_reassembly_full: return "tcp_reassembly_full";
        case Drop::tcp_window_full: return "tcp_window_full";
        case Drop::tcp_closed: return "tcp_closed";
        case Drop::tcp_memory: return "tcp_memory";
        case Drop::tcp_frames: return "tcp_frames";
        case Drop::tcp_time_wait_full: return "tcp_time_wait_full";
        case Drop::steering_full: return "steering_full";
        case Drop::steering_rate: return "steering_rate";
    }
    return "unknown";
}

}  // namespace skerry::stack
