#pragma once

// How much a recovery may send: as many bytes for each that arrives as the new window is to the old one, so that the
// window comes down within a round trip and acknowledgements never stop; and once less is on its way than the new
// window has, as much as arrives, or a segment more while nothing else is lost.
//
// Source: RFC 6937 section 3, with its two reduction bounds chosen as Linux does and RFC 9937 says: SSRB as long as
//         acknowledgements go forward and nothing more is lost, else CRB.

#include <algorithm>
#include <cstdint>

namespace skerry::stack::tcp {

class ProportionalRate {
public:
    /// A recovery begins with so much in flight.
    void begin(std::uint32_t in_flight) noexcept {
        delivered_ = out_ = 0;
        flight_before_ = std::max(in_flight, 1U);
    }
    void on_sent(std::uint32_t bytes) noexcept { out_ += bytes; }
    /// So much was sent since the beginning.
    void set_sent(std::uint32_t bytes) noexcept { out_ = bytes; }

    /// The congestion window after an acknowledgement that told of `delivered` more bytes, with `pipe` of them on their
    /// way. `goes_well`: it went forward, and told of no loss.
    [[nodiscard]] std::uint32_t window(std::uint32_t delivered, std::uint32_t pipe, std::uint32_t threshold,
                                       std::uint32_t mss, bool goes_well) noexcept {
        delivered_ += delivered;
        std::int64_t room = 0;
        if (pipe > threshold) {
            const std::uint64_t share = (std::uint64_t{delivered_} * threshold + flight_before_ - 1) / flight_before_;
            room = static_cast<std::int64_t>(share) - out_;
        } else {
            room = std::max(std::int64_t{delivered_} - out_, std::int64_t{delivered});
            if (goes_well) room += mss;
            room = std::min(room, std::int64_t{threshold} - pipe);
        }
        // What is lost first goes at once.
        room = std::max(room, out_ == 0 ? std::int64_t{mss} : std::int64_t{0});
        return pipe + static_cast<std::uint32_t>(room);
    }

private:
    std::uint32_t delivered_ = 0;
    std::uint32_t out_ = 0;
    std::uint32_t flight_before_ = 1;
};

}  // namespace skerry::stack::tcp
