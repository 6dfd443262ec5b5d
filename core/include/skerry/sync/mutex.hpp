#pragma once

// Hot path. A mutex that a task may hold across co_await, handed over in FIFO order.
//
// One word says locked and waited for. Uncontended, lock and unlock are one compare-and-swap each. While
// anybody waits, the word changes under the lock of the queue only, and unlock() hands the mutex to the
// oldest waiter without ever opening it: nobody overtakes who waits.
//
// A task whose budget is spent gives way before it takes an open mutex, and looks again when its turn has come.
// Taking it first, as channels do with their items, would hold it for a round of everybody else: all of them would
// queue up behind, and from then on each lock would be a hand-over (26 ns where an open mutex takes 7).

#include "scope_word.hpp"

#include "../base/assert.hpp"
#include "../task/second_look.hpp"
#include "../task/wait_queue.hpp"

#include <coroutine>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

namespace skerry::sync {

template <class T, class Scope>
class BasicMutex;

/// The part of a mutex that does not know what it guards.
template <class Scope>
class MutexCore {
public:
    [[nodiscard]] bool try_lock() noexcept {
        std::uintptr_t open = 0;
        return word_.replace(open, locked);
    }

    void unlock() noexcept {
        std::uintptr_t alone = locked;
        if (!word_.replace(alone, 0)) [[unlikely]]
            hand_over();
    }

    /// Takes the mutex, or links `node`, which is bound, as the newest waiter; true when it was taken.
    [[nodiscard]] bool lock_or_wait(task::WaitNode& node) noexcept;

    /// Ends the wait of `node`, and passes the mutex on when it had been handed to it.
    void abandon(task::WaitNode& node) noexcept;

    [[nodiscard]] bool is_locked() const noexcept { return word_.load() != 0; }

private:
    static constexpr std::uintptr_t locked = 1;
    static constexpr std::uintptr_t waited_for = 2;  // waiters_ is not empty; set and cleared under queue_lock_

    void hand_over() noexcept;

    ScopeWord<Scope> word_;
    [[no_unique_address]] typename Scope::Lock queue_lock_;
    typename Scope::Waiters waiters_;
};

/// The right to the value of a locked mutex. Unlocks when it goes away; may be held across co_await.
///
/// Lifetime: the mutex outlives it.
/// Threads:  as the mutex.
template <class T, class Scope>
class [[nodiscard]] BasicMutexGuard {
public:
    BasicMutexGuard(BasicMutexGuard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    BasicMutexGuard& operator=(BasicMutexGuard&& other) noexcept {
        if (this != &other) {
            unlock();
            mutex_ = std::exchange(other.mutex_, nullptr);
        }
        return *this;
    }
    ~BasicMutexGuard() { unlock(); }

    [[nodiscard]] T& operator*() const noexcept { return checked().value_; }
    [[nodiscard]] T* operator->() const noexcept { return &checked().value_; }

    /// Unlocks now. The guard then holds nothing.
    void unlock() noexcept {
        if (mutex_ != nullptr) std::exchange(mutex_, nullptr)->core_.unlock();
    }

    /// False after a move or unlock().
    [[nodiscard]] bool owns_lock() const noexcept { return mutex_ != nullptr; }

private:
    friend BasicMutex<T, Scope>;
    explicit BasicMutexGuard(BasicMutex<T, Scope>& mutex) noexcept : mutex_(&mutex) {}

    [[nodiscard]] BasicMutex<T, Scope>& checked() const noexcept {
        SKERRY_DEBUG_ASSERT(mutex_ != nullptr, "a mutex guard that holds nothing is used");
        return *mutex_;
    }

    BasicMutex<T, Scope>* mutex_;
};

/// A value that one task at a time may use.
///
/// Lifetime: outlives its guards, its waiters and every call on it.
/// Threads:  sync::Mutex any that the C library knows of; sync::local::Mutex one core.
/// Cost:     uncontended, one compare-and-swap to lock and one to unlock; local, and in a process of one thread, a
///           compare and a store.
template <class T, class Scope>
class BasicMutex {
public:
    using Guard = BasicMutexGuard<T, Scope>;

    BasicMutex() = default;
    explicit BasicMutex(T value) : value_(std::move(value)) {}
    template <class... Args>
    explicit BasicMutex(std::in_place_t, Args&&... args) : value_(std::forward<Args>(args)...) {}
    BasicMutex(const BasicMutex&) = delete;
    BasicMutex& operator=(const BasicMutex&) = delete;

    class Awaiter : private task::WaitNode, private task::SecondLook<Awaiter> {
    public:
        explicit Awaiter(BasicMutex& mutex) noexcept : mutex_(&mutex) {}
        ~Awaiter() { cancel(); }

        [[nodiscard]] bool await_ready() noexcept {
            return !task::current_scheduler->spend() && mutex_->core_.try_lock();
        }
        [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
            task::Scheduler& scheduler = *task::current_scheduler;
            scheduler.bind(*this, awaiting);
            if (scheduler.budget() <= 0 && !mutex_->core_.is_locked()) {
                this->give_way();
                return true;
            }
            if (!look()) return true;
            if (scheduler.budget() > 0) return false;
            scheduler.enqueue(*this);  // another core has unlocked it a moment ago
            return true;
        }
        [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
        void cancel() noexcept {
            if ((task_and_state & task::node_state::low_bits) != 0) [[unlikely]]
                mutex_->core_.abandon(*this);
        }
        [[nodiscard]] Guard await_resume() noexcept {
            task_and_state = 0;  // idle, and the claim is consumed: one store, and the destructor sees nothing to do
            return Guard(*mutex_);
        }

    private:
        friend task::SecondLook<Awaiter>;

        [[nodiscard]] bool look() noexcept {
            if (!mutex_->core_.lock_or_wait(*this)) return false;
            give_claim();
            return true;
        }

        BasicMutex* mutex_;
    };

    class [[nodiscard]] Lock {
    public:
        explicit Lock(BasicMutex& mutex) noexcept : mutex_(&mutex) {}
        [[nodiscard]] Awaiter operator co_await() const noexcept { return Awaiter(*mutex_); }

    private:
        BasicMutex* mutex_;
    };

    /// Waits for the mutex: `auto guard = co_await mutex.lock();`. A task that locks twice waits for ever.
    ///
    /// Cancel: safe. The place in the queue is given up; a mutex already handed over goes to the next.
    /// Cost:   as the type says; each waiter is part of the awaiting frame.
    [[nodiscard]] Lock lock() noexcept { return Lock(*this); }

    /// Takes the mutex if nobody has it, without waiting.
    [[nodiscard]] std::optional<Guard> try_lock() noexcept {
        if (!core_.try_lock()) return std::nullopt;
        return Guard(*this);
    }

    /// True while somebody has the mutex; may be out of date when it returns.
    [[nodiscard]] bool is_locked() const noexcept { return core_.is_locked(); }

private:
    friend Guard;

    MutexCore<Scope> core_;
    T value_{};
};

/// A mutex for tasks of any core.
template <class T = std::monostate>
using Mutex = BasicMutex<T, task::SharedScope>;
template <class T = std::monostate>
using MutexGuard = BasicMutexGuard<T, task::SharedScope>;

namespace local {
/// A mutex for the tasks of one core.
template <class T = std::monostate>
using Mutex = BasicMutex<T, task::LocalScope>;
template <class T = std::monostate>
using MutexGuard = BasicMutexGuard<T, task::LocalScope>;
}  // namespace local

}  // namespace skerry::sync
