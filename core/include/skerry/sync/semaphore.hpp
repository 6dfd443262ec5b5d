#pragma once

// Hot path. A counting semaphore with strict FIFO order.
//
// One word holds the free permits and two flags, closed and waited for. While nobody waits, acquire and
// release are one compare-and-swap each. While somebody waits, only the lock of the queue lets the word
// change, new requests queue, and permits that come free stay in the word until the oldest request fits:
// a big request at the head holds back the small ones behind it, so it cannot starve.

#include "scope_word.hpp"

#include "../base/assert.hpp"
#include "../base/result.hpp"
#include "../task/wait_queue.hpp"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace skerry::sync {

template <class Scope>
class BasicSemaphore;

/// Permits taken from a semaphore; gives them back when it goes away.
///
/// Lifetime: the semaphore outlives it.
/// Threads:  as the semaphore.
template <class Scope>
class [[nodiscard]] BasicPermit {
public:
    BasicPermit(BasicPermit&& other) noexcept : semaphore_(other.semaphore_), count_(std::exchange(other.count_, 0)) {}
    BasicPermit& operator=(BasicPermit&& other) noexcept {
        if (this != &other) {
            release();
            semaphore_ = other.semaphore_;
            count_ = std::exchange(other.count_, 0);
        }
        return *this;
    }
    ~BasicPermit() { release(); }

    /// How many permits this holds; 0 after a move, release() or forget().
    [[nodiscard]] std::size_t count() const noexcept { return count_; }

    /// Gives the permits back now.
    void release() noexcept {
        if (count_ != 0) semaphore_->add_permits(std::exchange(count_, 0));
    }

    /// Keeps the permits from ever coming back: the semaphore has that many fewer.
    void forget() noexcept { count_ = 0; }

    /// Takes `n` of the permits out into an object of their own; n is at most count().
    BasicPermit split(std::size_t n) noexcept {
        SKERRY_ASSERT(n <= count_, "more permits are split off than the permit holds");
        count_ -= n;
        return BasicPermit(*semaphore_, n);
    }

    /// Adds the permits of `other`, of the same semaphore, to these.
    void merge(BasicPermit other) noexcept {
        SKERRY_ASSERT(semaphore_ == other.semaphore_, "permits of two semaphores are merged");
        count_ += std::exchange(other.count_, 0);
    }

private:
    friend BasicSemaphore<Scope>;
    BasicPermit(BasicSemaphore<Scope>& semaphore, std::size_t count) noexcept : semaphore_(&semaphore), count_(count) {}

    BasicSemaphore<Scope>* semaphore_;
    std::size_t count_;
};

/// Hands out a bounded number of permits, in the order in which they were asked for.
///
/// Lifetime: outlives its permits, its waiters and every call on it.
/// Threads:  sync::Semaphore any that the C library knows of; sync::local::Semaphore one core.
/// Cost:     while nobody waits, one compare-and-swap to acquire and one to release; as with Mutex, neither in a
///           process of one thread.
template <class Scope>
class BasicSemaphore {
public:
    using Permit = BasicPermit<Scope>;

    /// The most permits a semaphore can have free. Going past it is a bug and asserts.
    static constexpr std::size_t max_permits = SIZE_MAX >> 3U;

    explicit BasicSemaphore(std::size_t permits) noexcept : word_(permits * one_permit) {
        SKERRY_ASSERT(permits <= max_permits, "a semaphore with more than max_permits");
    }
    BasicSemaphore(const BasicSemaphore&) = delete;
    BasicSemaphore& operator=(const BasicSemaphore&) = delete;

    class Awaiter;

    class [[nodiscard]] Acquire {
    public:
        Acquire(BasicSemaphore& semaphore, std::size_t count) noexcept : semaphore_(&semaphore), count_(count) {}
        [[nodiscard]] Awaiter operator co_await() const noexcept { return Awaiter(*semaphore_, count_); }

    private:
        BasicSemaphore* semaphore_;
        std::size_t count_;
    };

    /// Waits for `n` permits at once: `auto permit = co_await semaphore.acquire();`
    ///
    /// Shape:  n is at most max_permits; 0 waits for its turn and takes nothing.
    /// Errors: closed, after close(), also for those who already wait.
    /// Cancel: safe. The place in the queue is given up; permits already granted go to the next.
    /// Cost:   as the type says; each waiter is part of the awaiting frame.
    [[nodiscard]] Acquire acquire(std::size_t n = 1) noexcept {
        SKERRY_ASSERT(n <= max_permits, "more than max_permits are asked for");
        return Acquire(*this, n);
    }

