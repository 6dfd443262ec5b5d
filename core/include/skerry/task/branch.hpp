#pragma once

// Hot path. What select, join and timeout are made of: awaiters built in place from small awaitables, and a
// stand-in for a coroutine frame that tells a combinator that one branch is over.
//
// A combinator takes awaitables, which are small and copyable or movable, and builds their awaiters inside
// its own, so nothing is allocated. An awaiter that can be a branch has, beside the three functions of the
// language, is_complete() (it was woken and its wake was processed) and cancel() (it leaves whatever it waits
// in and passes a claim on; idempotent; the destructor does the same).

#include "scheduler.hpp"
#include "task.hpp"

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace skerry::task {

template <class A>
concept BranchAwaiter = requires(A& awaiter, std::coroutine_handle<> handle) {
    { awaiter.await_ready() } -> std::same_as<bool>;
    { awaiter.await_suspend(handle) } -> std::same_as<bool>;
    { awaiter.is_complete() } -> std::same_as<bool>;
    awaiter.cancel();
    awaiter.await_resume();
};

/// What stands for `Task<T>&&` and for every other awaitable when it is a branch.
template <class A>
[[nodiscard]] decltype(auto) branch_awaiter(A&& awaitable) {
    return std::forward<A>(awaitable).operator co_await();
}

/// Looks to the compiler like a suspended coroutine: resuming it calls `on_resume`. The first two words of a
/// coroutine frame are its resume and destroy functions in the ABI that g++ and clang share.
struct BranchFrame {
    void (*resume)(void*);
    void (*destroy)(void*);

    explicit BranchFrame(void (*on_resume)(void*)) noexcept : resume(on_resume), destroy(&ignore) {}
    BranchFrame(const BranchFrame&) = delete;
    BranchFrame& operator=(const BranchFrame&) = delete;

    [[nodiscard]] std::coroutine_handle<> handle() noexcept { return std::coroutine_handle<>::from_address(this); }

private:
    static void ignore(void*) {}
};

/// Goes on with a combinator's parent from inside a branch's end.
inline void resume_parent(std::coroutine_handle<> parent) noexcept {
#if SKERRY_HAND_OVER
    current_scheduler->hand_over(parent);
#else
    parent.resume();
#endif
}

/// A child Task as a branch. It starts in place when it is armed; when it ends while the other branches are
/// still being armed it only says so, and never transfers into a parent that has not suspended.
///
/// Its frame goes when its value is taken, and not with the combinator: another branch may wait for what a parameter
/// or, after ok(), a local of it holds.
template <class T>
class TaskBranch : private BranchFrame {
public:
    explicit TaskBranch(Task<T>&& task) noexcept : BranchFrame(&on_resume), coroutine_(task.release()) {}
    ~TaskBranch() { cancel(); }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> parent) noexcept {
        coroutine_.promise().set_continuation(handle());
        parent_ = nullptr;
        current_scheduler->resume_nested(coroutine_);
        if (is_over_) return false;
        parent_ = parent;
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return is_over_; }
    void cancel() noexcept {
        if (coroutine_) destroy_owned(std::exchange(coroutine_, nullptr));
    }
    T await_resume() {
        const FrameDrop after_the_value(*this);
        return coroutine_.promise().take();
    }

private:
    /// A value or an exception is out of the frame before this runs the frame's destructors, which may wake or abort
    /// whomever they like; what they throw is lost, as where any Task goes.
    class FrameDrop {
    public:
        explicit FrameDrop(TaskBranch& branch) noexcept : branch_(branch) {}
        FrameDrop(const FrameDrop&) = delete;
        FrameDrop& operator=(const FrameDrop&) = delete;
        ~FrameDrop() { branch_.cancel(); }

    private:
        TaskBranch& branch_;
    };

    static void on_resume(void* self) {
        auto* const branch = static_cast<TaskBranch*>(static_cast<BranchFrame*>(self));
        branch->is_over_ = true;
        if (branch->parent_) resume_parent(branch->parent_);
    }

    std::coroutine_handle<Promise<T>> coroutine_;
    std::coroutine_handle<> parent_;
    bool is_over_ = false;
};

template <class T>
[[nodiscard]] TaskBranch<T> branch_awaiter(Task<T>&& task) {
    return TaskBranch<T>(std::move(task));
}

/// One branch of a combinator, its awaiter built in place.
template <class Awaitable>
struct Branch {
    using Awaiter = decltype(branch_awaiter(std::declval<Awaitable&&>()));
    using Value = decltype(std::declval<Awaiter&>().await_resume());
    /// void cannot be in a variant or tuple.
    using Stored = std::conditional_t<std::is_void_v<Value>, std::monostate, std::remove_cvref_t<Value>>;
    static_assert(BranchAwaiter<std::remove_reference_t<Awaiter>>,
                  "this awaitable cannot be a branch: its awaiter has no is_complete() and cancel()");

    Awaiter awaiter;

    explicit Branch(Awaitable&& awaitable) : awaiter(branch_awaiter(std::forward<Awaitable>(awaitable))) {}

    Stored take() {
        if constexpr (std::is_void_v<Value>) {
            awaiter.await_resume();
            return {};
        } else {
            return awaiter.await_resume();
        }
    }
};

/// How a combinator keeps an awaitable until it is awaited: lvalues by reference, the rest by value.
template <class A>
using Kept = std::conditional_t<std::is_lvalue_reference_v<A>, A, std::remove_cvref_t<A>>;

}  // namespace skerry::task
