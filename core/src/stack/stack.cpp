#include <skerry/stack/stack.hpp>

#include <skerry/stack/wire/arp.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>

namespace skerry::stack {

using backend::FrameChecksum;

Stack::Stack(const StackConfig& config, backend::FrameCache& frames, time::Instant start)
    : config_(config),
      timers_(start),
      link_(config_, frames, drops_),
      neighbours_(config_, link_, timers_, drops_),
      reassembly_(config_, timers_, drops_),
      output_(config_, link_, neighbours_),
      icmp_(config_, link_, output_, drops_),
      groups_(config_, link_, output_, timers_),
      udp_(config_, link_, output_, icmp_, groups_, drops_),
      tcp_(config_, link_, output_, timers_, drops_) {}

Stack::~Stack() = default;

void Stack::input(std::span<Frame* const> burst, time::Instant now) noexcept {
    for (Frame* const frame : burst) input_frame(*frame, now);
    // What we sent ourselves; what that makes us send ourselves waits for the next turn, or it could go on for ever.
    for (std::size_t left = output_.looped().size(); left > 0; --left) input_ipv4(*output_.looped().pop(), now);
    udp_.deliver();
    tcp_.deliver();
}

void Stack::input_frame(Frame& frame, time::Instant now) noexcept {
    if (frame.checksum == FrameChecksum::bad) return link_.drop(frame, Drop::ipv4_checksum);
    wire::EthernetHeader header;
    if (const Drop why = wire::parse(frame.bytes(), header); why != Drop::none) return link_.drop(frame, why);
    const bool is_tagged = header.tagged || (frame.flags & backend::frame_flag::has_vlan) != 0;
    if (is_tagged || (header.destination != config_.mac && !header.destination.is_multicast()))
        return link_.drop(frame, Drop::ethernet_not_ours);
    frame.trim_front(header.header_bytes);
    switch (header.ether_type) {
        case wire::ether_type::ipv4: return input_ipv4(frame, now);
        case wire::ether_type::arp: return input_arp(frame, now);
        default: return link_.drop(frame, Drop::ethernet_type);
    }
}

void Stack::input_arp(Frame& frame, time::Instant now) noexcept {
    wire::ArpPacket packet;
    if (const Drop why = wire::parse(frame.bytes(), packet); why != Drop::none) return link_.drop(frame, why);
    neighbours_.input(packet, now);
    frame.drop();
}

bool Stack::is_for_us(wire::Ipv4Addr destination) const noexcept {
    if (destination.is_multicast()) return groups_.has(destination);
    return destination == config_.address || config_.is_broadcast(destination);
}

void Stack::input_ipv4(Frame& frame, time::Instant now) noexcept {
    wire::Ipv4Header header;
    if (const Drop why = wire::parse(frame.bytes(), header, known(frame.checksum)); why != Drop::none)
        return link_.drop(frame, why);
    if (!is_for_us(header.destination)) return link_.drop(frame, Drop::ipv4_not_ours);
    if (config_.is_broadcast(header.source)) return link_.drop(frame, Drop::ipv4_source);
    frame.length = header.total_bytes;  // what follows is the padding of a short Ethernet frame
    frame.trim_front(header.header_bytes);
    Frame* const whole = header.is_fragment() ? reassembly_.add(frame, header, now) : &frame;
    if (whole == nullptr) return;
    Packet packet{*whole, header, now};
    input_transport(packet);
}

void Stack::input_transport(Packet& packet) noexcept {
    switch (packet.ip.protocol) {
        case wire::ip_protocol::udp: return udp_.input(packet);
        case wire::ip_protocol::igmp: return groups_.input(packet);
        case wire::ip_protocol::tcp: return tcp_.input(packet);
        case wire::ip_protocol::icmp:
            if (const auto error = icmp_.input(packet)) input_error(*error);
            return;
        default: icmp_.send_protocol_unreachable(packet); return link_.drop(packet.frame, Drop::ipv4_protocol);
    }
}

void Stack::input_error(const IcmpError& error) noexcept {
    if (error.protocol == wire::ip_protocol::udp)
        udp_.input_error(error);
    else if (error.protocol == wire::ip_protocol::tcp)
        tcp_.input_error(error);
}

}  // namespace skerry::stack
