#pragma once

// The lock inside cross-core primitives. Its critical sections are a few list operations long, so a
// waiter spins; after a bounded number of rounds it yields the CPU, because in a container the holder may
// have been descheduled.

#include "atomic.hpp"
#include "compiler.hpp"

#include <cstdint>

namespace skerry {

/// A test-and-test-and-set lock of four bytes. Not recursive, not fair.
///
/// Threads: any. unlock() by the thread that locked.
/// Cost:    uncontended, one atomic exchange and one store.
class SpinLock {
public:
    void lock() noexcept {
        // Pairs with the release in unlock(): what the last holder wrote is seen here.
        if (word_.exchange(1, std::memory_order_acquire) != 0) [[unlikely]]
            lock_slow();
    }

    [[nodiscard]] bool try_lock() noexcept {
        return word_.load(std::memory_order_relaxed) == 0 && word_.exchange(1, std::memory_order_acquire) == 0;
    }

    void unlock() noexcept { word_.store(0, std::memory_order_release); }

private:
    SKERRY_COLD void lock_slow() noexcept;

    skerry::atomic<std::uint32_t> word_{0};
};

}  // namespace skerry
