#include <skerry/sync/notify.hpp>

#include <mutex>

namespace skerry::sync {

namespace {

// So many waiters are woken under one hold of the lock. The models look at what happens between two batches.
#if defined(SKERRY_MODEL)
constexpr int wake_batch = 1;
#else
constexpr int wake_batch = 32;
#endif

}  // namespace

// Under the lock: keeps the flag true to the queue.
template <class Scope>
void BasicNotify<Scope>::forget_waiting() noexcept {
    if (!waiters_.empty()) return;
    std::uintptr_t seen = word_.load();
    while (!word_.replace(seen, seen & ~waited_for)) {
    }
}

template <class Scope>
bool BasicNotify<Scope>::take_or_wait(Awaiter& waiter) noexcept {
    const std::lock_guard guard(lock_);
    std::uintptr_t seen = word_.load();
    for (;;) {
        if (seen / one_generation == waiter.generation_ && (seen & permit) == 0) {
            if (word_.replace(seen, seen | waited_for)) break;
        } else if (take(waiter.generation_, waiter.wake_)) {
            return true;
        } else {
            seen = word_.load();  // the permit went to somebody else; another may have come: look again
        }
    }
    waiters_.add(waiter);
    return false;
}

template <class Scope>
void BasicNotify<Scope>::wake_one(Wake wake) noexcept {
    task::PendingPosts posts;
    const std::lock_guard guard(lock_);
    if (waiters_.empty()) {  // they left or were woken meanwhile
        std::uintptr_t seen = word_.load();
        while (!word_.replace(seen, seen | permit)) {
        }
        return;
    }
    if (wake == Wake::newest) {
        static_cast<Awaiter&>(*waiters_.back()).wake_ = wake;
        waiters_.wake_last(posts);
    } else {
        waiters_.wake_one(posts);
    }
    forget_waiting();
}

template <class Scope>
void BasicNotify<Scope>::notify_waiters() noexcept {
    // Everybody who waits now moves to a list of this call: who waits again while the lock is open between
    // two batches is not in it. A waiter that gives up meanwhile unlinks itself from it under the lock.
    typename Scope::Waiters woken;
    bool more = true;
    for (bool first = true; more; first = false) {
        task::PendingPosts posts;
        const std::lock_guard guard(lock_);
        if (first) {
            std::uintptr_t seen = word_.load();
            while (!word_.replace(seen, (seen + one_generation) & ~waited_for)) {
            }
            woken.splice_back(waiters_);
        }
        for (int i = 0; i < wake_batch && !woken.empty(); ++i) {
            static_cast<Awaiter&>(*woken.front()).wake_ = Wake::all;
            woken.queue_one(posts);
        }
        more = !woken.empty();
    }
}

template <class Scope>
void BasicNotify<Scope>::abandon(Awaiter& waiter) noexcept {
    bool was_woken = false;
    if (waiter.state() == task::node_state::idle) {
        was_woken = waiter.take_claim();
    } else {
        const std::lock_guard guard(lock_);
        if (waiters_.remove(waiter)) {
            forget_waiting();
        } else {
            task::discard_wake(waiter);
            was_woken = true;
        }
    }
    if (was_woken && waiter.wake_ != Wake::all) notify(waiter.wake_);
}

template class BasicNotify<task::LocalScope>;
template class BasicNotify<task::SharedScope>;

}  // namespace skerry::sync