    /// Takes `n` permits if they are free and nobody waits, without waiting.
    ///
    /// Errors: would_block; closed.
    Result<Permit> try_acquire(std::size_t n = 1) noexcept {
        const Taken taken = take(n);
        if (taken == Taken::closed) return Unexpected(Errc::closed);
        if (taken == Taken::nothing) return Unexpected(Errc::would_block);
        return Permit(*this, n);
    }

    /// Adds `n` permits and grants them to whoever waits.
    void add_permits(std::size_t n) noexcept {
        std::uintptr_t seen = word_.load();
        do {
            if ((seen & waited_for) != 0) [[unlikely]]
                return add_and_grant(n);
            check_room(seen, n);
        } while (!word_.replace(seen, seen + n * one_permit));
    }

    /// Takes up to `n` free permits away for ever; returns how many there were.
    std::size_t forget_permits(std::size_t n) noexcept;

    /// Free permits. Those that pile up for a request at the head of the queue count too.
    [[nodiscard]] std::size_t available_permits() const noexcept { return word_.load() / one_permit; }

    /// Ends all waiting, and every later acquire, with Errc::closed. Permits that are held stay good.
    void close() noexcept;

    [[nodiscard]] bool is_closed() const noexcept { return (word_.load() & closed) != 0; }

private:
    friend Awaiter;

    static constexpr std::uintptr_t waited_for = 1;  // waiters_ is not empty; set and cleared under queue_lock_
    static constexpr std::uintptr_t closed = 2;
    static constexpr std::uintptr_t one_permit = 4;
    static_assert(max_permits <= SIZE_MAX / one_permit);

    enum class Taken : std::uint8_t { all, nothing, closed };

    static void check_room(std::uintptr_t word, std::size_t n) noexcept {
        SKERRY_ASSERT(n <= max_permits && word / one_permit <= max_permits - n, "a semaphore passes max_permits");
    }

    [[nodiscard]] Taken take(std::size_t n) noexcept {
        std::uintptr_t seen = word_.load();
        do {
            if ((seen & closed) != 0) return Taken::closed;
            if ((seen & waited_for) != 0 || seen / one_permit < n) return Taken::nothing;
        } while (!word_.replace(seen, seen - n * one_permit));
        return Taken::all;
    }

    // Takes what `waiter`, which is bound, needs, or links it as the newest waiter and says `nothing`.
    [[nodiscard]] Taken take_or_wait(Awaiter& waiter) noexcept;
    void abandon(Awaiter& waiter) noexcept;
    void add_and_grant(std::size_t n) noexcept;
    void grant(task::PendingPosts& posts, bool only_one) noexcept;

    ScopeWord<Scope> word_;
    [[no_unique_address]] typename Scope::Lock queue_lock_;
    typename Scope::Waiters waiters_;
};

template <class Scope>
class BasicSemaphore<Scope>::Awaiter : private task::WaitNode {
public:
    Awaiter(BasicSemaphore& semaphore, std::size_t need) noexcept : semaphore_(&semaphore), need_(need) {}
    ~Awaiter() { cancel(); }

    [[nodiscard]] bool await_ready() noexcept {
        const Taken taken = semaphore_->take(need_);
        if (taken != Taken::all) return taken == Taken::closed;
        granted_ = true;
        return !task::current_scheduler->spend();
    }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        task::Scheduler& scheduler = *task::current_scheduler;
        scheduler.bind(*this, awaiting);
        if (!granted_) {
            const Taken taken = semaphore_->take_or_wait(*this);
            if (taken == Taken::nothing) return true;
            granted_ = taken == Taken::all;
        }
        if (scheduler.budget() > 0) return false;
        scheduler.enqueue(*this);  // out of budget: the permits are ours, others run first
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept {
        if (state() != task::node_state::idle || granted_) [[unlikely]]
            semaphore_->abandon(*this);
    }
    [[nodiscard]] Result<Permit> await_resume() noexcept {
        task_and_state = 0;  // idle, and the claim is consumed
        if (!std::exchange(granted_, false)) return Unexpected(Errc::closed);
        return Permit(*semaphore_, need_);
    }

private:
    friend BasicSemaphore;

    BasicSemaphore* semaphore_;
    std::size_t need_;
    // The claim: set by whoever grants, under the lock, before the wake. A wake without it means closed.
    bool granted_ = false;
};

/// A semaphore for tasks of any core.
using Semaphore = BasicSemaphore<task::SharedScope>;
using Permit = BasicPermit<task::SharedScope>;

namespace local {
/// A semaphore for the tasks of one core.
using Semaphore = BasicSemaphore<task::LocalScope>;
using Permit = BasicPermit<task::LocalScope>;
}  // namespace local

}  // namespace skerry::sync
