#pragma once

// A segment of TCP where it lies in an Ethernet frame, whichever IP carries it.

#include <skerry/stack/wire/addresses.hpp>
#include <skerry/stack/wire/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::testing {

struct TcpFrame {
    /// False: there is none to be read; what is no TCP, is a fragment, or has extension headers of IPv6.
    [[nodiscard]] bool read(std::span<const std::byte> frame) noexcept;

    [[nodiscard]] bool is_ipv6() const noexcept { return !source.is_v4_mapped(); }
    /// The sum that TCP's begins with, of a segment of so many bytes.
    [[nodiscard]] std::uint64_t pseudo_header(std::uint32_t segment_bytes) const noexcept;

    stack::wire::Ipv6Addr source;  ///< of IPv4 as IPv4-mapped, which does not travel by itself
    stack::wire::Ipv6Addr destination;
    stack::wire::TcpHeader tcp;
    std::size_t ip_at = 0;  ///< where in the frame the IP header begins
    std::size_t tcp_at = 0;
    std::span<const std::byte> headers;  ///< all of them
    std::span<const std::byte> payload;
};

}  // namespace skerry::testing
