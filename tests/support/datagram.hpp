#pragma once

// A datagram as it travels.

#include "support/stack_host.hpp"

#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace skerry::tests {

/// UDP's header and `text`, with a checksum that holds between two addresses of either family.
template <class Address>
Bytes sealed_datagram(std::uint16_t from, std::uint16_t to, std::string_view text, const Address& source,
                      const Address& destination) {
    Bytes bytes(stack::wire::udp_bytes + text.size());
    stack::wire::UdpHeader header;
    header.source_port = from;
    header.destination_port = to;
    header.bytes = static_cast<std::uint16_t>(bytes.size());
    stack::wire::write(header, bytes.data());
    if (!text.empty()) std::memcpy(bytes.data() + stack::wire::udp_bytes, text.data(), text.size());
    stack::wire::seal_udp(bytes,
                          stack::wire::pseudo_header(source, destination, stack::wire::ip_protocol::udp, header.bytes));
    return bytes;
}

}  // namespace skerry::tests
