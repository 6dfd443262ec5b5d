#pragma once

// CancellationToken: tells any number of tasks to stop. Tokens form trees: cancelling one cancels all that
// were made from it, never the one that it was made from.
//
// A tree has one lock, taken to make or drop a child, to wait and to cancel; is_cancelled() is one load. A
// node knows its children as a ring through them and has no pointer up: a token that is dropped puts its
// children into the ring in its own place, so dropping, like everything but cancel(), takes constant time,
// a chain of any depth needs no recursion, and no node outlives its handles. One lock for each node was
// rejected: a child must then be locked together with a parent that changes under it.

#include "branch.hpp"
#include "scheduler.hpp"
#include "select.hpp"
#include "wait_queue.hpp"

#include "../base/atomic.hpp"
#include "../base/intrusive_list.hpp"
#include "../base/spin_lock.hpp"

#include <coroutine>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <variant>

namespace skerry {

namespace task {

/// What the tokens of one tree share.
struct CancelTree {
    SpinLock lock;
    skerry::atomic<std::uint32_t> nodes{1};
};

/// One place in a tree of tokens. As a link it is in the ring of its parent's children.
struct CancelNode : ListLink {
    explicit CancelNode(CancelTree& in_tree) noexcept : tree(&in_tree) {}

    CancelTree* tree;
    skerry::atomic<std::uint32_t> handles{1};
    skerry::atomic<bool> cancelled{false};
    SharedWaiters waiters;             // under tree->lock
    ListLink children{&children, &children};  // the head of their ring; under tree->lock
};

/// Waits for a token to be cancelled.
class CancelledAwaiter : private WaitNode {
public:
    explicit CancelledAwaiter(CancelNode& node) noexcept : node_(&node) {}
    ~CancelledAwaiter() { cancel(); }

    [[nodiscard]] bool await_ready() noexcept { return is_cancelled() && !current_scheduler->spend(); }
    /// Acquire: what was written before cancel() is seen.
    [[nodiscard]] bool is_cancelled() const noexcept { return node_->cancelled.load(std::memory_order_acquire); }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept;
    [[nodiscard]] bool is_complete() const noexcept { return state() == node_state::idle; }
    void cancel() noexcept {
        if (state() != node_state::idle) [[unlikely]]
            leave();
    }
    void await_resume() noexcept { take_claim(); }

private:
    void leave() noexcept;

    CancelNode* node_;
};

class [[nodiscard]] Cancelled {
public:
    explicit Cancelled(CancelNode& node) noexcept : node_(&node) {}
    [[nodiscard]] CancelledAwaiter operator co_await() const noexcept { return CancelledAwaiter(*node_); }

private:
    CancelNode* node_;
};

/// A biased select of a token and one awaitable, whose value is an optional.
template <class Awaitable>
class UntilCancelledAwaiter : public SelectAwaiter<SelectOrder::biased, Cancelled, Awaitable> {
    using Base = SelectAwaiter<SelectOrder::biased, Cancelled, Awaitable>;

public:
    using Base::Base;
    // A cancelled token that met the end of the budget waits for the task to run again, and the other is not begun.
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) {
        if (this->first_branch().is_cancelled()) [[unlikely]]
            return this->wait_for_first(awaiting);
        return Base::await_suspend(awaiting);
    }
    [[nodiscard]] std::optional<typename Branch<Awaitable>::Stored> await_resume() {
        auto value = Base::await_resume();
        if (value.index() == 0) return std::nullopt;
        return std::get<1>(std::move(value));
    }
};

template <class Awaitable>
class [[nodiscard]] UntilCancelled {
public:
    UntilCancelled(CancelNode& node, Awaitable&& awaitable) : node_(&node), kept_(std::forward<Awaitable>(awaitable)) {}
    UntilCancelledAwaiter<Awaitable> operator co_await() && {
        return UntilCancelledAwaiter<Awaitable>(Cancelled(*node_), static_cast<Awaitable&&>(kept_));
    }

private:
    CancelNode* node_;
    Awaitable kept_;
};

}  // namespace task

