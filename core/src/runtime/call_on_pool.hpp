#pragma once

// A call on the blocking pool for library code: a Result comes back as it is, and what kept the call from being made is
// an error like any other.

#include <skerry/base/result.hpp>
#include <skerry/runtime/spawn_blocking.hpp>
#include <skerry/task/join_handle.hpp>
#include <skerry/task/task.hpp>

#include <type_traits>
#include <utility>

namespace skerry::runtime {

/// Why a call gave no value. no_memory; would_block, when no thread could be started; runtime_shutdown, which nobody
/// sees: who asked ends then, too.
[[nodiscard]] Error pool_failure(const JoinError& error) noexcept;

/// Calls `fn(args...)`, which returns a Result, on a thread of the pool. `fn` and `args` are moved there and own what
/// the call touches: it goes on when its await is cancelled, and then its value is dropped. One that has not begun is
/// not made at all.
///
/// Cancel: safe for whoever called; what the call does may be done.
template <class F, class... Args>
Task<std::invoke_result_t<F, Args...>> call_on_pool(F fn, Args... args) {
    auto handle = spawn_blocking(std::move(fn), std::move(args)...);
    const struct AbortAtTheEnd {
        ~AbortAtTheEnd() { call.abort(); }
        AbortHandle call;
    } abort_at_the_end{handle.abort_handle()};
    auto outcome = co_await handle;
    if (!outcome) co_return pool_failure(outcome.error());
    co_return std::move(*outcome);
}

}  // namespace skerry::runtime
