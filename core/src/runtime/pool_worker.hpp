#pragma once

// One thread of the blocking pool, on its stack: how it waits for its next call. Each sleeps on a semaphore of its own:
// a condition variable of all costs up to two system calls more a call, and wakes whoever has slept longest, whose
// cache is cold.

#include <skerry/base/guess.hpp>
#include <skerry/runtime/blocking_pool.hpp>
#include <skerry/time/spin.hpp>

#include <semaphore.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <memory>
#include <utility>

namespace skerry::runtime {

class PoolWorker {
public:
    PoolWorker() noexcept { ::sem_init(&woken_, 0, 0); }
    ~PoolWorker() { ::sem_destroy(&woken_); }
    PoolWorker(const PoolWorker&) = delete;
    PoolWorker& operator=(const PoolWorker&) = delete;

    /// Threads: any. In a pool it is not on the list of the idle ones any more.
    void wake() noexcept { ::sem_post(&woken_); }

    /// Takes the wake, if it has come: most often so where the core has the same CPU.
    [[nodiscard]] bool take_wake() noexcept { return ::sem_trywait(&woken_) == 0; }

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

    /// Whether to wait awake, as long as that proves right.
    [[nodiscard]] bool tries_to_linger() noexcept { return guess_.tries(); }

    /// Waits awake, for no longer than about a sleep and a wake take. False when nobody woke it.
    [[nodiscard]] bool linger() noexcept {
        const bool comes = time::spin_until(linger_time, [this] { return take_wake(); });
        comes ? guess_.right() : guess_.wrong();
        return comes;
    }

    std::unique_ptr<BlockingJob> job;  ///< what it was woken for; none: the pool stops

private:
    friend class IdleWorkers;

    static constexpr auto linger_time = std::chrono::microseconds{20};

    PoolWorker* next_idle_ = nullptr;
    sem_t woken_;
    Guess guess_;
};

/// Who waits for a call. Who came last goes first: its cache is warm.
class IdleWorkers {
public:
    void push(PoolWorker& worker) noexcept { worker.next_idle_ = std::exchange(first_, &worker); }
    /// Null when there is none.
    [[nodiscard]] PoolWorker* pop() noexcept {
        PoolWorker* const worker = first_;
        if (worker != nullptr) first_ = worker->next_idle_;
        return worker;
    }
    /// False when it is not among them.
    [[nodiscard]] bool remove(PoolWorker& worker) noexcept {
        for (PoolWorker** link = &first_; *link != nullptr; link = &(*link)->next_idle_) {
            if (*link != &worker) continue;
            *link = worker.next_idle_;
            return true;
        }
        return false;
    }

private:
    PoolWorker* first_ = nullptr;
};

}  // namespace skerry::runtime