/// A handle of a place in a tree of tokens. Copies are handles of the same place.
///
/// Lifetime: a place lives as long as its handles; dropping them cancels nothing.
/// Threads:  any, also threads that are no core; cancelled() is awaited on a core.
/// Cost:     one heap block for each place; a copy is one atomic addition.
class CancellationToken {
public:
    class DropGuard;
    struct CancelCall;

    /// A token without a parent.
    CancellationToken();
    CancellationToken(const CancellationToken& other) noexcept : node_(other.node_) {
        if (node_ != nullptr) node_->handles.fetch_add(1, std::memory_order_relaxed);
    }
    CancellationToken(CancellationToken&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    CancellationToken& operator=(CancellationToken other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }
    ~CancellationToken() {
        if (node_ != nullptr) drop();
    }

    /// A token that is cancelled with this one, and whose own cancel() leaves this one alone. A child of a
    /// cancelled token is born cancelled. When all handles of this token are dropped, its children become
    /// children of its parent.
    [[nodiscard]] CancellationToken child_token() const;

    /// Cancels this token and everything made from it; all of them are cancelled when it returns, also when
    /// another thread does the same at the same time. Idempotent.
    ///
    /// Cost: linear in what is below and in those who wait, under the lock of the tree.
    void cancel() const noexcept;

    /// One load.
    [[nodiscard]] bool is_cancelled() const noexcept {
        // Acquire: pairs with cancel(), so that what was written before it is seen.
        return node_->cancelled.load(std::memory_order_acquire);
    }

    /// Waits until the token is cancelled: `co_await select(token.cancelled(), stream.read(buffer));`
    ///
    /// Lifetime: a handle of this token outlives the await.
    /// Cancel:   safe.
    [[nodiscard]] task::Cancelled cancelled() const noexcept { return task::Cancelled(*node_); }

    /// Waits for the awaitable or for the token, whichever comes first, and gives what the awaitable gave
    /// (std::monostate for nothing), or nullopt when the token came first. A token that is cancelled already
    /// wins without the awaitable being started.
    ///
    /// Lifetime: as cancelled(); lvalues are used by reference.
    /// Cancel:   as the awaitable says.
    /// Cost:     as select_biased(): no allocation.
    template <class Awaitable>
    [[nodiscard]] auto run_until_cancelled(Awaitable&& awaitable) const {
        return task::UntilCancelled<task::Kept<Awaitable>>(*node_, static_cast<task::Kept<Awaitable>&&>(awaitable));
    }

    /// Makes an object that cancels this token when it goes away.
    [[nodiscard]] DropGuard drop_guard() &&;

    /// Cancels this token when `stop` is requested, for as long as the returned object lives.
    [[nodiscard]] std::stop_callback<CancelCall> cancel_on(std::stop_token stop) const;

    /// Two handles of one place are equal.
    friend bool operator==(const CancellationToken& a, const CancellationToken& b) noexcept = default;

private:
    explicit CancellationToken(task::CancelNode& node) noexcept : node_(&node) {}
    void drop() noexcept;

    task::CancelNode* node_;
};

/// Cancels a token when it goes away, unless disarm() takes the token out.
class [[nodiscard]] CancellationToken::DropGuard {
public:
    explicit DropGuard(CancellationToken token) noexcept : token_(std::move(token)) {}
    DropGuard(DropGuard&& other) noexcept
        : token_(std::move(other.token_)), armed_(std::exchange(other.armed_, false)) {}
    DropGuard& operator=(DropGuard&&) = delete;
    ~DropGuard() {
        if (armed_) token_.cancel();
    }

    /// Gives the token back; this object then cancels nothing.
    [[nodiscard]] CancellationToken disarm() && noexcept {
        armed_ = false;
        return std::move(token_);
    }

private:
    CancellationToken token_;
    bool armed_ = true;
};

/// What std::stop_callback calls; see CancellationToken::cancel_on().
struct CancellationToken::CancelCall {
    CancellationToken token;
    void operator()() const noexcept { token.cancel(); }
};

inline CancellationToken::DropGuard CancellationToken::drop_guard() && { return DropGuard(std::move(*this)); }

inline std::stop_callback<CancellationToken::CancelCall> CancellationToken::cancel_on(std::stop_token stop) const {
    return std::stop_callback<CancelCall>(std::move(stop), CancelCall{*this});
}

}  // namespace skerry
