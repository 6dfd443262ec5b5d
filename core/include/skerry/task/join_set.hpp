#pragma once

// JoinSet: tasks that belong together. It owns them: dropping it aborts them all; joining gives their
// outcomes in the order in which they end.
//
// Each member is a wrapper task around the given one. A parameter of the wrapper owns the given task's
// frame: its destructor, which runs however the wrapper ends, also when it never started, destroys that
// frame first and reports the end second. So everything of a member is gone before its outcome can be
// joined, and what a destructor throws during an abort becomes the outcome.

#include "join_error.hpp"
#include "join_handle.hpp"
#include "promise.hpp"
#include "spawn.hpp"
#include "task.hpp"
#include "wait_queue.hpp"

#include "../base/atomic.hpp"
#include "../base/intrusive_list.hpp"
#include "../base/result.hpp"
#include "../base/spin_lock.hpp"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <utility>
#include <vector>

namespace skerry {

namespace task {

class JoinNextWait;

/// What is known of a member without its type. Its links are those of one of the set's two lists.
struct JoinMember : ListLink {
    explicit JoinMember(void (*destroy_self)(JoinMember&) noexcept) noexcept : destroy(destroy_self) {}

    void (*destroy)(JoinMember&) noexcept;
    std::optional<JoinHandle<void>> handle;  ///< of the wrapper
    bool is_detached = false;                ///< under the set's lock: nobody will ask for the outcome
};

/// What a set and its members share. The set is one owner, each running member another.
class JoinSetState {
public:
    JoinSetState() noexcept = default;
    JoinSetState(const JoinSetState&) = delete;
    JoinSetState& operator=(const JoinSetState&) = delete;
    ~JoinSetState();

    enum class Next : std::uint8_t { pending, ended, none };

    void add(JoinMember& member) noexcept;

    /// The end of `member`, whose outcome is in place. On the member's core; `member` may be gone after it.
    void report(JoinMember& member) noexcept;

    /// Claims the oldest end that nobody has claimed.
    [[nodiscard]] Next claim() noexcept;

    /// claim() that links `waiter`, which is bound, while the answer is pending.
    [[nodiscard]] Next claim_or_wait(JoinNextWait& waiter) noexcept;

    /// Ends the wait of `waiter`, and passes its claim on.
    void abandon(JoinNextWait& waiter) noexcept;

    /// The member that ended first; the caller has a claim and owns it then.
    [[nodiscard]] JoinMember& take() noexcept;

    void abort_all() noexcept;
    void detach_all() noexcept;
    [[nodiscard]] std::size_t len() noexcept;

    /// One owner less.
    void release() noexcept;

private:
    [[nodiscard]] Next claim_locked() noexcept;
    void settle(PendingPosts& posts) noexcept;

    SpinLock lock_;
    skerry::atomic<std::uint32_t> owners_{1};
    std::size_t running_count_ = 0;
    std::size_t ended_count_ = 0;
    std::size_t claimed_ = 0;  // at most ended_count_
    IntrusiveList<JoinMember> running_;
    IntrusiveList<JoinMember> ended_;
    SharedWaiters waiters_;
};

template <class T>
struct TypedJoinMember : JoinMember {
    TypedJoinMember(JoinSetState& in_set, Task<T>&& task) noexcept
        : JoinMember(&destroy_typed), set(&in_set), coroutine(task.release()) {}
    static void destroy_typed(JoinMember& self) noexcept { delete static_cast<TypedJoinMember*>(&self); }

    JoinSetState* set;
    std::coroutine_handle<Promise<T>> coroutine;
    Result<T, JoinError> outcome = Unexpected(JoinError());  ///< cancelled, until the task says something else
};

/// The wrapper's parameter: ends the member when it goes away.
template <class T>
class MemberRun {
public:
    explicit MemberRun(TypedJoinMember<T>& member) noexcept : member_(&member) {}
    MemberRun(MemberRun&& other) noexcept : member_(std::exchange(other.member_, nullptr)) {}
    MemberRun& operator=(MemberRun&&) = delete;
    ~MemberRun() {
        if (member_ != nullptr) end();
    }

    [[nodiscard]] TypedJoinMember<T>& member() const noexcept { return *member_; }

private:
    void end() noexcept {
        TypedJoinMember<T>& member = *member_;
        std::exception_ptr thrown;
        // Also the frame of a task that never ended: its wrapper was aborted.
        if (!destroy_ended(member.coroutine, thrown)) [[unlikely]]
            member.outcome = Unexpected(JoinError(std::move(thrown)));
        member.set->report(member);
    }

    TypedJoinMember<T>* member_;
};

template <class T>
Task<void> run_member(MemberRun<T> run) {
    auto outcome = co_await OutcomeAwaiter<T>(run.member().coroutine);
    run.member().outcome = std::move(outcome);
}

/// Waits for the next end in a set.
class JoinNextWait : protected WaitNode {
public:
    explicit JoinNextWait(JoinSetState& set) noexcept : set_(&set) {}
    ~JoinNextWait() { cancel(); }

