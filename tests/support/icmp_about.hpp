#pragma once

// ICMP messages about a packet that left.

#include "support/stack_host.hpp"

#include <skerry/stack/wire/icmp.hpp>

#include <cstddef>
#include <span>

namespace skerry::tests {

/// A message of `from` that quotes the beginning of an IPv4 packet in its frame.
inline Bytes icmp_about(const Bytes& frame, stack::wire::IcmpHeader header, stack::wire::Ipv4Addr from = peer_ip) {
    const auto quote = std::span(frame).subspan(stack::wire::ethernet_bytes, stack::wire::ipv4_bytes + 8);
    Bytes message(stack::wire::icmp_bytes);
    stack::wire::write(header, message.data());
    message.insert(message.end(), quote.begin(), quote.end());
    stack::wire::seal_icmp(message);
    return ipv4(stack::wire::ip_protocol::icmp, message, host_ip, from);
}

inline Bytes icmp_about(const Bytes& frame, stack::wire::IcmpType type, std::uint8_t code) {
    stack::wire::IcmpHeader header;
    header.type = type;
    header.code = code;
    return icmp_about(frame, header);
}

}  // namespace skerry::tests
