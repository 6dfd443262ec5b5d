#include "engine.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/stack/long_frame.hpp>
#include <skerry/stack/wire/arp.hpp>
#include <skerry/stack/wire/ethernet.hpp>

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

wire::MacAddr mac_for(wire::Ipv4Addr destination, const stack::StackConfig& config) {
    if (destination.is_multicast()) return wire::MacAddr::of_group(destination);
    return config.is_broadcast(destination) ? wire::MacAddr::broadcast() : own_mac;
}

}  // namespace

Engine::Engine(const stack::StackConfig& config, time::Instant start) : now_(start) { rebuild(config); }

void Engine::rebuild(const stack::StackConfig& config) {
    stack_.reset();
    frames_ = std::make_unique<backend::HeapFrames>(pool_for(config.mtu));
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
    constexpr std::size_t destination_at = 16;
    const bool has_destination = packet.size() >= wire::ipv4_bytes;
    const auto destination = has_destination ? wire::load_ipv4(packet.data() + destination_at) : wire::Ipv4Addr{};
    put_in(frame, mac_for(destination, config()), wire::ether_type::ipv4);
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

bool Engine::take(const stack::Frame& frame) {
    wire::EthernetHeader header;
    const stack::Drop why = wire::parse(frame.bytes(), header);
    SKERRY_ASSERT(why == stack::Drop::none, "the stack sent no Ethernet frame");
    const std::span<const std::byte> packet = frame.bytes().subspan(header.header_bytes);
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
