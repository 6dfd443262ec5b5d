#pragma once

// A gate before bursts: who shuts it knows that nobody is within one.

#include <skerry/base/cache_line.hpp>

#include <atomic>
#include <chrono>
#include <mutex>

namespace skerry::dpdk {

/// Threads: bursts on any, shut() and open() on one. Lifetime: longer than the threads that come through, so of a
/// process for good.
class BurstGate {
    /// Whether one thread is within a burst; on a line of its own.
    struct alignas(cache_line_bytes) Place {
        Place() noexcept;
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place();

        std::atomic<bool> is_inside = false;
        Place* next = nullptr;
    };

public:
    /// Lives as long as a burst does, if that is_free(); one at a time on a thread. Either it sees the gate shut or who
    /// shuts it sees the burst, as both look behind their own mark.
    ///
    /// Cost: an exchange and a store in a line of its own core, a load of one that nobody writes to.
    class Passage {
    public:
        Passage() noexcept : place_(here()) {
            place_.is_inside.store(true, std::memory_order_seq_cst);
            is_free_ = !is_shut_.load(std::memory_order_seq_cst);
        }
        ~Passage() { place_.is_inside.store(false, std::memory_order_release); }
        Passage(const Passage&) = delete;
        Passage& operator=(const Passage&) = delete;

        /// Whether the burst may be made.
        [[nodiscard]] bool is_free() const noexcept { return is_free_; }

    private:
        Place& place_;
        bool is_free_;
    };

    /// From now on no burst begins. True: none is under way either; false: one still is, after `patience`.
    [[nodiscard]] static bool shut(std::chrono::nanoseconds patience) noexcept;
    static void open() noexcept { is_shut_.store(false, std::memory_order_seq_cst); }
    [[nodiscard]] static bool is_shut() noexcept { return is_shut_.load(std::memory_order_relaxed); }

private:
    [[nodiscard]] static Place& here() noexcept {
        thread_local Place place;
        return place;
    }

    static inline constinit std::atomic<bool> is_shut_ = false;
    static inline constinit std::mutex mutex_;
    static inline constinit Place* places_ = nullptr;  // the mutex's
};

}  // namespace skerry::dpdk
