#pragma once

// Hot path. select and select_biased: wait for the first of several awaitables.

#include "branch.hpp"

#include "../base/assert.hpp"

#include <array>
#include <coroutine>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace skerry {

namespace task {

template <class Awaitable>
class When;
template <class Awaitable>
class WhenAwaiter;

/// One branch of a select: only here may it be a when().
template <class Awaitable>
struct SelectBranch : Branch<Awaitable> {
    using Branch<Awaitable>::Branch;
};

template <class Awaitable>
struct SelectBranch<When<Awaitable>> {
    using Stored = typename Branch<Awaitable>::Stored;

    WhenAwaiter<Awaitable> awaiter;

    explicit SelectBranch(When<Awaitable>&& when) : awaiter(std::move(when)) {}
    Stored take() { return awaiter.await_resume(); }
};

enum class SelectOrder : bool { fair, biased };

/// Waits for the first of its branches. The first completion that the home core processes unlinks the
/// others inside await_resume, before the expression goes on, so a loser never takes a value with it.
template <SelectOrder Order, class... Awaitables>
class SelectAwaiter {
    static constexpr std::size_t count = sizeof...(Awaitables);
    static constexpr std::size_t none = count;

public:
    using Value = std::variant<typename SelectBranch<Awaitables>::Stored...>;

    explicit SelectAwaiter(Awaitables&&... awaitables) : branches_(std::forward<Awaitables>(awaitables)...) {}

    [[nodiscard]] bool await_ready() {
        if constexpr (Order == SelectOrder::fair) first_ = current_scheduler->tie_break() % count;
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t index = nth(i);
            visit(index, [&](auto& branch) {
                if (branch.awaiter.await_ready()) winner_ = index;
            });
            if (winner_ != none) return true;
            // That branch spent the budget: the ready ones among the rest queue themselves when they are armed.
            // Looked at now, one of them would win and the task would never give way.
            if (current_scheduler->budget() <= 0) return false;
        }
        return false;
    }

    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) {
        bool any_enabled = false;
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t index = nth(i);
            visit(index, [&](auto& branch) {
                if constexpr (requires { branch.awaiter.is_disabled(); })
                    if (branch.awaiter.is_disabled()) return;
                any_enabled = true;
                if (!branch.awaiter.await_suspend(awaiting)) winner_ = index;
                armed_[index] = true;
            });
            if (winner_ != none) return false;
        }
        SKERRY_ASSERT(any_enabled, "every branch of a select is disabled: it would wait for ever");
        return true;
    }

    [[nodiscard]] bool is_complete() {
        if (winner_ != none) return true;
        for (std::size_t i = 0; i < count && winner_ == none; ++i) {
            const std::size_t index = nth(i);
            if (!armed_[index]) continue;
            visit(index, [&](auto& branch) {
                if (branch.awaiter.is_complete()) winner_ = index;
            });
        }
        return winner_ != none;
    }

    void cancel() {
        for_each([](auto& branch) { branch.awaiter.cancel(); });
    }

    [[nodiscard]] Value await_resume() {
        const bool complete = is_complete();
        SKERRY_ASSERT(complete, "a select resumed and none of its branches is complete");
        return take_winner(std::index_sequence_for<Awaitables...>{});
    }

protected:
    [[nodiscard]] auto& first_branch() noexcept { return std::get<0>(branches_).awaiter; }
    /// Instead of await_suspend(): waits for the first branch alone.
    [[nodiscard]] bool wait_for_first(std::coroutine_handle<> awaiting) {
        armed_[0] = true;
        if (first_branch().await_suspend(awaiting)) return true;
        winner_ = 0;
        return false;
    }

private:
    [[nodiscard]] std::size_t nth(std::size_t i) const noexcept {
        if constexpr (Order == SelectOrder::biased) return i;
        return first_ + i < count ? first_ + i : first_ + i - count;
    }

    template <class F>
    void visit(std::size_t index, F&& f) {
        [&]<std::size_t... Is>(std::index_sequence<Is...>) {
            (void)((index == Is && (f(std::get<Is>(branches_)), true)) || ...);
        }(std::index_sequence_for<Awaitables...>{});
    }

    template <class F>
    void for_each(F&& f) {
        std::apply([&](auto&... branch) { (f(branch), ...); }, branches_);
    }

    template <std::size_t... Is>
    [[nodiscard]] Value take_winner(std::index_sequence<Is...>) {
        ((Is != winner_ ? std::get<Is>(branches_).awaiter.cancel() : void()), ...);
        std::optional<Value> value;
        (void)((Is == winner_ && (value.emplace(std::in_place_index<Is>, std::get<Is>(branches_).take()), true)) ||
               ...);
        return std::move(*value);
    }

    std::tuple<SelectBranch<Awaitables>...> branches_;
    std::size_t first_ = 0;
    std::size_t winner_ = none;
    std::array<bool, count> armed_{};
};

