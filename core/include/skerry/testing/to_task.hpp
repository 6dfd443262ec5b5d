#pragma once

// Whatever a test wants to run, as a Task.

#include "../task/branch.hpp"
#include "../task/task.hpp"

#include <concepts>
#include <type_traits>
#include <utility>

namespace skerry::testing {

namespace detail {

template <class A>
decltype(auto) awaiter_of(A&& awaitable) {
    if constexpr (requires { std::forward<A>(awaitable).operator co_await(); })
        return std::forward<A>(awaitable).operator co_await();
    else if constexpr (requires { operator co_await(std::forward<A>(awaitable)); })
        return operator co_await(std::forward<A>(awaitable));
    else
        return std::forward<A>(awaitable);
}

/// What `co_await` of an A gives, without reference.
template <class A>
using Awaited = std::remove_cvref_t<decltype(awaiter_of(std::declval<A>()).await_resume())>;

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<Task<T>> = true;

template <class T, class Kept>
Task<T> await_in_task(Kept kept) {
    co_return co_await static_cast<Kept&&>(kept);
}

/// The closure lives in this frame, so its captures outlive the task that it makes.
template <class T, class F>
Task<T> call_in_task(F fn) {
    co_return co_await fn();
}

/// A Task is taken as it is, a callable is called inside a task that keeps it, anything else is awaited by one.
template <class A>
[[nodiscard]] auto to_task(A&& what) {
    if constexpr (is_task<std::remove_cvref_t<A>>) {
        static_assert(!std::is_lvalue_reference_v<A>, "move the Task in: it is awaited once");
        return std::remove_cvref_t<A>(std::move(what));
    } else if constexpr (std::invocable<std::remove_cvref_t<A>&>) {
        using F = std::remove_cvref_t<A>;
        return call_in_task<Awaited<std::invoke_result_t<F&>>, F>(std::forward<A>(what));
    } else {
        using Kept = task::Kept<A>;
        return await_in_task<Awaited<Kept&&>, Kept>(static_cast<Kept&&>(what));
    }
}

}  // namespace detail

}  // namespace skerry::testing
