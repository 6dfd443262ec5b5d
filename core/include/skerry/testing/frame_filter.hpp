#pragma once

// Frames picked by hand: where chance does not hit the one that a test is about.
//
//     sim.set_filter(client, server, testing::drop_nth(3));           // the third frame, whatever it is
//     sim.set_filter(server, client, testing::drop_data_once(4096));  // what carries byte 4096 of a stream, once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace skerry::testing {

/// What becomes of a frame.
enum class Fate : std::uint8_t { pass, drop };

/// Asked of each frame that is sent one way, Ethernet header and all, before the link does anything to it.
using FrameFilter = std::function<Fate(std::span<const std::byte> frame)>;

/// Drops the frame with this number, from 1.
[[nodiscard]] FrameFilter drop_nth(std::uint64_t number);

/// Drops the first frame of which `is_it` says so.
[[nodiscard]] FrameFilter drop_once(std::function<bool(std::span<const std::byte> frame)> is_it);

/// Drops, of each connection that begins from now on, the first TCP segment that carries this byte of its stream,
/// counted from 0. What is sent again passes, and so does a segment behind extension headers of IPv6.
[[nodiscard]] FrameFilter drop_data_once(std::uint32_t stream_byte);

}  // namespace skerry::testing
