#pragma once

// Hot path. The way out of a stack: memory for packets, and those that wait for the port to take them.

#include "backlog.hpp"
#include "config.hpp"
#include "drop.hpp"
#include "frame_budget.hpp"
#include "wire/ethernet.hpp"

#include "../backend/frame_cache.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace skerry::stack {

/// Threads: one core.
class Link {
public:
    Link(const StackConfig& config, backend::FrameCache& frames, DropCounters& drops) noexcept
        : mac_(config.mac),
          backlog_max_(config.backlog_max),
          frames_(frames),
          drops_(drops),
          to_send_(config.pool_frames, config.pool_frames / 4),
          to_read_(config.pool_frames, config.pool_frames / 8),
          backlog_(std::max(config.backlog_max, for_others_max)) {}

    /// What other cores want to send waits in their rings when so many packets are in the backlog, and so do their
    /// tasks.
    static constexpr std::size_t for_others_before = 1024;
    /// How many of theirs may come at once.
    static constexpr std::size_t for_others_burst = 32;

    [[nodiscard]] const wire::MacAddr& mac() const noexcept { return mac_; }

    /// An empty frame; null, and counted, when there is none.
    [[nodiscard]] Frame* allocate() noexcept {
        Frame* const frame = frames_.allocate();
        if (frame == nullptr) [[unlikely]]
            drops_.count(Drop::no_frame);
        return frame;
    }

    /// Whether a frame may be taken for data that is kept until the peer has it. A quarter of the pool is left.
    [[nodiscard]] bool may_keep_to_send() noexcept { return to_send_.take(frames_); }
    /// Whether a frame that came may be kept until a program reads it. An eighth of the pool is left.
    [[nodiscard]] bool may_keep_to_read() noexcept { return to_read_.take(frames_); }

    /// Puts a header in front of `packet`, which has the room, and queues it for the port. Takes it over.
    void send(Frame& packet, const wire::MacAddr& destination, std::uint16_t ether_type) noexcept {
        send(packet, image(destination, ether_type));
    }

    /// The same with a header of image().
    void send(Frame& packet, const wire::EthernetImage& image) noexcept {
        std::memcpy(packet.prepend(wire::ethernet_bytes), image.bytes.data(), wire::ethernet_bytes);
        queue(packet);
    }
    /// Whether a packet would be queued, and not dropped.
    [[nodiscard]] bool has_room() noexcept { return backlog_.size() < backlog_max_; }
    /// The same of a packet that has its header.
    void queue(Frame& packet) noexcept {
        if (backlog_.size() >= backlog_max_) [[unlikely]]
            return drop(packet, Drop::transmit_full);
        backlog_.push(packet);
    }
    [[nodiscard]] wire::EthernetImage image(const wire::MacAddr& destination, std::uint16_t ether_type) const noexcept {
        wire::EthernetHeader header;
        header.destination = destination;
        header.source = mac_;
        header.ether_type = ether_type;
        wire::EthernetImage image;
        wire::write(header, image.bytes.data());
        return image;
    }

    /// The frame behind a buffer, where it may leave as it is: it is of the port's memory, nobody else holds or reads
    /// it, and in front of the data is as much room as in a fresh one. Null else.
    [[nodiscard]] Frame* frame_behind(const IoBuf& buffer) const noexcept;
    /// Whether a frame that was sent and kept is still being read.
    [[nodiscard]] bool is_in_flight(const Frame& frame) const noexcept { return frames_.is_in_flight(frame); }

    void drop(Frame& packet, Drop why) noexcept {
        drops_.count(why);
        packet.drop();
    }

    /// What the port has still to take.
    [[nodiscard]] Backlog& backlog() noexcept { return backlog_; }

private:
    static constexpr std::size_t for_others_max = for_others_before + for_others_burst;

    wire::MacAddr mac_;
    std::size_t backlog_max_;
    backend::FrameCache& frames_;
    DropCounters& drops_;
    FrameBudget to_send_;
    FrameBudget to_read_;
    Backlog backlog_;
};

}  // namespace skerry::stack
