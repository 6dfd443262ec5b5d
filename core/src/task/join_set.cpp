#include <skerry/task/join_set.hpp>

#include <mutex>

namespace skerry::task {

JoinSetState::~JoinSetState() {
    while (JoinMember* const member = ended_.pop_front()) member->destroy(*member);
}

void JoinSetState::release() noexcept {
    // Acquire and release: the last owner sees what the others did.
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void JoinSetState::add(JoinMember& member) noexcept {
    owners_.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard guard(lock_);
    running_.push_back(member);
    ++running_count_;
}

void JoinSetState::report(JoinMember& member) noexcept {
    {
        PendingPosts posts;
        std::unique_lock guard(lock_);
        if (member.is_detached) {
            guard.unlock();
            member.destroy(member);  // user code in the outcome's destructor: not under the lock
        } else {
            member.unlink();
            --running_count_;
            ended_.push_back(member);
            ++ended_count_;
            settle(posts);
        }
    }
    release();
}

JoinSetState::Next JoinSetState::claim_locked() noexcept {
    if (ended_count_ != claimed_) {
        ++claimed_;
        return Next::ended;
    }
    return running_count_ == 0 ? Next::none : Next::pending;
}

JoinSetState::Next JoinSetState::claim() noexcept {
    const std::lock_guard guard(lock_);
    return claim_locked();
}

JoinSetState::Next JoinSetState::claim_or_wait(JoinNextWait& waiter) noexcept {
    const std::lock_guard guard(lock_);
    const Next next = claim_locked();
    if (next == Next::pending) waiters_.add(waiter);
    return next;
}

// Under the lock: gives the waiters what there is, or the news that nothing will come.
void JoinSetState::settle(PendingPosts& posts) noexcept {
    while (WaitNode* const node = waiters_.front()) {
        const Next next = claim_locked();
        if (next == Next::pending) return;
        static_cast<JoinNextWait&>(*node).has_end_ = next == Next::ended;
        waiters_.wake_one(posts);
    }
}

void JoinSetState::abandon(JoinNextWait& waiter) noexcept {
    PendingPosts posts;
    const std::lock_guard guard(lock_);
    if (waiter.state() != node_state::idle && !waiters_.remove(waiter)) discard_wake(waiter);
    if (!waiter.has_end_) return;
    waiter.has_end_ = false;
    --claimed_;
    settle(posts);
}

JoinMember& JoinSetState::take() noexcept {
    const std::lock_guard guard(lock_);
    --claimed_;
    --ended_count_;
    return *ended_.pop_front();
}

void JoinSetState::abort_all() noexcept {
    const std::lock_guard guard(lock_);
    if (running_.empty()) return;
    // abort() only posts: nothing of a member runs in here.
    for (JoinMember* member = &running_.front(); member != nullptr; member = running_.next_of(*member))
        if (member->handle) member->handle->abort();
}

void JoinSetState::detach_all() noexcept {
    IntrusiveList<JoinMember> dropped;
    {
        PendingPosts posts;
        const std::lock_guard guard(lock_);
        while (JoinMember* const member = running_.pop_front()) member->is_detached = true;
        running_count_ = 0;
        // Ends that a woken waiter has a claim on stay for it.
        while (ended_count_ != claimed_) {
            JoinMember& newest = ended_.back();
            newest.unlink();
            dropped.push_back(newest);
            --ended_count_;
        }
        settle(posts);
    }
    while (JoinMember* const member = dropped.pop_front()) member->destroy(*member);
}

std::size_t JoinSetState::len() noexcept {
    const std::lock_guard guard(lock_);
    return running_count_ + ended_count_;
}

}  // namespace skerry::task