template <SelectOrder Order, class... Awaitables>
class [[nodiscard]] Select {
public:
    explicit Select(Awaitables&&... awaitables) : kept_(std::forward<Awaitables>(awaitables)...) {}

    SelectAwaiter<Order, Awaitables...> operator co_await() && {
        return std::apply(
            [](auto&... kept) { return SelectAwaiter<Order, Awaitables...>(static_cast<Awaitables&&>(kept)...); },
            kept_);
    }

private:
    std::tuple<Awaitables...> kept_;
};

/// A branch that takes part only if `condition` holds; see when().
template <class Awaitable>
class WhenAwaiter {
public:
    explicit WhenAwaiter(When<Awaitable>&& when) {
        if (when.condition_) branch_.emplace(static_cast<Awaitable&&>(when.kept_));
    }
    [[nodiscard]] bool await_ready() { return branch_ && branch_->awaiter.await_ready(); }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) {
        return branch_->awaiter.await_suspend(awaiting);
    }
    [[nodiscard]] bool is_disabled() const noexcept { return !branch_; }
    [[nodiscard]] bool is_complete() { return branch_ && branch_->awaiter.is_complete(); }
    void cancel() {
        if (branch_) branch_->awaiter.cancel();
    }
    typename Branch<Awaitable>::Stored await_resume() { return branch_->take(); }

private:
    std::optional<Branch<Awaitable>> branch_;
};

template <class Awaitable>
class [[nodiscard]] When {
public:
    When(bool condition, Awaitable&& awaitable) : condition_(condition), kept_(std::forward<Awaitable>(awaitable)) {}

    /// Nothing but a select can do without an operation that has been disabled.
    template <class Anyone = Awaitable>
    auto operator co_await() && {
        static_assert(is_select<Anyone>,
                      "when() is a branch of select() or select_biased() and of nothing else; "
                      "another combinator goes into it: when(condition, timeout(duration, operation))");
        return WhenAwaiter<Anyone>(std::move(*this));
    }

private:
    friend WhenAwaiter<Awaitable>;
    template <class>
    static constexpr bool is_select = false;

    bool condition_;
    Awaitable kept_;
};

}  // namespace task

/// Waits for whichever of the awaitables completes first and drops the others. Gives a variant whose index
/// is the winner's place and whose value is what it gave (std::monostate for nothing).
///
/// When several are ready at once they win in turns, whose beginning is drawn from the runtime's seed every 32 selects
/// of the core: none starves. Awaitables are operations
/// (`rx.recv()`, `time::sleep(d)`), JoinHandles, Tasks and other combinators; lvalues are used by reference.
///
/// Cancel: as each operation says: the losers are cancelled before this completes.
/// Cost:   no allocation; the awaiters are part of the awaiting frame.
template <class... Awaitables>
[[nodiscard]] auto select(Awaitables&&... awaitables) {
    static_assert(sizeof...(Awaitables) > 0, "select() needs a branch");
    return task::Select<task::SelectOrder::fair, task::Kept<Awaitables>...>(
        static_cast<task::Kept<Awaitables>&&>(awaitables)...);
}

/// select() that prefers the earlier branch when several are ready. Fairness is the caller's business. A branch that
/// meets the end of the task's budget is ready when the task runs again: a later one that ends at once then wins.
///
/// Cancel: as each operation says.
template <class... Awaitables>
[[nodiscard]] auto select_biased(Awaitables&&... awaitables) {
    static_assert(sizeof...(Awaitables) > 0, "select_biased() needs a branch");
    return task::Select<task::SelectOrder::biased, task::Kept<Awaitables>...>(
        static_cast<task::Kept<Awaitables>&&>(awaitables)...);
}

/// A branch of select that takes part only if `condition` holds: `select(when(open, rx.recv()), time::sleep(d))`.
/// Anywhere else it does not compile, since there is nothing that it could give when the condition does not hold. A
/// timeout of such a branch stands inside of it: `when(open, time::timeout(d, rx.recv()))`.
///
/// Cancel: as the operation says.
template <class Awaitable>
[[nodiscard]] auto when(bool condition, Awaitable&& awaitable) {
    return task::When<task::Kept<Awaitable>>(condition, static_cast<task::Kept<Awaitable>&&>(awaitable));
}

}  // namespace skerry
