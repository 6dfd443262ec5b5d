#include <skerry/sync/mutex.hpp>

#include <mutex>

namespace skerry::sync {

template <class Scope>
bool MutexCore<Scope>::lock_or_wait(task::WaitNode& node) noexcept {
    const std::lock_guard guard(queue_lock_);
    std::uintptr_t seen = word_.load();
    for (;;) {
        if (seen == 0) {
            if (word_.replace(seen, locked)) return true;
        } else if ((seen & waited_for) != 0 || word_.replace(seen, locked | waited_for)) {
            waiters_.add(node);
            return false;
        }
    }
}

template <class Scope>
void MutexCore<Scope>::hand_over() noexcept {
    task::PendingPosts posts;
    const std::lock_guard guard(queue_lock_);
    // The word stays locked: the mutex passes straight to the waiter. Everybody may have left meanwhile.
    if (!waiters_.wake_one(posts)) {
        word_.store(0);
        return;
    }
    if (waiters_.empty()) word_.store(locked);
}

template <class Scope>
void MutexCore<Scope>::abandon(task::WaitNode& node) noexcept {
    bool has_mutex = false;
    if (node.state() == task::node_state::idle) {
        has_mutex = node.take_claim();
    } else if (node.state() == task::node_state::queued && !node.has_claim()) {
        task::current_scheduler->blank(node);  // gave way without the mutex
    } else {
        const std::lock_guard guard(queue_lock_);
        if (waiters_.remove(node)) {
            if (waiters_.empty()) word_.store(locked);
        } else {
            task::discard_wake(node);
            has_mutex = true;
        }
    }
    if (has_mutex) unlock();
}

template class MutexCore<task::LocalScope>;
template class MutexCore<task::SharedScope>;

}  // namespace skerry::sync
