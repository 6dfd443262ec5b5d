#pragma once

// spawn_blocking: a call that blocks, on a thread where that does no harm.

#include "blocking_pool.hpp"
#include "handle.hpp"

#include "../sync/oneshot.hpp"
#include "../task/join_error.hpp"
#include "../task/abort_self.hpp"
#include "../task/scheduler.hpp"
#include "../task/spawn.hpp"

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>

namespace skerry {

namespace runtime::detail {

template <class T, class F, class... Args>
class BlockingCall final : public BlockingJob {
public:
    using Outcome = Result<T, JoinError>;

    BlockingCall(sync::oneshot::Sender<Outcome> answer, sync::Permit slot, F&& fn, Args&&... args)
        : answer_(std::move(answer)),
          slot_(std::move(slot)),
          fn_(std::move(fn)),
          args_(std::in_place, std::move(args)...) {}

    void run() noexcept override {
        slot_.release();
        if (answer_.is_closed()) return drop_call();  // aborted while it waited for a thread
        outcome_.emplace(call());
        if (answer_.is_closed()) outcome_.reset();  // here: once it answers its thread may have the next call
    }
    void answer() noexcept override {
        if (outcome_) (void)answer_.send(std::move(*outcome_));
    }

private:
    Outcome call() noexcept {
#if defined(__cpp_exceptions)
        try {
            return invoke();
        } catch (...) {
            return Unexpected(JoinError(std::current_exception()));
        }
#else
        return invoke();
#endif
    }
    void drop_call() noexcept {
        fn_.reset();
        args_.reset();
    }
    // What the call had is gone before it is answered.
    Outcome invoke() {
        F fn = std::move(*fn_);
        std::tuple<Args...> args = std::move(*args_);
        if constexpr (std::is_void_v<T>) {
            std::apply(std::move(fn), std::move(args));
            return {};
        } else {
            return std::apply(std::move(fn), std::move(args));
        }
    }

    sync::oneshot::Sender<Outcome> answer_;
    std::optional<Outcome> outcome_;
    sync::Permit slot_;
    std::optional<F> fn_;
    std::optional<std::tuple<Args...>> args_;
};

template <class T, class F, class... Args>
Task<T> call_blocking(BlockingPool* pool, F fn, Args... args) {
    using Call = BlockingCall<T, F, Args...>;
    auto slot = co_await pool->slots().acquire();
    if (!slot) co_await task::abort_self();  // the pool has shut down
    auto ends = sync::oneshot::channel<typename Call::Outcome>();
    pool->submit(std::make_unique<Call>(std::move(ends.first), std::move(*slot), std::move(fn), std::move(args)...));
    const task::ExpectedPost answer(pool->has_cpu_beside() ? &task::current_scheduler->post_wait() : nullptr);
    auto outcome = co_await ends.second.recv();
    if (!outcome) co_await task::abort_self();  // dropped before it had a thread
    if (!*outcome) outcome->error().rethrow();
    if constexpr (!std::is_void_v<T>) co_return std::move(**outcome);
}

}  // namespace runtime::detail

/// Runs `fn(args...)`, which may block, on a thread of the runtime's bounded pool, and gives its value; an
/// exception of it comes out of the handle. `fn` and `args` are moved there, and destroyed before the value is given.
///
/// At most Config::blocking_threads_max calls run at once; behind them the queue is FIFO and has
/// blocking_queue_max places; further callers wait without a place, in order.
///
/// Errors:  JoinError: the exception; cancelled, after abort() or when the runtime shuts down before the call
///          has started.
/// Cancel:  safe: a call that has not started never runs; one that runs is not interrupted, and its value is
///          dropped.
/// Threads: a core of a runtime.
/// Cost:    two allocations and, unless calls follow each other within some 20 us, a wake of a sleeping thread. A core
///          with nothing else to do waits awake for the answer, where calls are short and a CPU is free: up to 50 us,
///          100 when more calls are made meanwhile.
template <class F, class... Args>
    requires std::invocable<F, Args...>
[[nodiscard]] auto spawn_blocking(F fn, Args... args) {
    using T = std::remove_cvref_t<std::invoke_result_t<F, Args...>>;
    runtime::BlockingPool& pool = *runtime::current_runtime().blocking;
    return spawn(runtime::detail::call_blocking<T, F, Args...>(&pool, std::move(fn), std::move(args)...));
}

}  // namespace skerry
