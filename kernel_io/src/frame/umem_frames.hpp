#pragma once

// Hot path. Frames whose memory the kernel shares: the chunks of AF_XDP's memory (UMEM). What comes is written there
// once, by the card or by the kernel's copy, and a program reads it there; what is sent is read where it was written.
//
// A chunk is 2 KiB, a power of two as the kernel wants it, so a chunk is found from an address by a shift. The frames'
// descriptors stand in an array beside the chunks and not in front of each: at a distance of 2 KiB all of them would
// share two of the 64 sets of a first-level cache. That holds 16 of them then, and a burst has 32.
//
// A chunk that is in a ring has a handle of its own there. They are counted, because the rings do not tell: when the
// socket is closed what the kernel still had comes home.

#include <skerry/backend/homing_frames.hpp>
#include <skerry/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace skerry::kernel_io::frame {

/// The memory of one socket, and its frames before they are a core's.
class Umem final : public backend::FrameStore {
public:
    static constexpr unsigned chunk_bits = 11;
    static constexpr std::uint32_t chunk_bytes = 1U << chunk_bits;

    /// Room for `frames` chunks.
    ///
    /// Errors: no_memory.
    /// Cost:   a chunk and 128 bytes for each frame.
    [[nodiscard]] static Result<std::unique_ptr<Umem>> make(std::uint32_t frames);
    ~Umem() override;

    /// All chunks.
    [[nodiscard]] std::span<std::byte> memory() const noexcept { return {memory_, memory_bytes_}; }
    [[nodiscard]] std::span<backend::HomingBlock> blocks() const noexcept {
        return {blocks_, memory_bytes_ / chunk_bytes};
    }

private:
    explicit Umem(std::uint32_t frames) : FrameStore(frames) {}

    std::byte* memory_ = nullptr;
    std::size_t memory_bytes_ = 0;
    std::size_t mapped_bytes_ = 0;  // whole huge pages
    std::unique_ptr<std::byte[]> block_memory_;
    backend::HomingBlock* blocks_ = nullptr;
};

/// The frames of a core's UMEM.
///
/// Threads: as HomingFrames.
class UmemFrames final : public backend::HomingFrames {
public:
    /// What the kernel leaves free in front of what it writes (XDP_PACKET_HEADROOM).
    static constexpr std::uint32_t kernel_headroom = 256;
    /// The longest packet that can come.
    static constexpr std::uint32_t packet_bytes_max = Umem::chunk_bytes - kernel_headroom;

    explicit UmemFrames(std::unique_ptr<Umem>&& umem) : UmemFrames(umem->memory(), umem->blocks(), std::move(umem)) {}

    /// Whether a frame's bytes lie in this memory.
    [[nodiscard]] bool owns(const backend::Frame& frame) const noexcept {
        return static_cast<std::size_t>(frame.data - memory_.data()) < memory_.size();
    }

    /// Hands one handle of a frame of this memory to the kernel; returns where its bytes are, for a descriptor.
    [[nodiscard]] std::uint64_t lend(const backend::Frame& frame) noexcept {
        const auto address = static_cast<std::uint64_t>(frame.data - memory_.data());
        ++lent_[address >> Umem::chunk_bits];
        return address;
    }

    /// Takes back what the kernel gives back at `address`, `length` bytes of a chunk that it had: the handle is the
    /// caller's. Null when it had no such chunk, or the bytes end behind it.
    [[nodiscard]] backend::Frame* take_back(std::uint64_t address, std::uint32_t length = 0) noexcept {
        const std::uint64_t in_chunk = address & (Umem::chunk_bytes - 1);
        const std::uint64_t index = address >> Umem::chunk_bits;
        if (index >= lent_.size() || lent_[index] == 0 || in_chunk + length > Umem::chunk_bytes) [[unlikely]]
            return nullptr;
        --lent_[index];
        return &blocks_[index].frame;
    }

    [[nodiscard]] std::byte* at(std::uint64_t address) const noexcept { return memory_.data() + address; }

    /// Drops everything that was lent: the kernel touches none of it any more.
    void take_all_back() noexcept;

private:
    UmemFrames(std::span<std::byte> memory, std::span<backend::HomingBlock> blocks, std::unique_ptr<Umem>&& umem)
        : HomingFrames(std::move(umem)), memory_(memory), blocks_(blocks), lent_(blocks.size()) {}

    std::span<std::byte> memory_;
    std::span<backend::HomingBlock> blocks_;
    std::vector<std::uint8_t> lent_;  // handles of each chunk that the kernel has
};

}  // namespace skerry::kernel_io::frame
