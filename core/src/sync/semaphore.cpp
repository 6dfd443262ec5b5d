#include <skerry/sync/semaphore.hpp>

#include <algorithm>
#include <mutex>

namespace skerry::sync {

template <class Scope>
typename BasicSemaphore<Scope>::Taken BasicSemaphore<Scope>::take_or_wait(Awaiter& waiter) noexcept {
    const std::lock_guard guard(queue_lock_);
    std::uintptr_t seen = word_.load();
    for (;;) {
        if ((seen & closed) != 0) return Taken::closed;
        if ((seen & waited_for) != 0) break;
        if (seen / one_permit >= waiter.need_) {
            if (word_.replace(seen, seen - waiter.need_ * one_permit)) return Taken::all;
        } else if (word_.replace(seen, seen | waited_for)) {
            break;
        }
    }
    waiters_.add(waiter);
    return Taken::nothing;
}

// Under the lock. Gives the oldest waiters what they need while there is enough.
template <class Scope>
void BasicSemaphore<Scope>::grant(task::PendingPosts& posts, bool only_one) noexcept {
    while (task::WaitNode* const node = waiters_.front()) {
        auto& waiter = static_cast<Awaiter&>(*node);
        const std::uintptr_t seen = word_.load();
        if (seen / one_permit < waiter.need_) return;
        word_.store(seen - waiter.need_ * one_permit);  // waited for: nobody else changes the word
        waiter.granted_ = true;
        if (only_one)
            waiters_.wake_one(posts);
        else
            waiters_.queue_one(posts);
    }
    std::uintptr_t seen = word_.load();
    while (!word_.replace(seen, seen & ~waited_for)) {
    }
}

template <class Scope>
void BasicSemaphore<Scope>::add_and_grant(std::size_t n) noexcept {
    task::PendingPosts posts;
    const std::lock_guard guard(queue_lock_);
    std::uintptr_t seen = word_.load();
    do check_room(seen, n);
    while (!word_.replace(seen, seen + n * one_permit));
    grant(posts, n == 1);
}

template <class Scope>
void BasicSemaphore<Scope>::abandon(Awaiter& waiter) noexcept {
    if (waiter.state() != task::node_state::idle) {
        task::PendingPosts posts;
        const std::lock_guard guard(queue_lock_);
        if (waiters_.remove(waiter))
            grant(posts, false);  // the one behind it may fit now
        else
            task::discard_wake(waiter);
    }
    if (waiter.granted_) {
        waiter.granted_ = false;
        add_permits(waiter.need_);
    }
}

template <class Scope>
std::size_t BasicSemaphore<Scope>::forget_permits(std::size_t n) noexcept {
    const std::lock_guard guard(queue_lock_);
    std::uintptr_t seen = word_.load();
    std::size_t gone = 0;
    do gone = std::min<std::size_t>(n, seen / one_permit);
    while (!word_.replace(seen, seen - gone * one_permit));
    return gone;
}

template <class Scope>
void BasicSemaphore<Scope>::close() noexcept {
    task::PendingPosts posts;
    const std::lock_guard guard(queue_lock_);
    std::uintptr_t seen = word_.load();
    while (!word_.replace(seen, (seen | closed) & ~waited_for)) {
    }
    while (waiters_.queue_one(posts)) {
    }
}

template class BasicSemaphore<task::LocalScope>;
template class BasicSemaphore<task::SharedScope>;

}  // namespace skerry::sync
