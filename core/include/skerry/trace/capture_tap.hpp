#pragma once

// Where one core leaves copies of the frames that pass its port: a ring in memory with the blocks of a pcapng file,
// from which a thread of trace::Capture writes them out. Nothing here waits, allocates or calls the kernel: what finds
// no room is counted and not recorded.
//
// Frames are staged first and published when they have passed, because a port may leave some of what it is given.

#include "pcapng.hpp"

#include "../base/cache_line.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace skerry::trace {

/// Two bytes of a frame that are recorded otherwise than they are: a checksum that the port will finish.
struct Amended {
    std::uint32_t at = 0;  ///< 0: none
    std::array<std::byte, 2> bytes{};
};

class CaptureTap {
public:
    using Direction = pcapng::Direction;

    /// `number` is its interface's. `ring_bytes` is a power of two. Times are counted from `epoch_ns`.
    CaptureTap(std::uint32_t number, std::string name, std::size_t ring_bytes, std::uint32_t snap_bytes,
               std::int64_t epoch_ns);

    // The core's:

    /// Copies a frame into the ring. False: there is no room, or nothing more is recorded.
    [[nodiscard]] bool stage(std::span<const std::byte> frame, std::int64_t at_ns, Direction direction,
                             const Amended& amended = {}) noexcept;
    /// Behind what was staged last.
    [[nodiscard]] std::uint64_t staged() const noexcept { return staged_; }
    /// What was staged before `end` has passed, and is `passed` frames with those that are `missing`; what was staged
    /// behind it has not.
    void publish(std::uint64_t end, std::uint64_t passed, std::uint64_t missing) noexcept;

    // The writer's:

    [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] std::uint64_t passed() const noexcept { return passed_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t missing() const noexcept { return missing_.load(std::memory_order_relaxed); }
    /// From here on nothing is staged.
    void stop() noexcept { is_stopped_.store(true, std::memory_order_relaxed); }

    /// What waits to be written: from `begin` on, before `end`.
    struct Pending {
        std::uint64_t begin;
        std::uint64_t end;
    };
    [[nodiscard]] Pending pending() const noexcept;
    /// How long the block is that begins at `at`.
    [[nodiscard]] std::uint32_t block_bytes(std::uint64_t at) const noexcept;
    /// The end of the blocks that lie whole within the first `bytes_max` bytes of `what`.
    [[nodiscard]] std::uint64_t whole_blocks(const Pending& what, std::uint64_t bytes_max) const noexcept;
    /// The bytes of `what`, which may go round the ring's end.
    [[nodiscard]] std::array<std::span<const std::byte>, 2> bytes(const Pending& what) const noexcept;
    /// The room before `end` may be used again.
    void consume(std::uint64_t end) noexcept;

private:
    void put(std::uint64_t at, const void* from, std::size_t count) noexcept;

    std::uint32_t number_;
    std::uint32_t snap_bytes_;
    std::int64_t epoch_ns_;
    std::string name_;
    std::vector<std::byte> ring_;
    std::atomic<bool> is_stopped_{false};

    // The core writes these. `published_` is released when the blocks before it are whole, for pending().
    alignas(no_sharing_bytes) std::uint64_t staged_ = 0;
    std::uint64_t consumed_seen_ = 0;
    std::atomic<std::uint64_t> published_{0};
    std::atomic<std::uint64_t> passed_{0};
    std::atomic<std::uint64_t> missing_{0};
    // And the writer this, released when it has read the blocks before it, for stage().
    alignas(no_sharing_bytes) std::atomic<std::uint64_t> consumed_{0};
};

}  // namespace skerry::trace
