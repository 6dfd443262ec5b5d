#include "engine.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/stack/long_frame.hpp>
#include <skerry/stack/wire/arp.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/ipv6_extensions.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace skerry::pkt {

namespace wire = stack::wire;

namespace {

constexpr wire::MacAddr own_mac{{2, 0, 0, 0, 0, 1}};
constexpr wire::MacAddr peer_mac{{2, 0, 0, 0, 0, 2}};  // of everybody else

stack::StackConfig with_mac(stack::StackConfig config) {
    config.mac = own_mac;
    return config;
}

backend::HeapFramesOptions pool_for(std::uint16_t mtu) {
    backend::HeapFramesOptions options;
    options.payload_bytes = std::max<std::uint32_t>(options.payload_bytes, mtu + 64U);
    return options;
}

wire::MacAddr mac_for(std::span<const std::byte> packet, const stack::StackConfig& config) {
    constexpr std::size_t destination_at = 16;
    if (packet.size() < wire::ipv4_bytes) return own_mac;
    const wire::Ipv4Addr destination = wire::load_ipv4(packet.data() + destination_at);
    if (destination.is_multicast()) return wire::MacAddr::of_group(destination);
    return config.is_broadcast(destination) ? wire::MacAddr::broadcast() : own_mac;
}

wire::MacAddr mac_for_v6(std::span<const std::byte> packet) {
    constexpr std::size_t destination_at = 24;
    if (packet.size() < wire::ipv6_bytes) return own_mac;
    const wire::Ipv6Addr destination = wire::load_ipv6(packet.data() + destination_at);
    return destination.is_multicast() ? wire::MacAddr::of_group(destination) : own_mac;
}

}  // namespace

Engine::Engine(const stack::StackConfig& config, time::Instant start) : now_(start) { rebuild(config); }

void Engine::rebuild(const stack::StackConfig& config) {
    stack_.reset();
    // Made anew only for frames of another size: 9 MB that are touched whole, and a script sets four things or more.
    const backend::HeapFramesOptions pool = pool_for(config.mtu);
    if (frames_ == nullptr || pool.payload_bytes != payload_bytes_)
        frames_ = std::make_unique<backend::HeapFrames>(pool);
    payload_bytes_ = pool.payload_bytes;
    stack_ = std::make_unique<stack::Stack>(with_mac(config), *frames_, now_);
}

// --- what comes

stack::Frame& Engine::frame_of(std::size_t bytes) {
    stack::Frame* frame = frames_->allocate();
    if (frame != nullptr && frame->tailroom() < bytes) {
        frame->drop();
        frame = stack::make_long_frame(bytes);
    }
    SKERRY_ASSERT(frame != nullptr, "the script holds all frames of the machine");
    frame->length = static_cast<std::uint16_t>(bytes);
    frame->checksum = backend::FrameChecksum::unknown;
    frame->flags = 0;
    frame->rx_time_ns = now_.as_nanos();
    return *frame;
}

void Engine::put_in(stack::Frame& frame, const wire::MacAddr& to, std::uint16_t ether_type) {
    wire::EthernetHeader header;
    header.destination = to;
    header.source = peer_mac;
    header.ether_type = ether_type;
    wire::write(header, frame.prepend(wire::ethernet_bytes));
    stack::Frame* const burst = &frame;
    stack_->input(std::span(&burst, 1), now_);
}

void Engine::receive(std::span<const std::byte> packet) {
    SKERRY_ASSERT(packet.size() <= stack::long_frame_bytes_max, "no IP packet is as long");
    stack::Frame& frame = frame_of(packet.size());
    if (!packet.empty()) std::memcpy(frame.data, packet.data(), packet.size());
    const bool is_v6 = !packet.empty() && std::to_integer<unsigned>(packet.front()) >> 4U == 6;
    put_in(frame, is_v6 ? mac_for_v6(packet) : mac_for(packet, config()),
           is_v6 ? wire::ether_type::ipv6 : wire::ether_type::ipv4);
    settle();
}

