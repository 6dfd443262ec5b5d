#pragma once

// Hot path. Tells one waiting task, or all of them, that something has changed; carries no data.
//
// One word holds a permit, whether anybody waits (never both at once), and above them a count of the
// notify_waiters() calls. notify_one() without waiters and notified() with a permit are one compare-and-swap
// each. notified() reads the count when it is created, so a notify_waiters() between its creation and its
// await completes it.

#include "scope_word.hpp"

#include "../base/assert.hpp"
#include "../task/wait_queue.hpp"

#include <coroutine>
#include <cstdint>

namespace skerry::sync {

/// Wakes tasks that wait for a condition which is kept elsewhere.
///
/// At most one notification is stored: notify_one() five times while nobody waits completes one await.
///
/// Lifetime: outlives its waiters and every call on it.
/// Threads:  sync::Notify any that the C library knows of; sync::local::Notify one core.
/// Cost:     no allocation; while nobody waits, one compare-and-swap to notify and one to take a permit;
///           as with Mutex, neither in a process of one thread.
template <class Scope>
class BasicNotify {
public:
    BasicNotify() noexcept = default;
    BasicNotify(const BasicNotify&) = delete;
    BasicNotify& operator=(const BasicNotify&) = delete;

    class Awaiter;

    class [[nodiscard]] Notified {
    public:
        Notified(BasicNotify& notify, std::uint64_t generation) noexcept : notify_(&notify), generation_(generation) {}
        [[nodiscard]] Awaiter operator co_await() const noexcept { return Awaiter(*notify_, generation_); }

    private:
        BasicNotify* notify_;
        std::uint64_t generation_;
    };

    /// Waits for a notification made after this call: `co_await notify.notified();`
    ///
    /// Completes with the stored permit, which it takes; with a notify_one() or notify_last() that picks it;
    /// or with any notify_waiters() since notified() was called, even if that was before the await.
    ///
    /// A task has its place in the queue from the await on, not from the call. So when several tasks test one
    /// condition and wait for notify_one(), two calls between their tests and their awaits store one permit
    /// and wake one task; a condition that several tasks wait for is announced with notify_waiters().
    ///
    /// Cancel: safe. A task that notify_one() picked and that gives up hands the notification to the next
    ///         waiter, or stores it.
    /// Cost:   as the type says; each waiter is part of the awaiting frame.
    [[nodiscard]] Notified notified() noexcept { return Notified(*this, generation()); }

    /// Wakes the task that waits longest, or stores the permit when nobody waits.
    void notify_one() noexcept { notify(Wake::oldest); }

    /// Wakes the task that came last, or stores the permit when nobody waits.
    void notify_last() noexcept { notify(Wake::newest); }

    /// Wakes every task that waits now, and completes every notified() made before; stores no permit and
    /// takes none. A task that waits again while this runs is not woken twice.
    ///
    /// Cost: linear in the waiters; in batches, so that others get at the lock between them.
    void notify_waiters() noexcept;

    /// How many times notify_waiters() was called.
    [[nodiscard]] std::uint64_t generation() const noexcept { return word_.load() / one_generation; }

private:
    friend Awaiter;

    static constexpr std::uintptr_t permit = 1;
    static constexpr std::uintptr_t waited_for = 2;  // waiters_ is not empty; set and cleared under lock_
    static constexpr std::uintptr_t one_generation = 4;

    /// Which notification woke a waiter, and so what becomes of it when the waiter gives up.
    enum class Wake : std::uint8_t { oldest, newest, all };

    void notify(Wake wake) noexcept {
        std::uintptr_t seen = word_.load();
        // Also a permit that is there already is written: who takes it sees what this caller wrote before.
        do {
            if ((seen & waited_for) != 0) return wake_one(wake);
        } while (!word_.replace(seen, seen | permit));
    }

    // True when there is something for a waiter of that generation; `wake` says what it took.
    [[nodiscard]] bool take(std::uint64_t generation, Wake& wake) noexcept {
        std::uintptr_t seen = word_.load();
        do {
            if (seen / one_generation != generation) {
                wake = Wake::all;
                return true;
            }
            if ((seen & permit) == 0) return false;
        } while (!word_.replace(seen, seen & ~permit));
        wake = Wake::oldest;
        return true;
    }

    // As take(), or links `waiter`, which is bound, as the newest waiter.
    [[nodiscard]] bool take_or_wait(Awaiter& waiter) noexcept;
    void wake_one(Wake wake) noexcept;
    void abandon(Awaiter& waiter) noexcept;
    void forget_waiting() noexcept;

    ScopeWord<Scope> word_;
    [[no_unique_address]] typename Scope::Lock lock_;
    typename Scope::Waiters waiters_;
};

template <class Scope>
class BasicNotify<Scope>::Awaiter : private task::WaitNode {
public:
    Awaiter(BasicNotify& notify, std::uint64_t generation) noexcept : notify_(&notify), generation_(generation) {}
    ~Awaiter() { cancel(); }

    [[nodiscard]] bool await_ready() noexcept {
        if (!notify_->take(generation_, wake_)) return false;
        if (!task::current_scheduler->spend()) [[likely]]
            return true;
        task_and_state = task::node_state::claim;  // was notified and still gives way
        return false;
    }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        task::Scheduler& scheduler = *task::current_scheduler;
        const bool was_notified = has_claim();
        scheduler.bind(*this, awaiting);
        if (!was_notified && !notify_->take_or_wait(*this)) return true;
        give_claim();
        if (scheduler.budget() > 0) return false;
        scheduler.enqueue(*this);  // out of budget: the notification is ours, others run first
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept {
        if ((task_and_state & task::node_state::low_bits) != 0) [[unlikely]]
            notify_->abandon(*this);
    }
    void await_resume() noexcept { task_and_state = 0; }  // idle, and the claim is consumed

private:
    friend BasicNotify;

    BasicNotify* notify_;
    std::uint64_t generation_;
    // Written by the waker, under the lock, unless it is notify_one(): that one leaves this line alone.
    Wake wake_ = Wake::oldest;
};

/// A notification for tasks of any core.
using Notify = BasicNotify<task::SharedScope>;

namespace local {
/// A notification for the tasks of one core.
using Notify = BasicNotify<task::LocalScope>;
}  // namespace local

}  // namespace skerry::sync
