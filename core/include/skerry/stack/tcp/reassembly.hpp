#pragma once

// Segments that came before what they follow: blocks of bytes without a gap, in the order of their numbers, each a list
// of frames. A block is what SACK tells of (RFC 2018), and a segment behind the last one is put there at once, however
// many wait. One that is known already changes nothing, whatever its bytes are; one that covers a block takes its
// place. Bounded by the number of frames (and by the window, in front of it), so that a peer who sends every second
// byte costs 256 insertions into a vector of 256 and no more.

#include "../frame_queue.hpp"
#include "../wire/tcp_options.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace skerry::stack::tcp {

/// Owns the frames in it, each of which begins and ends with its payload.
class Reassembly {
public:
    enum class Outcome : std::uint8_t { kept, known, full };

    Reassembly() noexcept = default;
    ~Reassembly() { clear(); }
    Reassembly(const Reassembly&) = delete;
    Reassembly& operator=(const Reassembly&) = delete;

    [[nodiscard]] bool empty() const noexcept { return store_ == nullptr; }
    /// Frames.
    [[nodiscard]] std::size_t size() const noexcept { return store_ == nullptr ? 0 : store_->frames; }

    /// The number behind the last of it; not of an empty one.
    [[nodiscard]] std::uint32_t end() const noexcept { return store_->blocks.back().end(); }

    /// Takes the frame over when it answers kept; it may have been trimmed to what is new. At the limit the frame that
    /// lies farthest away goes, which may be this one (full). `dropped` counts the others.
    [[nodiscard]] Outcome insert(std::uint32_t seq, Frame& payload, std::size_t limit, std::uint32_t& dropped) noexcept;

    /// What of the numbers from `seq` to `end` is here already: the first of it that is in one piece. Empty, both ends
    /// the same, when nothing is.
    [[nodiscard]] wire::SackBlock known(std::uint32_t seq, std::uint32_t end) const noexcept;

    /// The first frame, if it holds `next`: trimmed to begin there. Null if not.
    [[nodiscard]] Frame* take(std::uint32_t next) noexcept;

    void clear() noexcept;

    /// Writes the blocks that a SACK option is to tell of, the one that came or grew last in front, and returns how
    /// many: as many as there are, and as there is room for.
    ///
    /// Source: RFC 2018 section 4.
    [[nodiscard]] std::size_t tell(std::span<wire::SackBlock> out) const noexcept;

private:
    struct Block {
        std::uint32_t seq = 0;
        std::uint32_t bytes = 0;
        Frame* first = nullptr;
        Frame* last = nullptr;

        [[nodiscard]] std::uint32_t end() const noexcept { return seq + bytes; }
        [[nodiscard]] bool holds(std::uint32_t at) const noexcept { return at - seq < bytes; }
    };
    /// On the heap, because few connections ever have one.
    struct Store {
        std::vector<Block> blocks;
        std::size_t frames = 0;
        std::array<std::uint32_t, wire::sack_blocks_max> latest{};  ///< a number in each block that grew, newest first
        std::size_t latest_count = 0;

        [[nodiscard]] std::size_t first_that_ends_at_or_behind(std::uint32_t seq) const noexcept;
        void drop_covered(std::size_t from, std::uint32_t end) noexcept;
        void drop_farthest() noexcept;
        void join(std::size_t at, std::uint32_t seq, Frame& payload);
        void note(const Block& grown, std::uint32_t seq) noexcept;
        [[nodiscard]] Frame* pop_front() noexcept;
    };

    void free_if_empty() noexcept;

    std::unique_ptr<Store> store_;
};
static_assert(sizeof(Reassembly) == 8);

}  // namespace skerry::stack::tcp
