#pragma once

// Hot path. The handle by which bytes travel without being copied. An IoBuf shows a window of a piece of
// memory and does not care whose it is: the owner behind it may be an mbuf, a buffer that io_uring filled, a
// block of a BufferPool, device memory or the heap. Where it came from, the last handle sends it back.
//
//   base        offset            offset + length              capacity
//    |  headroom  |  size() bytes of data  |       tailroom      |
//
// Handles are counted without atomics, because the common case is one handle and the next one is several on
// one core (a segment that waits for its acknowledgement while a reader has it). Crossing cores is a move.

#include "assert.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

namespace skerry {

/// The home of memory that belongs to no core.
inline constexpr std::uint16_t no_home_core = 0xffff;

/// Who may look at a buffer's bytes.
enum class BufferMemory : std::uint8_t {
    host,    ///< every thread of the process
    device,  ///< a device; the CPU hands the address on and does not follow it
};

/// What stands behind a buffer. Owners derive from it and recognise theirs by `release`.
struct BufferOwner {
    /// Takes the memory back: called once, by the last handle, on whichever thread that went away. An owner
    /// whose memory belongs to a core brings it home itself. `handles` is 1 then, as the next use wants it.
    void (*release)(BufferOwner*) noexcept = nullptr;
    std::uint32_t capacity = 0;          ///< bytes that stay in use as long as one handle lives
    std::uint32_t handles = 1;           ///< a fresh buffer's first handle is counted
    std::uint16_t home = no_home_core;   ///< the core that the memory belongs to
    BufferMemory memory = BufferMemory::host;
};

/// A handle on a piece of a buffer. Move-only; moved-from and default ones hold nothing, are empty and false.
///
/// Lifetime: spans are valid as long as any handle on the memory.
/// Threads:  all handles on one memory live on one thread at a time. Handing the only one (is_shared() is
///           false) to another thread is a move like any other and the last step there.
/// Cost:     32 bytes; a move is four words and allocates nothing; the last handle is one indirect call.
class [[nodiscard]] IoBuf {
public:
    static constexpr std::size_t default_headroom = 64;
    /// Headroom and data together, at most.
    static constexpr std::size_t capacity_max = std::numeric_limits<std::uint32_t>::max();

    constexpr IoBuf() noexcept = default;

    /// For those who own memory: the first handle on a fresh buffer, counted already in `owner.handles`.
    /// The window is [offset, offset + length) of the `capacity` bytes at `base`.
    IoBuf(BufferOwner& owner, std::byte* base, std::uint32_t capacity, std::uint32_t offset,
          std::uint32_t length) noexcept
        : base_(base), owner_(&owner), capacity_(capacity), offset_(offset), length_(length) {
        SKERRY_DEBUG_ASSERT(offset <= capacity && length <= capacity - offset, "the window lies outside the memory");
    }

    IoBuf(IoBuf&& other) noexcept
        : base_(std::exchange(other.base_, nullptr)),
          owner_(std::exchange(other.owner_, nullptr)),
          capacity_(std::exchange(other.capacity_, 0)),
          offset_(std::exchange(other.offset_, 0)),
          length_(std::exchange(other.length_, 0)) {}
    IoBuf& operator=(IoBuf&& other) noexcept {
        if (this == &other) return *this;
        drop();
        base_ = std::exchange(other.base_, nullptr);
        owner_ = std::exchange(other.owner_, nullptr);
        capacity_ = std::exchange(other.capacity_, 0);
        offset_ = std::exchange(other.offset_, 0);
        length_ = std::exchange(other.length_, 0);
        return *this;
    }
    IoBuf(const IoBuf&) = delete;
    IoBuf& operator=(const IoBuf&) = delete;
    ~IoBuf() { drop(); }

    /// `size` bytes of the heap, not initialized, with `headroom` in front.
    ///
    /// Errors:   an IoBuf that is false, when the heap refuses.
    [[nodiscard]] static IoBuf allocate(std::size_t size, std::size_t headroom = default_headroom) noexcept;

    /// A copy of `bytes` on the heap, with the default headroom. Errors: as allocate().
    [[nodiscard]] static IoBuf copy_of(std::span<const std::byte> bytes) noexcept;

    /// A copy of the data on the heap, its own to write and to send anywhere. Errors: as allocate().
    /// It must be host memory. A clone of nothing is nothing.
    [[nodiscard]] IoBuf clone() const noexcept;

