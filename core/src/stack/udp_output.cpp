// Datagrams that leave. Hot path.
//
// A datagram is copied into a frame, or leaves in the frame in which a program gives it away. The program has no handle
// on that any more, so the headers may be written in front of the data, and the port gives it back to the pool like
// every other: who sends often finds it there again. Copied all the same is what is cut into pieces, because each needs
// headers of its own.

#include "wire/sum_blocks.hpp"

#include <skerry/base/compiler.hpp>
#include <skerry/stack/long_frame.hpp>
#include <skerry/stack/udp.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <cerrno>
#include <cstring>

namespace skerry::stack {

using wire::Ipv4Addr;

Frame* Udp::longer_than(Frame& frame, std::size_t bytes) noexcept {
    frame.drop();
    Frame* const longer = make_long_frame(bytes);
    if (longer == nullptr) drops_.count(Drop::no_frame);
    return longer;
}

// A program's buffer as a fresh frame, whose payload is there; null when it cannot be one.
Frame* Udp::take_over(IoBuf& data) noexcept {
    Frame* const frame = link_.frame_behind(data);
    if (frame == nullptr) return nullptr;
    frame->data = frame->memory() + data.headroom();
    frame->headroom = static_cast<std::uint16_t>(data.headroom());
    frame->length = 0;
    frame->next = nullptr;
    frame->checksum = backend::FrameChecksum::unknown;
    frame->flags = 0;
    ++frame->handles;
    data.reset();
    ++buffers_given_;
    return frame;
}

// Puts the payload into a fresh frame, whose window stays, unless it is there, and the header in front of it. They are
// summed on the way.
template <bool is_there>
SKERRY_ALWAYS_INLINE void Udp::fill(Frame& frame, const UdpEndpoint& from, std::uint16_t port,
                                    std::span<const std::byte> payload, std::uint64_t pseudo, bool is_whole) noexcept {
    const bool has_checksum = !config_.checksums_sent || !is_whole;  // no port finishes that of pieces
    std::uint64_t all = pseudo;
    if constexpr (is_there) {
        if (has_checksum) all = wire::sum(payload, pseudo);
    } else if (has_checksum) {
        all = wire::copy_and_sum_inlined(frame.data, payload, pseudo);
    } else if (!payload.empty()) {
        std::memcpy(frame.data, payload.data(), payload.size());
    }
    wire::UdpHeader header;
    header.source_port = from.port;
    header.destination_port = port;
    header.bytes = static_cast<std::uint16_t>(payload.size() + wire::udp_bytes);
    std::byte* const at = frame.data - wire::udp_bytes;
    all += wire::write(header, at);
    if (has_checksum) {
        wire::store_checksum(at + 6, wire::udp_checksum(all));
    } else {
        wire::store_unfinished(at + 6, pseudo);
        frame.flags |= backend::frame_flag::sum_missing;
    }
}

Ipv4Addr Udp::source_of_several(const UdpEndpoint& from, Ipv4Addr to) const noexcept {
    if (config_.is_own(from.marks.source)) return from.marks.source;
    return config_.is_own(from.local) ? from.local : output_.source_for(to);
}

Result<> Udp::send(const UdpEndpoint& from, Ipv4Addr to, std::uint16_t port, std::span<const std::byte> payload,
                   time::Instant now) noexcept {
    const auto bytes = static_cast<std::uint32_t>(payload.size() + wire::udp_bytes);
    if (!is_ready(from, to, now) || !output_.fits(bytes) || from.is_marked) [[unlikely]]
        return send_otherwise(from, to, port, payload, nullptr, now);
    Frame* const frame = allocate(payload.size());
    if (frame == nullptr) [[unlikely]]
        return Errc::no_buffers;
    fill<false>(*frame, from, port, payload, output_.way().pseudo_header(wire::ip_protocol::udp, bytes), true);
    output_.send_ready(*frame, wire::ip_protocol::udp, wire::udp_bytes, bytes);
    return {};
}

Result<> Udp::send_buf(const UdpEndpoint& from, Ipv4Addr to, std::uint16_t port, IoBuf& data,
                       time::Instant now) noexcept {
    const std::span<const std::byte> payload = data.bytes();
    const auto bytes = static_cast<std::uint32_t>(payload.size() + wire::udp_bytes);
    if (!is_ready(from, to, now) || !output_.fits(bytes) || from.is_marked) [[unlikely]]
        return send_otherwise(from, to, port, payload, &data, now);
    Frame* const frame = take_over(data);
    if (frame == nullptr) return send(from, to, port, payload, now);
    fill<true>(*frame, from, port, payload, output_.way().pseudo_header(wire::ip_protocol::udp, bytes), true);
    output_.send_ready(*frame, wire::ip_protocol::udp, wire::udp_bytes, bytes);
    return {};
}

Result<> Udp::send_otherwise(const UdpEndpoint& from, Ipv4Addr to, std::uint16_t port,
                             std::span<const std::byte> payload, IoBuf* data, time::Instant now) noexcept {
    if (from.is_lost) return Errc::address_not_available;
    if (!from.may_broadcast && config_.is_broadcast(to)) return Errc::permission_denied;
    const auto bytes = static_cast<std::uint32_t>(payload.size() + wire::udp_bytes);
    if (const Drop why = output_.check(to, 0); why != Drop::none) {
        drops_.count(why);
        return Error::from_os(ENETUNREACH);
    }
    if (bytes > IpOutput::longest_in_pieces(to)) {
        drops_.count(is_host_number(to) ? Drop::ipv6_too_big : Drop::ipv4_too_big);
        return Errc::message_too_long;
    }
    const bool is_whole = output_.check(to, bytes) == Drop::none;
    Frame* frame = data != nullptr && is_whole ? take_over(*data) : nullptr;
    const bool is_there = frame != nullptr;
    if (!is_there) frame = allocate(payload.size());
    if (frame == nullptr) return Errc::no_buffers;
    const Ipv4Addr source = source_of(from, to);
    const std::uint64_t pseudo = output_.pseudo_header(source, to, wire::ip_protocol::udp, bytes);
    if (is_there)
        fill<true>(*frame, from, port, payload, pseudo, true);
    else
        fill<false>(*frame, from, port, payload, pseudo, is_whole);
    frame->length = static_cast<std::uint16_t>(payload.size());
    (void)frame->prepend(wire::udp_bytes);
    const bool is_to_group = output_.hosts().is_multicast(to);
    const IpMarks marks{is_to_group ? from.marks.multicast_ttl : from.marks.ttl, from.marks.traffic_class};
    if (is_to_group && from.multicast_loop) loop_to_members(*frame, source, to, marks);
    if (marks.ttl == 0)
        frame->drop();
    else if (!is_whole)
        output_.send_in_pieces(*frame, source, to, wire::ip_protocol::udp, marks, now);
    else if (from.is_marked || is_host_number(to))
        output_.send_marked(*frame, source, to, wire::ip_protocol::udp, marks, now);
    else
        output_.send(*frame, source, to, wire::ip_protocol::udp, now);
    return {};
}

void Udp::loop_to_members(const Frame& datagram, Ipv4Addr source, Ipv4Addr group, IpMarks marks) noexcept {
    const bool are_here =
        groups_.has(group) || (config_.steering != nullptr && config_.steering->others_in_group(group) != 0);
    if (!are_here) return;
    if (Frame* const ours = copy(datagram); ours != nullptr)
        output_.loop(*ours, source, group, wire::ip_protocol::udp, marks);
}

}  // namespace skerry::stack