// --- turns

void Engine::settle() {
    constexpr int turns_max = 10'000;
    for (int turn = 0;; ++turn) {
        SKERRY_ASSERT(turn < turns_max, "the stack does not come to rest at one instant");
        if (stack_->has_looped()) stack_->input({}, now_);
        const bool has_gone_on = waiting_ != nullptr && waiting_();
        stack_->advance(now_);
        if (!collect() && !has_gone_on && !stack_->has_looped()) return;
    }
}

void Engine::move_to(time::Instant to) {
    SKERRY_ASSERT(to >= now_, "time does not go back");
    now_ = to;
    // Timers first, as those who wait may wait for what they do.
    stack_->advance(now_);
    settle();
}

// --- what leaves

bool Engine::collect() {
    bool has_asked = false;
    while (stack::Frame* const frame = stack_->backlog().pop()) {
        if (take(*frame)) has_asked = true;
        frame->drop();
    }
    return has_asked;
}

// Whether the stack asks by it who has an address.
auto Engine::question_in(std::span<const std::byte> packet) -> std::optional<Ndp> {
    Ndp found;
    wire::Ipv6Chain chain;
    if (wire::parse(packet, found.ip) != stack::Drop::none || found.ip.next_header != wire::ip_protocol::icmpv6)
        return {};
    if (wire::parse(packet, chain, found.ip) != stack::Drop::none) return {};
    const stack::Drop why = wire::parse(packet.subspan(wire::ipv6_bytes), found.message, found.ip, chain);
    const bool is_question = why == stack::Drop::none && found.message.type == wire::Icmpv6Type::neighbour_solicitation;
    return is_question ? std::optional(found) : std::nullopt;
}

bool Engine::take(const stack::Frame& frame) {
    wire::EthernetHeader header;
    const stack::Drop why = wire::parse(frame.bytes(), header);
    SKERRY_ASSERT(why == stack::Drop::none, "the stack sent no Ethernet frame");
    const std::span<const std::byte> packet = frame.bytes().subspan(header.header_bytes);
    if (header.ether_type == wire::ether_type::ipv6)
        if (const auto question = question_in(packet)) {
            answer(*question);
            return true;
        }
    if (header.ether_type != wire::ether_type::arp) {
        sent_.push_back({now_, {packet.begin(), packet.end()}});
        return false;
    }
    wire::ArpPacket question;
    const bool is_question =
        wire::parse(packet, question) == stack::Drop::none && question.operation == wire::ArpOperation::request;
    if (is_question) answer(question);
    return is_question;
}

void Engine::answer(const Ndp& question) {
    wire::NdpMessage reply;
    reply.type = wire::Icmpv6Type::neighbour_advertisement;
    reply.target = question.message.target;
    reply.solicited = reply.overrides = reply.has_target_link = true;
    reply.target_link = peer_mac;
    stack::Frame& frame = frame_of(wire::ndp_bytes(reply));
    wire::write(reply, frame.data);
    wire::seal_icmpv6(frame.bytes(), reply.target, question.ip.source);
    wire::Ipv6Header header;
    header.payload_bytes = frame.length;
    header.next_header = wire::ip_protocol::icmpv6;
    header.hop_limit = wire::ndp_hop_limit;
    header.source = reply.target;
    header.destination = question.ip.source;
    wire::write(header, frame.prepend(wire::ipv6_bytes));
    put_in(frame, own_mac, wire::ether_type::ipv6);
}

void Engine::answer(const wire::ArpPacket& question) {
    wire::ArpPacket reply;
    reply.operation = wire::ArpOperation::reply;
    reply.sender_mac = peer_mac;
    reply.sender_ip = question.target_ip;
    reply.target_mac = question.sender_mac;
    reply.target_ip = question.sender_ip;
    stack::Frame& frame = frame_of(wire::arp_bytes);
    wire::write(reply, frame.data);
    put_in(frame, own_mac, wire::ether_type::arp);
}

}  // namespace skerry::pkt
