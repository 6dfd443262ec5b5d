#pragma once

// Hot path. The buffers that the kernel receives into, for all sockets of one core: which one a message takes is
// decided when it comes, so an idle connection holds none.
//
// Each slot has a buffer of the core's pool. What came goes on in that buffer, without a copy where the program takes
// buffers, and the slot gets another one. The kernel takes the slots in turn, so that every buffer that it has is used
// before one is used again, and they are large: no more are given to it than come in one turn, so that these stay in
// the caches. How many that are is found out: twice as many when they did not suffice, half as many when not half of
// them were used, or not quite: slots are filled some at a time, when a quarter is missing. Of what comes in bulk, tens
// of KiB a buffer, two fill a cache, and one socket's next message can wait for the turn after: there they suffice as
// long as no other waits.

#include "ring.hpp"

#include <skerry/base/buffer_pool.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/base/io_buf.hpp>
#include <skerry/base/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace skerry::kernel_io::uring {

class ReceiveBuffers {
public:
    static constexpr std::uint16_t group = 0;
    static constexpr unsigned slots = 256;
    static constexpr std::uint32_t payload_bytes = 64 * 1024;

    /// So much has a buffer beyond payload_bytes: in front of the largest datagram the kernel writes who sent it, and
    /// what else its socket is told.
    static constexpr std::uint32_t header_room = 256;

    explicit ReceiveBuffers(std::uint16_t home);
    ReceiveBuffers(const ReceiveBuffers&) = delete;
    ReceiveBuffers& operator=(const ReceiveBuffers&) = delete;

    /// Provides them. Once, before anything is received.
    [[nodiscard]] Result<> provide(Ring& ring) noexcept;
    /// Takes them back: nothing is written into them any more.
    void withdraw(Ring& ring) noexcept;

    /// The buffer of the slot that a completion names, with what came in it. It is moved from or reset before the next
    /// refill().
    [[nodiscard]] SKERRY_ALWAYS_INLINE IoBuf& arrived(std::uint32_t completion_flags, std::size_t bytes) noexcept {
        const auto slot = static_cast<std::uint16_t>(completion_flags >> IORING_CQE_BUFFER_SHIFT);
        empty_[empty_count_++] = slot;
        IoBuf& buffer = buffers_[slot];
        prefetch_write(buffer.owner());  // who drops it looks there, and much of others' has come since it was given
        ++taken_;
        taken_bytes_ += bytes;
        buffer.set_size(bytes);
        return buffer;
    }
    [[nodiscard]] SKERRY_ALWAYS_INLINE IoBuf take(std::uint32_t completion_flags, std::size_t bytes) noexcept {
        return std::move(arrived(completion_flags, bytes));
    }

    /// Gives slots that are empty another buffer, as far as there should be more and the pool has any, some at a time.
    SKERRY_ALWAYS_INLINE void refill() noexcept {
        if (empty_count_ > empty_most_) refill_some();
    }
    /// The kernel found no buffer for so many sockets: from now on there are more, if the pool has any. Where much
    /// comes in each that holds only for several: one waits a turn, because few that stay in the cache are copied into
    /// faster.
    void widen(unsigned waiting) noexcept;
    /// Buffers that the kernel was given, and has not answered with as far as we have looked.
    [[nodiscard]] unsigned given() const noexcept { return slots - empty_count_; }

    /// Whether the kernel may soon find no buffer: then who keeps what nobody reads must copy it.
    [[nodiscard]] bool are_scarce() const noexcept { return pool_.stats().live + slots / 2 > pool_buffers; }
    /// Whether no slot has a buffer, and the pool none for it.
    [[nodiscard]] bool are_exhausted() noexcept {
        if (empty_count_ == slots) [[unlikely]]
            refill_some();
        return empty_count_ == slots;
    }

    /// Whether tens of KiB come in a buffer: then whoever receives asks for one, because a second is not sure.
    [[nodiscard]] bool come_in_bulk() const noexcept { return taken_bytes_ > taken_ * bulk_bytes; }

    /// Buffers that programs hold, and those that exist.
    [[nodiscard]] std::uint64_t out() const noexcept { return pool_.stats().live - (slots - empty_count_); }
    [[nodiscard]] std::uint64_t made() const noexcept { return pool_.stats().high_water; }

private:
    static constexpr std::uint32_t pool_buffers = 1024 + slots;
    static constexpr unsigned given_min = 16;
    static constexpr unsigned given_min_bulk = 2;
    static constexpr std::uint64_t bulk_bytes = 8 * 1024;  // in a buffer, on average
    static constexpr unsigned refills_between_looks = 256;
    static constexpr std::size_t fetched_ahead = 2;  // free buffers, while slots are filled

    void refill_some() noexcept;
    void narrow() noexcept;
    void want(unsigned given) noexcept {
        empty_wanted_ = slots - given;
        empty_most_ = empty_wanted_ + (come_in_bulk() ? 0 : given / 4);
    }
    [[nodiscard]] unsigned given_wanted() const noexcept { return slots - empty_wanted_; }

    struct Unmap {
        void operator()(io_uring_buf_ring* shared) const noexcept;
    };

    BufferPool pool_;
    std::unique_ptr<io_uring_buf_ring, Unmap> shared_;  // what the kernel reads
    std::array<IoBuf, slots> buffers_;
    std::array<std::uint16_t, slots> empty_;  // slots without a buffer; the first empty_count_ count
    unsigned empty_count_ = slots;
    unsigned empty_wanted_ = 0;  // so many slots need no buffer
    unsigned empty_most_ = 0;  // with more, those beyond the wanted ones get one
    unsigned most_taken_ = 0;  // between two refills, since the last look at it
    unsigned refills_ = 0;
    bool were_too_few_ = false;  // since that look
    std::uint64_t taken_ = 0;  // buffers, lately: of what is older the half counts
    std::uint64_t taken_bytes_ = 0;  // in them
};

}  // namespace skerry::kernel_io::uring
