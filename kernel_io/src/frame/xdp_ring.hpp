#pragma once

// Hot path. The rings that AF_XDP shares with the kernel. Each has one producer and one consumer, one of them here: the
// numbers of the two run on freely and wrap at 2^32, an entry's place is its number modulo the ring's size, a power of
// two. What is the other's is read only when what was last seen of it does not do, since its line is in the other's
// cache.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <algorithm>

namespace skerry::kernel_io::frame {

/// Where the parts of a ring lie. The kernel has mapped them here.
struct XdpRingMemory {
    std::uint32_t* producer = nullptr;
    std::uint32_t* consumer = nullptr;
    const std::uint32_t* flags = nullptr;
    void* entries = nullptr;
    std::uint32_t size = 0;  ///< a power of two
};

namespace xdp_ring_flag {
inline constexpr std::uint32_t need_wakeup = 1;  // XDP_RING_NEED_WAKEUP
}  // namespace xdp_ring_flag

/// The number that the other side moves, or that it is told: what was written before is seen with it.
class XdpRingNumber {
public:
    explicit XdpRingNumber(std::uint32_t* place) noexcept : place_(place) {}
    /// Pairs with the kernel's store-release of its number.
    [[nodiscard]] std::uint32_t acquire() const noexcept {
        return std::atomic_ref<std::uint32_t>(*place_).load(std::memory_order_acquire);
    }
    /// Pairs with the kernel's load-acquire of our number.
    void release(std::uint32_t value) noexcept {
        std::atomic_ref<std::uint32_t>(*place_).store(value, std::memory_order_release);
    }

private:
    std::uint32_t* place_;
};

/// A ring that we fill: of empty frames, or of packets to be sent.
///
/// Threads: one.
template <class Entry>
class XdpProducer {
public:
    explicit XdpProducer(const XdpRingMemory& memory) noexcept
        : ours_(memory.producer),
          theirs_(memory.consumer),
          flags_(memory.flags),
          entries_(static_cast<Entry*>(memory.entries)),
          size_(memory.size),
          next_(ours_.acquire()),
          seen_(theirs_.acquire()) {}

    /// How many entries may be written, at least if there are as many as `wanted`.
    [[nodiscard]] std::uint32_t room(std::uint32_t wanted) noexcept {
        if (size_ - (next_ - seen_) < wanted) seen_ = theirs_.acquire();
        return size_ - (next_ - seen_);
    }
    /// The entry that is `index` behind the last published one. There is room for it.
    [[nodiscard]] Entry& at(std::uint32_t index) noexcept { return entries_[(next_ + index) & (size_ - 1)]; }
    /// Gives the next `count` entries to the kernel.
    void publish(std::uint32_t count) noexcept {
        next_ += count;
        ours_.release(next_);
    }
    /// What the kernel has not taken yet.
    [[nodiscard]] std::uint32_t pending() noexcept {
        seen_ = theirs_.acquire();
        return next_ - seen_;
    }
    /// Whether the kernel looks only when it is called.
    [[nodiscard]] bool needs_wakeup() const noexcept {
        // Relaxed: who reads it too early looks again while something is pending.
        return (std::atomic_ref<std::uint32_t>(*const_cast<std::uint32_t*>(flags_)).load(std::memory_order_relaxed) &
                xdp_ring_flag::need_wakeup) != 0;
    }

private:
    XdpRingNumber ours_;
    XdpRingNumber theirs_;
    const std::uint32_t* flags_;
    Entry* entries_;
    std::uint32_t size_;
    std::uint32_t next_;  // to be written
    std::uint32_t seen_;  // of the kernel's number
};

/// A ring that the kernel fills: with packets that came, or frames that were sent.
///
/// Threads: one.
template <class Entry>
class XdpConsumer {
public:
    explicit XdpConsumer(const XdpRingMemory& memory) noexcept
        : theirs_(memory.producer),
          ours_(memory.consumer),
          entries_(static_cast<const Entry*>(memory.entries)),
          mask_(memory.size - 1),
          next_(ours_.acquire()),
          seen_(next_) {}

    /// How many entries there are, up to `most`.
    [[nodiscard]] std::uint32_t ready(std::uint32_t most) noexcept {
        if (seen_ - next_ < most) seen_ = theirs_.acquire();
        return std::min(seen_ - next_, most);
    }
    /// The entry that is `index` behind the last one taken. It is ready.
    [[nodiscard]] const Entry& at(std::uint32_t index) const noexcept { return entries_[(next_ + index) & mask_]; }
    /// Gives the places of the next `count` entries back.
    void take(std::uint32_t count) noexcept {
        next_ += count;
        ours_.release(next_);
    }

private:
    XdpRingNumber theirs_;
    XdpRingNumber ours_;
    const Entry* entries_;
    std::uint32_t mask_;
    std::uint32_t next_;  // to be read
    std::uint32_t seen_;  // of the kernel's number
};

}  // namespace skerry::kernel_io::frame
