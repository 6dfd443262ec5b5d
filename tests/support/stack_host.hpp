#pragma once

// One stack on a wire that the test holds: frames in and out as bytes, and time by hand.

#include "support/catch.hpp"

#include <skerry/backend/heap_frames.hpp>
#include <skerry/stack/stack.hpp>
#include <skerry/stack/wire/arp.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>

#include <chrono>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace skerry::tests {

using Bytes = std::vector<std::byte>;

inline constexpr stack::wire::Ipv4Addr host_ip = stack::wire::Ipv4Addr::of(198, 18, 0, 2);
inline constexpr stack::wire::Ipv4Addr peer_ip = stack::wire::Ipv4Addr::of(198, 18, 0, 1);
inline constexpr stack::wire::MacAddr host_mac{{2, 0, 0, 0, 0, 2}};
inline constexpr stack::wire::MacAddr peer_mac{{2, 0, 0, 0, 0, 1}};

inline stack::StackConfig host_config() {
    stack::StackConfig config;
    config.mac = host_mac;
    config.address = host_ip;
    config.gateway = stack::wire::Ipv4Addr::of(198, 18, 0, 254);
    config.seed = 7;
    // The figures of most tests are RFC 5681's and 6675's; those about what else there is ask for it.
    config.tcp.congestion_control = backend::CongestionControl::reno;
    config.tcp.loss_detection = stack::LossDetection::rfc6675;
    config.tcp.tail_probe = false;
    config.tcp.proportional_rate = false;
    config.tcp.undoes_spurious = false;
    config.tcp.forward_after_time_out = false;
    return config;
}

/// An Ethernet frame of the peer's, with `payload`.
inline Bytes ethernet(std::uint16_t ether_type, std::span<const std::byte> payload,
                      const stack::wire::MacAddr& to = host_mac) {
    Bytes frame(stack::wire::ethernet_bytes + payload.size());
    stack::wire::EthernetHeader header;
    header.destination = to;
    header.source = peer_mac;
    header.ether_type = ether_type;
    stack::wire::write(header, frame.data());
    if (!payload.empty()) std::memcpy(frame.data() + stack::wire::ethernet_bytes, payload.data(), payload.size());
    return frame;
}

/// An IPv4 packet of the peer's in such a frame; `change` may spoil the header before its checksum is made.
inline Bytes ipv4(std::uint8_t protocol, std::span<const std::byte> payload, stack::wire::Ipv4Addr to = host_ip,
                  stack::wire::Ipv4Addr from = peer_ip) {
    Bytes packet(stack::wire::ipv4_bytes + payload.size());
    stack::wire::Ipv4Header header;
    header.total_bytes = static_cast<std::uint16_t>(packet.size());
    header.protocol = protocol;
    if (protocol == stack::wire::ip_protocol::igmp) header.ttl = 1;
    header.source = from;
    header.destination = to;
    stack::wire::write(header, packet.data());
    if (!payload.empty()) std::memcpy(packet.data() + stack::wire::ipv4_bytes, payload.data(), payload.size());
    return ethernet(stack::wire::ether_type::ipv4, packet);
}

inline Bytes arp(stack::wire::ArpOperation operation, stack::wire::Ipv4Addr sender = peer_ip,
                 stack::wire::MacAddr sender_mac = peer_mac, stack::wire::Ipv4Addr target = host_ip,
                 stack::wire::MacAddr target_mac = host_mac) {
    stack::wire::ArpPacket packet;
    packet.operation = operation;
    packet.sender_ip = sender;
    packet.sender_mac = sender_mac;
    packet.target_ip = target;
    packet.target_mac = target_mac;
    Bytes bytes(stack::wire::arp_bytes);
    stack::wire::write(packet, bytes.data());
    return ethernet(stack::wire::ether_type::arp, bytes);
}

[[nodiscard]] inline backend::HeapFramesOptions pool_of(std::uint32_t frames) {
    backend::HeapFramesOptions options;
    options.frames = frames;
    return options;
}
/// Frames whose port may still read what it was given.
class TestFrames final : public backend::FrameCache {
public:
    explicit TestFrames(const backend::HeapFramesOptions& options = {}) : heap_(options) {}
    ~TestFrames() { spill_all(); }

    [[nodiscard]] bool is_in_flight(const backend::Frame&) const noexcept override { return are_in_flight; }
    [[nodiscard]] bool is_home_of(const BufferOwner& owner) const noexcept override { return heap_.is_home_of(owner); }
    [[nodiscard]] std::size_t available() noexcept override { return heap_.available() + ready(); }
    [[nodiscard]] std::uint64_t out() const noexcept { return heap_.out() - ready(); }

    bool are_in_flight = false;  ///< all that were sent and are kept

protected:
    std::size_t refill(std::span<backend::Frame*> out) noexcept override {
        std::size_t count = 0;
        while (count < out.size() && (out[count] = heap_.allocate()) != nullptr) ++count;
        return count;
    }
    void spill(std::span<backend::Frame*> frames) noexcept override {
        for (backend::Frame* frame : frames) frame->drop();
    }

private:
    backend::HeapFrames heap_;
};

class StackHost {
public:
    explicit StackHost(const stack::StackConfig& config = host_config(), std::uint32_t pool_frames = 4096)
        : now(time::Instant::from_nanos(1'000'000'000)), frames(pool_of(pool_frames)), stack(config, frames, now) {}

    /// A frame comes.
    void give(std::span<const std::byte> bytes, backend::FrameChecksum checksum = backend::FrameChecksum::unknown) {
        stack::Frame* const frame = frames.allocate();
        REQUIRE(frame != nullptr);
        REQUIRE(bytes.size() <= frame->tailroom());
        if (!bytes.empty()) std::memcpy(frame->data, bytes.data(), bytes.size());
        frame->length = static_cast<std::uint16_t>(bytes.size());
        frame->checksum = checksum;
        frame->rx_time_ns = now.as_nanos();
        stack.input(std::span(&frame, 1), now);
    }

    /// What has left since the last time.
    std::vector<Bytes> taken() {
        std::vector<Bytes> all;
        while (stack::Frame* frame = stack.backlog().pop()) {
            all.emplace_back(frame->bytes().begin(), frame->bytes().end());
            frame->drop();
        }
        return all;
    }

    void pass(std::chrono::nanoseconds time) {
        now = now + time;
        stack.advance(now);
    }

    [[nodiscard]] std::uint64_t dropped(stack::Drop why) const { return stack.drops()[why]; }

    time::Instant now;
    TestFrames frames;
    stack::Stack stack;
};

}  // namespace skerry::tests