    [[nodiscard]] bool await_ready() noexcept {
        const JoinSetState::Next found = set_->claim();
        if (found != JoinSetState::Next::ended) return found == JoinSetState::Next::none;
        has_end_ = true;
        return !current_scheduler->spend();
    }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        Scheduler& scheduler = *current_scheduler;
        scheduler.bind(*this, awaiting);
        if (!has_end_) {
            const JoinSetState::Next found = set_->claim_or_wait(*this);
            if (found == JoinSetState::Next::pending) return true;
            has_end_ = found == JoinSetState::Next::ended;
        }
        if (scheduler.budget() > 0) return false;
        scheduler.enqueue(*this);  // out of budget: the end is ours, others run first
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == node_state::idle; }
    void cancel() noexcept {
        if (state() != node_state::idle || has_end_) [[unlikely]]
            set_->abandon(*this);
    }

protected:
    // The member to be joined, which the caller owns then; null when there was none.
    [[nodiscard]] JoinMember* take() noexcept {
        task_and_state = 0;  // idle, and the claim is consumed
        if (!std::exchange(has_end_, false)) return nullptr;
        return &set_->take();
    }

private:
    friend JoinSetState;

    JoinSetState* set_;
    // The claim: set by whoever grants, under the lock, before the wake. A wake without it: no members.
    bool has_end_ = false;
};

/// Moves the outcome out of `member` and deletes it.
template <class T>
[[nodiscard]] Result<T, JoinError> consume(JoinMember& member) noexcept {
    const std::unique_ptr<TypedJoinMember<T>> ended(static_cast<TypedJoinMember<T>*>(&member));
    return std::move(ended->outcome);
}

template <class T>
class [[nodiscard]] JoinNext {
public:
    class Awaiter : public JoinNextWait {
    public:
        using JoinNextWait::JoinNextWait;
        [[nodiscard]] std::optional<Result<T, JoinError>> await_resume() noexcept {
            JoinMember* const member = take();
            if (member == nullptr) return std::nullopt;
            return consume<T>(*member);
        }
    };

    explicit JoinNext(JoinSetState& set) noexcept : set_(&set) {}
    [[nodiscard]] Awaiter operator co_await() const noexcept { return Awaiter(*set_); }

private:
    JoinSetState* set_;
};

}  // namespace task

/// Tasks that belong together, and their outcomes in the order in which they end.
///
/// Dropping the set aborts its members; they end soon after, each on its core, and are not waited for.
///
/// Lifetime: outlives the awaits on it; may be moved while nobody awaits it.
/// Threads:  one core. Members may end on any.
/// Cost:     one small allocation and one more frame for each member; an end allocates nothing.
template <class T = void>
class JoinSet {
public:
    using Outcome = Result<T, JoinError>;

    JoinSet() : state_(new task::JoinSetState) {}
    JoinSet(JoinSet&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    JoinSet& operator=(JoinSet&& other) noexcept {
        JoinSet taken(std::move(other));
        std::swap(state_, taken.state_);
        return *this;
    }
    ~JoinSet() {
        if (state_ == nullptr) return;
        state_->abort_all();
        state_->detach_all();
        state_->release();
    }

    /// Starts `task` on this core as a member.
    ///
    /// Errors: std::bad_alloc; when there is memory for the member and none for its frame, it is joined as cancelled.
    AbortHandle spawn(Task<T> task, std::source_location where = std::source_location::current()) {
        auto& member = *new task::TypedJoinMember<T>(*state_, std::move(task));
        // The set owns it from here on, also when there is no memory for its frame: then it has ended as cancelled.
        state_->add(member);
        Task<void> wrapper = task::run_member<T>(task::MemberRun<T>(member));
        member.handle.emplace(skerry::spawn(std::move(wrapper), where));
        return member.handle->abort_handle();
    }

    /// Waits for the next member to end and gives its outcome; nullopt when there are no members.
    ///
    /// Errors: JoinError, as JoinHandle: cancelled, or what the member threw.
    /// Cancel: safe: an end that was granted goes to the next who asks.
    /// Cost:   one lock; suspends only if no member has ended.
    [[nodiscard]] task::JoinNext<T> join_next() noexcept { return task::JoinNext<T>(*state_); }

    /// The next outcome if a member has ended.
    [[nodiscard]] std::optional<Outcome> try_join_next() noexcept {
        if (state_->claim() != task::JoinSetState::Next::ended) return std::nullopt;
        return task::consume<T>(state_->take());
    }

    /// Asks every member to end. Their outcomes are still to be joined; one that ends first keeps its value.
    void abort_all() noexcept { state_->abort_all(); }

    /// Lets every member run on alone, and drops the outcomes that are not joined. The set is empty then.
    void detach_all() noexcept { state_->detach_all(); }

    /// Aborts every member and waits until all have ended.
    ///
    /// Cancel: safe: the members are aborted all the same.
    [[nodiscard]] Task<void> shutdown() {
        abort_all();
        for (;;) {
            auto ended = co_await join_next();
            if (!ended) co_return;
        }
    }

    /// Waits for all members and gives their outcomes in the order in which they ended.
    ///
    /// Cancel: partial: outcomes that were taken already are lost.
    [[nodiscard]] Task<std::vector<Outcome>> join_all() {
        std::vector<Outcome> outcomes;
        for (;;) {
            auto ended = co_await join_next();
            if (!ended) co_return outcomes;
            outcomes.push_back(std::move(*ended));
        }
    }

    /// Members that are not joined, running and ended.
    [[nodiscard]] std::size_t len() const noexcept { return state_->len(); }
    [[nodiscard]] bool is_empty() const noexcept { return len() == 0; }

private:
    task::JoinSetState* state_;
};

}  // namespace skerry
