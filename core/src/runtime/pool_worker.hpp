#pragma once

// One thread of the blocking pool, on its stack: how it waits for its next call. Each sleeps on a semaphore of its own:
// a condition variable of all costs up to two system calls more a call, and wakes whoever has slept longest, whose
// cache is cold.

#include <skerry/base/guess.hpp>
#include <skerry/runtime/blocking_pool.hpp>
#include <skerry/time/spin.hpp>

#include <semaphore.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <memory>

namespace skerry::runtime {

/// How many threads may wait awake at a time: a crowd would take the CPUs of those who work.
///
/// Threads: any, but set(), which comes first.
class AwakeLimit {
public:
    void set(std::uint32_t most) noexcept { most_ = most; }
    /// False: there are as many, or one is about to be told so. Relaxed: it guards nothing.
    [[nodiscard]] bool enter() noexcept {
        if (count_.fetch_add(1, std::memory_order_relaxed) < most_) return true;
        leave();
        return false;
    }
    void leave() noexcept { count_.fetch_sub(1, std::memory_order_relaxed); }

private:
    std::uint32_t most_ = 0;
    std::atomic<std::uint32_t> count_{0};
};

class PoolWorker {
public:
    PoolWorker() noexcept { ::sem_init(&woken_, 0, 0); }
    ~PoolWorker() { ::sem_destroy(&woken_); }
    PoolWorker(const PoolWorker&) = delete;
    PoolWorker& operator=(const PoolWorker&) = delete;

    /// Threads: any. In a pool it is not on the list of the idle ones any more.
    void wake() noexcept { ::sem_post(&woken_); }

    void sleep() noexcept {
        while (::sem_wait(&woken_) != 0) {
        }  // EINTR
    }

    /// False when nobody woke it in time.
    [[nodiscard]] bool sleep_for(std::chrono::seconds limit) noexcept {
        timespec until;
        ::clock_gettime(CLOCK_REALTIME, &until);  // a jump of this clock moves the end of an idle thread, no more
        until.tv_sec += limit.count();
        while (::sem_timedwait(&woken_, &until) != 0)
            if (errno == ETIMEDOUT) return false;
        return true;
    }

    /// Waits awake, for no longer than about a sleep and a wake take, as long as that proves right. False when nobody
    /// woke it.
    [[nodiscard]] bool linger() noexcept {
        if (!guess_.tries()) return false;
        const bool is_woken = time::spin_until(linger_time, [this] { return ::sem_trywait(&woken_) == 0; });
        is_woken ? guess_.right() : guess_.wrong();
        return is_woken;
    }

    std::unique_ptr<BlockingJob> job;  ///< what it was woken for; none: the pool stops
    PoolWorker* next_idle = nullptr;

private:
    static constexpr auto linger_time = std::chrono::microseconds{20};

    sem_t woken_;
    Guess guess_;
};

}  // namespace skerry::runtime
