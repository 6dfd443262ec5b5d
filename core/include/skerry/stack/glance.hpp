#pragma once

// Hot path. What is seen of a frame at fixed places before anything in it is judged: enough to find the connection that
// it is for, and to fetch that connection's memory while the frames in front of it are worked on. Who takes it the
// usual way from here verifies its checksums by checksums_hold(). A frame that is not of the usual form is left to the
// parsers.

#include "config.hpp"
#include "frame_queue.hpp"
#include "ip_marks.hpp"
#include "tcp/tuple.hpp"
#include "wire/ethernet.hpp"
#include "wire/ipv4.hpp"

#include <cstdint>
#include <cstring>

namespace skerry::stack {

namespace tcp {
class Endpoint;
struct Tcb;
}  // namespace tcp

struct Glance {
    Frame* frame = nullptr;
    std::uint64_t hash = 0;  ///< of the tuple, when `has_hash`
    tcp::Tcb* connection = nullptr;  ///< probably; for fetching only
    const tcp::Endpoint* endpoint = nullptr;  ///< that will be told; for fetching only
    const backend::ReadRequest* read = nullptr;  ///< that waits in it; for fetching only
    tcp::Tuple tuple;
    std::uint8_t protocol = 0;  ///< TCP, UDP, or 0: the parsers have to look
    bool has_hash = false;

    /// A whole TCP segment or UDP datagram to us, with 20 bytes of IPv4 header and its first 20 or 8 bytes of payload.
    /// Nothing is said of checksums, nor of the source. One that met congestion (ECN) is left to the parsers, too.
    /// `has_more`: of several addresses of ours.
    template <bool has_more = false>
    void look_at(Frame& seen, const StackConfig& config) noexcept {
        constexpr std::uint32_t usual = 0x0800'4500U;  // the type of IPv4, version 4, header of five words
        frame = &seen;
        protocol = 0;
        has_hash = false;
        connection = nullptr;
        if (seen.length < wire::ethernet_bytes + wire::ipv4_bytes + least_bytes || seen.flags != 0 ||
            seen.checksum == backend::FrameChecksum::bad) [[unlikely]]
            return;
        const std::byte* const ethernet = seen.data;
        const std::byte* const ip = ethernet + wire::ethernet_bytes;
        const std::uint32_t bytes = ip_bytes();
        const std::uint8_t number = wire::load_8(ip + 9);
        const bool is_usual = std::memcmp(ethernet, config.mac.octets.data(), wire::mac_bytes) == 0 &&
                              (wire::load_8(ethernet + wire::mac_bytes) & 1U) == 0 &&
                              (wire::load_be32(ethernet + 12) & 0xffff'ff03U) - usual < wire::ecn::experienced &&
                              (wire::load_be16(ip + 6) & 0x3fffU) == 0 &&  // no fragment
                              bytes <= seen.length - wire::ethernet_bytes;
        tuple.local = wire::load_ipv4(ip + 16);
        tuple.remote = wire::load_ipv4(ip + 12);
        tuple.local_port = wire::load_be16(ip + 22);
        tuple.remote_port = wire::load_be16(ip + 20);
        if (!is_usual || !is_to_us<has_more>(config)) [[unlikely]]
            return;
        const std::uint32_t least = number == wire::ip_protocol::tcp   ? wire::ipv4_bytes + 20
                                    : number == wire::ip_protocol::udp ? wire::ipv4_bytes + least_bytes
                                                                       : ~0U;
        if (bytes >= least) protocol = number;
    }

    [[nodiscard]] const std::byte* ip() const noexcept { return frame->data + wire::ethernet_bytes; }
    [[nodiscard]] const std::byte* transport() const noexcept { return ip() + wire::ipv4_bytes; }
    /// Of a segment of TCP, whether something follows its header.
    [[nodiscard]] bool has_payload() const noexcept {
        return ip_bytes() > wire::ipv4_bytes + (wire::load_8(transport() + 12) >> 4U) * 4U;
    }
    [[nodiscard]] std::uint32_t ip_bytes() const noexcept { return wire::load_be16(ip() + 2); }
    /// Whether the checksum of the IPv4 header holds, and that of `bytes` of the transport.
    [[nodiscard]] bool checksums_hold(std::uint32_t bytes, bool has_transport_checksum) const noexcept {
        if (wire::fold(wire::sum_of_20(ip())) != 0) return false;
        return !has_transport_checksum || frame->checksum == backend::FrameChecksum::good ||
               wire::fold(wire::sum({transport(), bytes},
                                    wire::pseudo_header(tuple.remote, tuple.local, protocol, bytes))) == 0;
    }
    /// Leaves the last `payload` bytes of the packet in the frame.
    void trim_to(std::uint32_t payload) const noexcept {
        const std::uint32_t front = static_cast<std::uint32_t>(wire::ethernet_bytes) + ip_bytes() - payload;
        frame->data += front;
        frame->headroom = static_cast<std::uint16_t>(frame->headroom + front);
        frame->length = static_cast<std::uint16_t>(payload);
    }

private:
    // Ours comes from ourselves only, and not this way.
    template <bool has_more>
    [[nodiscard]] bool is_to_us(const StackConfig& config) const noexcept {
        if constexpr (has_more) return config.is_own(tuple.local) && !config.is_own(tuple.remote);
        return tuple.local == config.address && tuple.remote != config.address;
    }

    static constexpr std::size_t least_bytes = 8;
};

}  // namespace skerry::stack
