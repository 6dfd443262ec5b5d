#pragma once

// What one acknowledgement says to have arrived that was not known of before, by its number or by its blocks: whoever
// judges losses by time is told of each segment, while its descriptor still says when it was sent.

#include "rack.hpp"
#include "send_queue.hpp"

#include "../../time/instant.hpp"

#include <cstdint>

namespace skerry::stack::tcp {

class Delivered {
public:
    /// `echo` is of the acknowledgement's timestamps, which count from `ts_offset`; 0 without. `newest` is the last
    /// number that a time-out may have lost.
    Delivered(Rack* rack, time::Instant now, std::uint32_t echo, std::uint32_t ts_offset, std::uint32_t newest) noexcept
        : rack_(rack), now_(now), echo_(echo), ts_offset_(ts_offset), newest_(newest) {}

    void note(const SendSegment& segment) noexcept;
    void count(std::uint32_t bytes) noexcept { bytes_ += bytes; }

    /// Bytes that arrived, by number or block.
    [[nodiscard]] std::uint32_t bytes() const noexcept { return bytes_; }
    /// Something that was held for lost but sent only once, and not behind `newest`.
    [[nodiscard]] bool has_original() const noexcept { return has_original_; }

private:
    Rack* rack_;  // null: nobody asks
    time::Instant now_;
    std::uint32_t echo_;
    std::uint32_t ts_offset_;
    std::uint32_t newest_;
    std::uint32_t bytes_ = 0;
    bool has_original_ = false;
};

}  // namespace skerry::stack::tcp
