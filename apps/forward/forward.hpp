#pragma once

// Hot path. What skerry-forward does with frames, without the program around it.

#include <skerry/base/cache_line.hpp>
#include <skerry/dpdk/native.hpp>
#include <skerry/task/task.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace skerry::forward {

enum class Mode : std::uint8_t {
    macswap,  ///< back out of the port it came from, with source and destination exchanged
    l2fwd,    ///< out of the other port, unchanged
};

/// Frames, of one core or of all.
struct Counts {
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    std::uint64_t dropped = 0;  ///< the port that they should leave by was full
};
struct alignas(cache_line_bytes) CoreCounts : Counts {};

/// Exchanges the addresses of an Ethernet frame; a fragment too short to have both stays as it is.
inline void swap_addresses(const rte_mbuf& frame) noexcept {
    const std::span<std::byte> data = dpdk::bytes(frame);
    if (data.size() < 12) return;
    std::array<std::byte, 6> destination;
    std::memcpy(destination.data(), data.data(), 6);
    std::memcpy(data.data(), data.data() + 6, 6);
    std::memcpy(data.data() + 6, destination.data(), 6);
}

/// Sends what one port receives out of another, or out of the same, until it is aborted or the first one's device is
/// taken away.
///
/// Lifetime: `counts` outlives the task.
/// Cancel:   safe: it holds no frame while it waits.
inline Task<> run(dpdk::Port from, dpdk::Port to, Mode mode, Counts* counts) {
    std::array<rte_mbuf*, dpdk::burst_max> room;
    for (;;) {
        const std::span<rte_mbuf*> frames = std::span(room).first(co_await from.recv_burst(room));
        if (frames.empty()) co_return;
        if (mode == Mode::macswap)
            for (const rte_mbuf* frame : frames) swap_addresses(*frame);
        const std::size_t sent = to.send_burst(frames);
        dpdk::Port::release(frames.subspan(sent));
        counts->received += frames.size();
        counts->sent += sent;
        counts->dropped += frames.size() - sent;
    }
}

}  // namespace skerry::forward
