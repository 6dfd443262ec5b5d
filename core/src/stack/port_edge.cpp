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

}  // namespace

void PortEdge::received(std::span<Frame* const> burst) noexcept {
    if (tap_ == nullptr || burst.empty()) return;
    std::size_t missing = 0;
    for (const Frame* const frame : burst)
        missing += tap_->stage(frame->bytes(), frame->rx_time_ns, trace::pcapng::Direction::in) ? 0 : 1;
    tap_->publish(tap_->staged(), burst.size(), missing);
}

void PortEdge::leaving(std::span<Frame* const> burst, time::Instant now) noexcept {
    SKERRY_ASSERT(burst.size() <= burst_max, "a burst is longer than a driver's");
    if (tap_ == nullptr) return;
    begin_ = tap_->staged();
    for (std::size_t i = 0; i < burst.size(); ++i) {
        (void)tap_->stage(burst[i]->bytes(), now.as_nanos(), trace::pcapng::Direction::out, checksum_of(*burst[i]));
        ends_[i] = tap_->staged();
    }
}

void PortEdge::left(std::size_t sent) noexcept {
    if (tap_ == nullptr) return;
    std::uint64_t end = begin_;
    std::size_t missing = 0;
    for (std::size_t i = 0; i < sent; ++i) {
        missing += ends_[i] == end ? 1 : 0;
        end = ends_[i];
    }
    tap_->publish(end, sent, missing);
}

}  // namespace skerry::stack
