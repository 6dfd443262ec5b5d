#pragma once

// How the threads of a machine tell the script's that something happened: a packet left, a call returned.

#include <skerry/time/instant.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace skerry::pkt::kernel {

class Bell {
public:
    /// Threads: any.
    void ring();
    /// How often it was. What was done before a ring that is counted can be seen.
    [[nodiscard]] std::uint64_t rung() const noexcept { return rung_.load(std::memory_order_acquire); }

    /// Sleeps until it was rung more often than `seen`, or until `until`, which the scheduler may be late for.
    void sleep(std::uint64_t seen, time::Instant until);
    /// The same, to within a few microseconds: it ends awake.
    /// Cost: up to `spin` of a processor.
    void wait(std::uint64_t seen, time::Instant until);

private:
    // Sleepers are woken up to 50 us late by Linux's timer slack, and then have to get a processor.
    static constexpr std::chrono::microseconds spin{100};

    std::mutex mutex_;
    std::condition_variable rings_;
    std::atomic<std::uint64_t> rung_{0};  // its release in ring() pairs with the acquire in rung()
};

}  // namespace skerry::pkt::kernel
