#pragma once

// Hot path. What a port of DPDK itself costs: a frame goes there and comes back, with nothing of ours between the
// loops and the port's driver. Each side allocates what it sends and frees what it receives, as a stack must.

#include "common/time_series.hpp"

#include <skerry/dpdk/native.hpp>
#include <skerry/metrics/hdr_histogram.hpp>
#include <skerry/time/instant.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace skerry::bounce {

/// What a frame says behind its Ethernet header.
enum class Kind : std::uint8_t { there = 1, back = 2, stop = 3 };

inline constexpr std::size_t header_bytes = 14;
inline constexpr std::size_t number_offset = header_bytes + 2;
inline constexpr std::size_t bytes_min = 60;
inline constexpr std::size_t bytes_max = 1'514;
inline constexpr std::uint64_t stop_number = 0;

/// The number of a frame of this kind; nothing when it is another's.
inline std::optional<std::uint64_t> number_of(const rte_mbuf& frame, Kind kind) noexcept {
    const auto data = dpdk::bytes(frame);
    if (data.size() < bytes_min || data[12] != std::byte{0x88} || data[13] != std::byte{0xb5}) return std::nullopt;
    if (data[header_bytes] != static_cast<std::byte>(kind)) return std::nullopt;
    std::uint64_t number = 0;
    std::memcpy(&number, &data[number_offset], sizeof number);
    return number;
}

/// Sends one frame now; false when there is no buffer or no room.
inline bool send(dpdk::Port port, Kind kind, std::uint64_t number, std::size_t bytes) noexcept {
    rte_mbuf* frame = port.allocate();
    if (frame == nullptr) return false;
    char* const data = rte_pktmbuf_append(frame, static_cast<std::uint16_t>(bytes));
    std::memset(data, 0, bytes);
    data[0] = data[6] = 2;
    data[12] = static_cast<char>(0x88);  // IEEE 802: for local experiments
    data[13] = static_cast<char>(0xb5);
    data[header_bytes] = static_cast<char>(kind);
    std::memcpy(data + number_offset, &number, sizeof number);
    if (rte_eth_tx_burst(port.port_id(), port.queue_id(), &frame, 1) == 1) return true;
    rte_pktmbuf_free(frame);
    return false;
}

/// Sends back what comes until a frame says stop, or `stopped` does; returns how many.
template <class Stopped>
std::uint64_t send_back(dpdk::Port port, Stopped stopped) noexcept {
    std::array<rte_mbuf*, dpdk::burst_max> frames;
    std::uint64_t count = 0;
    while (!stopped()) {
        const auto got = rte_eth_rx_burst(port.port_id(), port.queue_id(), frames.data(), frames.size());
        bool is_over = false;
        for (rte_mbuf* frame : std::span(frames).first(got)) {
            if (const auto number = number_of(*frame, Kind::there))
                count += send(port, Kind::back, *number, frame->data_len) ? 1 : 0;
            is_over |= number_of(*frame, Kind::stop).has_value();
            rte_pktmbuf_free(frame);
        }
        if (!is_over) continue;
        (void)send(port, Kind::back, stop_number, bytes_min);
        return count;
    }
    return count;
}

/// Whether the answer to `number` comes before `until`.
inline bool wait_for(dpdk::Port port, std::uint64_t number, time::Instant until) noexcept {
    std::array<rte_mbuf*, dpdk::burst_max> frames;
    for (std::uint32_t looks = 1;; ++looks) {
        const auto got = rte_eth_rx_burst(port.port_id(), port.queue_id(), frames.data(), frames.size());
        bool has_come = false;
        for (rte_mbuf* frame : std::span(frames).first(got)) {
            has_come |= number_of(*frame, Kind::back) == number;
            rte_pktmbuf_free(frame);
        }
        if (has_come) return true;
        if (looks % 65'536 == 0 && time::Instant::now() > until) return false;
    }
}

/// Drops what has come. net_memif has room for answers only once its client has looked for some.
inline void look(dpdk::Port port) noexcept {
    std::array<rte_mbuf*, dpdk::burst_max> frames;
    const auto got = rte_eth_rx_burst(port.port_id(), port.queue_id(), frames.data(), frames.size());
    dpdk::Port::release(std::span(frames).first(got));
}

/// Round trips one after the other: `warm_up` uncounted, then `measured`. Those that were lost are missing. `series`
/// gets all of them, when there is one. Ends early when `stopped` says so.
template <class Stopped>
metrics::HdrHistogram measure(dpdk::Port port, std::size_t bytes, std::chrono::nanoseconds warm_up,
                              std::chrono::nanoseconds measured, apps::TimeSeries* series, Stopped stopped) {
    metrics::HdrHistogram times;
    look(port);
    const time::Instant begin = time::Instant::now() + warm_up;
    const time::Instant end = begin + measured;
    time::Instant sent = time::Instant::now();
    for (std::uint64_t number = 1; sent < end && !stopped(); ++number) {
        const bool came = send(port, Kind::there, number, bytes) && wait_for(port, number, end);
        const time::Instant now = time::Instant::now();
        const auto took = static_cast<std::uint64_t>((now - sent).count());
        if (came && sent >= begin) times.record(took);
        if (came && series != nullptr) series->record(now, took);
        sent = now;
    }
    // Answered, so that neither side is looking into the rings when the other takes them away.
    if (send(port, Kind::stop, stop_number, bytes_min))
        (void)wait_for(port, stop_number, time::Instant::now() + std::chrono::seconds{1});
    return times;
}

/// What went round, while it was counted.
struct Circulated {
    std::uint64_t frames = 0;  ///< came back
    std::uint64_t lost = 0;    ///< could not be sent on
    std::chrono::nanoseconds took{0};
};

/// Sends `frames` frames and then whatever comes back, unchanged, so that the other side, which returns them, is the
/// slower of the two: `warm_up` uncounted, then `measured`.
inline Circulated circulate(dpdk::Port port, std::size_t bytes, std::size_t frames, std::chrono::nanoseconds warm_up,
                            std::chrono::nanoseconds measured) noexcept {
    std::array<rte_mbuf*, dpdk::burst_max> burst;
    look(port);
    for (std::size_t i = 0; i < frames; ++i) (void)send(port, Kind::there, i, bytes);
    Circulated counted;
    time::Instant begin = time::Instant::now() + warm_up;
    const time::Instant end = begin + measured;
    bool counts = false;
    for (time::Instant now = time::Instant::now(); now < end; now = time::Instant::now()) {
        if (!counts && now >= begin) {
            counts = true;
            counted = {};
            begin = now;
        }
        for (int looks = 0; looks < 256; ++looks) {
            const auto got = rte_eth_rx_burst(port.port_id(), port.queue_id(), burst.data(), burst.size());
            const auto sent = rte_eth_tx_burst(port.port_id(), port.queue_id(), burst.data(), got);
            dpdk::Port::release(std::span(burst).first(got).subspan(sent));
            counted.frames += got;
            counted.lost += got - sent;
        }
    }
    counted.took = time::Instant::now() - begin;
    return counted;
}

}  // namespace skerry::bounce
