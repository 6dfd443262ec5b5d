#include <skerry/stack/port_edge.hpp>

#include <skerry/base/assert.hpp>
#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>

#include <cstring>

namespace skerry::stack {

namespace {

using trace::Amended;

/// The checksum that the port will finish, as the wire will have it.
Amended checksum_of(const Frame& frame) noexcept {
    if ((frame.flags & backend::frame_flag::sum_missing) == 0) return {};
    constexpr std::size_t tcp_field = 16;
    constexpr std::size_t udp_field = 6;
    const std::byte* const ip = frame.data + wire::ethernet_bytes;
    const bool is_v6 = wire::load_8(ip) >> 4U == 6;
    const bool is_tcp = wire::load_8(ip + (is_v6 ? wire::ipv6_next_header_at : 9U)) == wire::ip_protocol::tcp;
    const std::size_t transport = wire::ethernet_bytes + (is_v6 ? wire::ipv6_bytes : wire::ipv4_bytes);
    std::uint16_t sum = wire::fold(wire::sum(frame.bytes().subspan(transport)));
    if (!is_tcp && sum == 0) sum = 0xffff;
    Amended amended;
    amended.at = static_cast<std::uint32_t>(transport + (is_tcp ? tcp_field : udp_field));
    std::memcpy(amended.bytes.data(), &sum, sizeof sum);
    return amended;
}

// The tag stands between the addresses and the type.
constexpr std::size_t tag_at = 2 * wire::mac_bytes;

/// Leaves an untagged frame of one that is in our VLAN; of another, why it is not.
Drop take_off_tag(Frame& frame, std::uint16_t vlan) noexcept {
    wire::EthernetHeader header;
    if (const Drop why = wire::parse(frame.bytes(), header); why != Drop::none) return why;
    if ((frame.flags & backend::frame_flag::has_vlan) != 0) {  // the port has taken it off
        if (header.tagged) return Drop::ethernet_double_tag;
        frame.flags &= static_cast<std::uint8_t>(~backend::frame_flag::has_vlan);
        return (frame.vlan & wire::vid_mask) == vlan ? Drop::none : Drop::ethernet_vlan;
    }
    if (header.vid != vlan) return Drop::ethernet_vlan;  // without a tag it is 0
    std::memmove(frame.data + wire::vlan_tag_bytes, frame.data, tag_at);
    frame.trim_front(wire::vlan_tag_bytes);
    return Drop::none;
}

void put_on_tag(Frame& frame, std::uint16_t vlan) noexcept {
    std::byte* const at = frame.prepend(wire::vlan_tag_bytes);
    std::memmove(at, at + wire::vlan_tag_bytes, tag_at);
    wire::store_be16(at + tag_at, wire::ether_type::vlan);
    wire::store_be16(at + tag_at + 2, vlan);
}

/// As if it had not been put on.
void take_back_tag(Frame& frame) noexcept {
    std::memmove(frame.data + wire::vlan_tag_bytes, frame.data, tag_at);
    frame.trim_front(wire::vlan_tag_bytes);
}

}  // namespace

std::size_t PortEdge::received(std::span<Frame*> burst, Link& link) noexcept {
    if (tap_ != nullptr && !burst.empty()) record_received(burst);
    return vlan_ == 0 ? burst.size() : take_off_tags(burst, link);
}

std::size_t PortEdge::take_off_tags(std::span<Frame*> burst, Link& link) const noexcept {
    std::size_t count = 0;
    for (Frame* const frame : burst)
        if (const Drop why = take_off_tag(*frame, vlan_); why == Drop::none)
            burst[count++] = frame;
        else
            link.drop(*frame, why);
    return count;
}

void PortEdge::leaving(std::span<Frame* const> burst, time::Instant now) noexcept {
    SKERRY_ASSERT(burst.size() <= burst_max, "a burst is longer than a driver's");
    if (vlan_ != 0)
        for (Frame* const frame : burst) put_on_tag(*frame, vlan_);
    if (tap_ != nullptr) record_leaving(burst, now);
}

void PortEdge::left(std::span<Frame* const> burst, std::size_t sent) noexcept {
    if (vlan_ != 0)
        for (Frame* const frame : burst.subspan(sent)) take_back_tag(*frame);
    if (tap_ != nullptr) record_left(sent);
}

// --- a capture

void PortEdge::record_received(std::span<Frame* const> burst) noexcept {
    std::size_t missing = 0;
    for (const Frame* const frame : burst)
        missing += tap_->stage(frame->bytes(), frame->rx_time_ns, trace::pcapng::Direction::in) ? 0 : 1;
    tap_->publish(tap_->staged(), burst.size(), missing);
}

void PortEdge::record_leaving(std::span<Frame* const> burst, time::Instant now) noexcept {
    begin_ = tap_->staged();
    for (std::size_t i = 0; i < burst.size(); ++i) {
        (void)tap_->stage(burst[i]->bytes(), now.as_nanos(), trace::pcapng::Direction::out, checksum_of(*burst[i]));
        ends_[i] = tap_->staged();
    }
}

void PortEdge::record_left(std::size_t sent) noexcept {
    std::uint64_t end = begin_;
    std::size_t missing = 0;
    for (std::size_t i = 0; i < sent; ++i) {
        missing += ends_[i] == end ? 1 : 0;
        end = ends_[i];
    }
    tap_->publish(end, sent, missing);
}

}  // namespace skerry::stack