    /// A second handle on the same bytes. As long as there are two, none may write: headroom and tailroom are
    /// 0 and writable() asserts. A share of nothing is nothing.
    ///
    /// Threads:  all shares stay on one core until all but one are gone; to send bytes elsewhere, clone().
    [[nodiscard]] IoBuf share() const noexcept {
        if (owner_ == nullptr) return {};
        ++owner_->handles;
        return {*owner_, base_, capacity_, offset_, length_};
    }

    /// Whether there is memory behind the handle, be it of size 0.
    [[nodiscard]] explicit operator bool() const noexcept { return owner_ != nullptr; }

    [[nodiscard]] std::size_t size() const noexcept { return length_; }
    [[nodiscard]] bool empty() const noexcept { return length_ == 0; }
    [[nodiscard]] const std::byte* data() const noexcept { return base_ + offset_; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data(), length_}; }

    /// The data, to be written. Not while shared.
    [[nodiscard]] std::span<std::byte> writable() noexcept {
        SKERRY_ASSERT(!is_shared(), "a buffer is written while another handle reads it");
        return {base_ + offset_, length_};
    }

    /// Bytes that prepend() can still give; 0 while shared, because there may be another handle's data there.
    [[nodiscard]] std::size_t headroom() const noexcept { return is_shared() ? 0 : offset_; }
    /// Bytes that append() can still give; 0 while shared.
    [[nodiscard]] std::size_t tailroom() const noexcept {
        return is_shared() ? 0 : std::size_t{capacity_} - offset_ - length_;
    }

    /// Takes `count` bytes off the front. There must be as many.
    void trim_front(std::size_t count) noexcept {
        SKERRY_ASSERT(count <= length_, "more was trimmed than the buffer holds");
        offset_ += static_cast<std::uint32_t>(count);
        length_ -= static_cast<std::uint32_t>(count);
    }
    /// Takes `count` bytes off the end. There must be as many.
    void trim_back(std::size_t count) noexcept {
        SKERRY_ASSERT(count <= length_, "more was trimmed than the buffer holds");
        length_ -= static_cast<std::uint32_t>(count);
    }

    /// Makes `count` more bytes of data in front and returns them, not initialized. They must fit headroom().
    [[nodiscard]] std::span<std::byte> prepend(std::size_t count) noexcept {
        SKERRY_ASSERT(count <= headroom(), "more was prepended than there is headroom");
        offset_ -= static_cast<std::uint32_t>(count);
        length_ += static_cast<std::uint32_t>(count);
        return {base_ + offset_, count};
    }
    /// Makes `count` more bytes of data at the end and returns them, not initialized. They must fit tailroom().
    [[nodiscard]] std::span<std::byte> append(std::size_t count) noexcept {
        SKERRY_ASSERT(count <= tailroom(), "more was appended than there is tailroom");
        std::byte* const begin = base_ + offset_ + length_;
        length_ += static_cast<std::uint32_t>(count);
        return {begin, count};
    }

    /// Moves the end of the data: back like trim_back(), or on into the tailroom like append().
    void set_size(std::size_t size) noexcept {
        SKERRY_ASSERT(size <= length_ || size - length_ <= tailroom(), "the data would end behind the buffer");
        length_ = static_cast<std::uint32_t>(size);
    }

    /// Lets go of the memory.
    void reset() noexcept { IoBuf taken(std::move(*this)); }

    void swap(IoBuf& other) noexcept {
        std::swap(base_, other.base_);
        std::swap(owner_, other.owner_);
        std::swap(capacity_, other.capacity_);
        std::swap(offset_, other.offset_);
        std::swap(length_, other.length_);
    }

    /// Whether another handle holds the same memory.
    [[nodiscard]] bool is_shared() const noexcept { return owner_ != nullptr && owner_->handles != 1; }
    /// Whether the bytes are a device's: bytes() has an address that the CPU must not follow.
    [[nodiscard]] bool is_device_memory() const noexcept {
        return owner_ != nullptr && owner_->memory == BufferMemory::device;
    }
    /// What stands behind the buffer; null when nothing does. For backends, which know theirs by `release`.
    [[nodiscard]] BufferOwner* owner() const noexcept { return owner_; }

private:
    // The usual only handle is not counted down first: the owner's line need not be written here.
    void drop() noexcept {
        if (owner_ == nullptr) return;
        if (owner_->handles == 1)
            owner_->release(owner_);
        else
            --owner_->handles;
    }

    std::byte* base_ = nullptr;
    BufferOwner* owner_ = nullptr;
    std::uint32_t capacity_ = 0;
    std::uint32_t offset_ = 0;
    std::uint32_t length_ = 0;
};

static_assert(sizeof(IoBuf) == 32);

}  // namespace skerry
