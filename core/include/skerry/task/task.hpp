#pragma once

// Hot path. Task<T>: a lazy coroutine. Nothing runs until it is awaited or spawned; destroying it destroys
// the suspended frame, and with it cancels whatever the frame waits for.

#include "promise.hpp"

#include "../base/assert.hpp"
#include "../base/result.hpp"

#include <coroutine>
#include <type_traits>
#include <utility>

namespace skerry {

namespace task {
template <class T>
class OutcomeAwaiter;
}

/// A coroutine that gives a T. Awaited once, as an rvalue: `T value = co_await f();`
///
/// An exception in it is rethrown by the await.
///
/// Lifetime: owns its frame. Reference parameters must outlive the await. The frame and its parameters, and what
///           ok() left of the locals, go with the Task and not with its end: after `co_await f(std::move(sender))`
///           the sender is gone; after `co_await std::move(task)` it lives until `task` does not.
/// Cancel:   safe: destroying a Task that was never started runs nothing; destroying a started one destroys
///           its locals at the point where it waits.
/// Threads:  created anywhere, runs on the core that awaits or spawns it.
/// Cost:     one slab block per frame; two transfers per await, no allocation call in steady state.
template <class T = void>
class [[nodiscard]] Task {
    static_assert(!std::is_reference_v<T>, "a Task gives a value; return a pointer to share an object");

public:
    using value_type = T;
    using promise_type = task::Promise<T>;

    Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        Task taken(std::move(other));
        std::swap(coroutine_, taken.coroutine_);
        return *this;
    }
    ~Task() {
        if (coroutine_) task::destroy_owned(coroutine_);
    }

    /// False after a move.
    [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(coroutine_); }

    class Awaiter {
    public:
        explicit Awaiter(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
#if SKERRY_HAND_OVER
        void await_suspend(std::coroutine_handle<> awaiting) noexcept {
            coroutine_.promise().set_continuation(awaiting);
            task::current_scheduler->hand_over(coroutine_);
        }
#else
        std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
            coroutine_.promise().set_continuation(awaiting);
            return coroutine_;
        }
#endif
        T await_resume() { return coroutine_.promise().take(); }

    private:
        std::coroutine_handle<promise_type> coroutine_;
    };

    Awaiter operator co_await() && noexcept {
        SKERRY_DEBUG_ASSERT(coroutine_, "a moved-from Task is awaited");
        return Awaiter(coroutine_);
    }

    /// Gives the frame away; for spawn() and combinators.
    [[nodiscard]] std::coroutine_handle<promise_type> release() noexcept { return std::exchange(coroutine_, nullptr); }

private:
    friend promise_type;
    friend task::OutcomeAwaiter<T>;
    explicit Task(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}

    std::coroutine_handle<promise_type> coroutine_;
};

template <class T>
Task<T> task::Promise<T>::get_return_object() noexcept {
    return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> task::Promise<void>::get_return_object() noexcept {
    return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

namespace task {

/// Awaits a task and gives how it ended: an exception becomes part of the outcome without being thrown again.
template <class T>
class OutcomeAwaiter : public Task<T>::Awaiter {
public:
    explicit OutcomeAwaiter(std::coroutine_handle<Promise<T>> coroutine) noexcept
        : Task<T>::Awaiter(coroutine), coroutine_(coroutine) {}
    explicit OutcomeAwaiter(const Task<T>& task) noexcept : OutcomeAwaiter(task.coroutine_) {}
    [[nodiscard]] Result<T, JoinError> await_resume() noexcept { return coroutine_.promise().take_outcome(); }

private:
    std::coroutine_handle<Promise<T>> coroutine_;
};

/// The awaiter of ok(): ends the awaiting coroutine with the error instead of resuming it.
template <class R>
class OkAwaiter {
public:
    explicit OkAwaiter(R&& result) noexcept : result_(std::move(result)) {}
    [[nodiscard]] bool await_ready() const noexcept { return result_.has_value(); }
    template <class P>
    auto await_suspend(std::coroutine_handle<P> coroutine) noexcept {
        coroutine.promise().return_value(Unexpected(std::move(result_).error()));
        return P::end(coroutine);
    }
    decltype(auto) await_resume() {
        if constexpr (!std::is_void_v<typename R::value_type>) return typename R::value_type(std::move(*result_));
    }

private:
    R result_;
};

}  // namespace task

/// Unwraps a Result inside a Task that returns a Result: `auto n = co_await ok(co_await s.read(buffer));`
/// gives the value, or ends the task with the error without resuming it; its locals are destroyed by
/// whoever awaits it.
///
/// Cancel: safe: it never waits.
/// Cost:   on success a test and a move; on error one transfer, no exception.
template <class T, class E>
[[nodiscard]] task::OkAwaiter<Result<T, E>> ok(Result<T, E>&& result) noexcept {
    return task::OkAwaiter<Result<T, E>>(std::move(result));
}

}  // namespace skerry
