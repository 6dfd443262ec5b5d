#pragma once

// Hot path. The way out of a stack: memory for packets, and those that wait for the port to take them.

#include "config.hpp"
#include "drop.hpp"
#include "frame_queue.hpp"
#include "wire/ethernet.hpp"

#include "../backend/frame_cache.hpp"

namespace skerry::stack {

/// Threads: one core.
class Link {
public:
    Link(const StackConfig& config, backend::FrameCache& frames, DropCounters& drops) noexcept
        : mac_(config.mac), backlog_max_(config.backlog_max), frames_(frames), drops_(drops) {}

    [[nodiscard]] const wire::MacAddr& mac() const noexcept { return mac_; }

    /// An empty frame; null, and counted, when there is none.
    [[nodiscard]] Frame* allocate() noexcept {
        Frame* const frame = frames_.allocate();
        if (frame == nullptr) [[unlikely]]
            drops_.count(Drop::no_frame);
        return frame;
    }

    /// Puts a header in front of `packet`, which has the room, and queues it for the port. Takes it over.
    void send(Frame& packet, const wire::MacAddr& destination, std::uint16_t ether_type) noexcept {
        wire::EthernetHeader header;
        header.destination = destination;
        header.source = mac_;
        header.ether_type = ether_type;
        wire::write(header, packet.prepend(wire::ethernet_bytes));
        if (backlog_.size() >= backlog_max_) [[unlikely]]
            return drop(packet, Drop::transmit_full);
        backlog_.push(packet);
    }

    void drop(Frame& packet, Drop why) noexcept {
        drops_.count(why);
        packet.drop();
    }

    /// What the port has still to take.
    [[nodiscard]] FrameQueue& backlog() noexcept { return backlog_; }

private:
    wire::MacAddr mac_;
    std::size_t backlog_max_;
    backend::FrameCache& frames_;
    DropCounters& drops_;
    FrameQueue backlog_;
};

}  // namespace skerry::stack
