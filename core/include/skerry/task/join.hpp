#pragma once

// join: wait for all of several awaitables, concurrently, on one task.

#include "branch.hpp"

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>

namespace skerry {

namespace task {

/// One branch of join. Its value is taken at once when the branch completes, because what a wake granted
/// must be consumed then, and kept until the last branch is done; the frame of a Task goes with the taking.
template <class Awaitable>
class JoinBranch : private BranchFrame {
public:
    explicit JoinBranch(Awaitable&& awaitable) : BranchFrame(&on_resume), branch_(std::forward<Awaitable>(awaitable)) {}

    /// True when the branch is over without waiting.
    [[nodiscard]] bool poll_ready() {
        if (!branch_.awaiter.await_ready()) return false;
        take();
        return true;
    }

    /// True when the branch waits; `pending` counts it until it ends.
    [[nodiscard]] bool arm(std::size_t& pending, std::coroutine_handle<>& parent) {
        pending_ = &pending;
        parent_ = &parent;
        if (branch_.awaiter.await_suspend(handle())) return true;
        take();
        return false;
    }

    [[nodiscard]] bool is_over() const noexcept { return value_.has_value() || thrown_ != nullptr; }
    void cancel() { branch_.awaiter.cancel(); }

    typename Branch<Awaitable>::Stored value() {
        if (thrown_) std::rethrow_exception(thrown_);
        return std::move(*value_);
    }

private:
    static void on_resume(void* self) {
        auto* const branch = static_cast<JoinBranch*>(static_cast<BranchFrame*>(self));
        branch->take();
        if (--*branch->pending_ == 0 && *branch->parent_) resume_parent(*branch->parent_);
    }

    void take() noexcept;

    Branch<Awaitable> branch_;
    std::optional<typename Branch<Awaitable>::Stored> value_;
    std::exception_ptr thrown_;
    std::size_t* pending_ = nullptr;
    std::coroutine_handle<>* parent_ = nullptr;
};

template <class Awaitable>
void JoinBranch<Awaitable>::take() noexcept {
#if defined(__cpp_exceptions)
    try {
        value_.emplace(branch_.take());
    } catch (...) {
        thrown_ = std::current_exception();
    }
#else
    value_.emplace(branch_.take());
#endif
}

template <class... Awaitables>
class JoinAllAwaiter {
    static constexpr std::size_t count = sizeof...(Awaitables);

public:
    using Value = std::tuple<typename Branch<Awaitables>::Stored...>;

    explicit JoinAllAwaiter(Awaitables&&... awaitables) : branches_(std::forward<Awaitables>(awaitables)...) {}

    [[nodiscard]] bool await_ready() { return false; }

    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) {
        // The first branch to be looked at rotates from call to call, so that none is favoured.
        static thread_local std::size_t turn = 0;
        const std::size_t first = turn++ % count;
        pending_ = count;
        for (std::size_t i = 0; i < count; ++i) {
            visit((first + i) % count, [&](auto& branch) {
                if (branch.poll_ready() || !branch.arm(pending_, parent_)) --pending_;
            });
        }
        if (pending_ == 0) return false;
        parent_ = awaiting;
        return true;
    }

    [[nodiscard]] bool is_complete() const noexcept { return pending_ == 0; }

    void cancel() {
        std::apply([](auto&... branch) { (branch.cancel(), ...); }, branches_);
    }

    [[nodiscard]] Value await_resume() {
        return std::apply([](auto&... branch) { return Value{branch.value()...}; }, branches_);
    }

private:
    template <class F>
    void visit(std::size_t index, F&& f) {
        [&]<std::size_t... Is>(std::index_sequence<Is...>) {
            (void)((index == Is && (f(std::get<Is>(branches_)), true)) || ...);
        }(std::index_sequence_for<Awaitables...>{});
    }

    std::tuple<JoinBranch<Awaitables>...> branches_;
    std::size_t pending_ = count;
    std::coroutine_handle<> parent_;
};

template <class... Awaitables>
class [[nodiscard]] JoinAll {
public:
    explicit JoinAll(Awaitables&&... awaitables) : kept_(std::forward<Awaitables>(awaitables)...) {}
    JoinAllAwaiter<Awaitables...> operator co_await() && {
        return std::apply(
            [](auto&... kept) { return JoinAllAwaiter<Awaitables...>(static_cast<Awaitables&&>(kept)...); }, kept_);
    }

private:
    std::tuple<Awaitables...> kept_;
};

}  // namespace task

/// Waits for all of the awaitables at once, on this task, and gives a tuple of what they gave
/// (std::monostate for nothing). Which branch is looked at first rotates from call to call.
///
/// An exception of a branch is rethrown after all branches are over; the first in argument order wins.
///
/// Lifetime: a Task that has ended is destroyed at once, with its parameters: a Sender or a guard that was moved into
///           it is gone while the other branches go on. Values are kept until all branches are over.
/// Cancel:   as each operation says; what completed branches had taken is lost.
/// Cost:     no allocation.
template <class... Awaitables>
[[nodiscard]] auto join(Awaitables&&... awaitables) {
    static_assert(sizeof...(Awaitables) > 0, "join() needs a branch");
    return task::JoinAll<task::Kept<Awaitables>...>(static_cast<task::Kept<Awaitables>&&>(awaitables)...);
}

}  // namespace skerry
