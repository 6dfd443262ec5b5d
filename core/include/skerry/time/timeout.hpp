#pragma once

// Hot path. timeout and timeout_at: an operation with a deadline.

#include "sleep.hpp"

#include "../base/result.hpp"
#include "../task/select.hpp"

#include <coroutine>
#include <type_traits>
#include <utility>

namespace skerry::time {

namespace detail {

/// What a timed operation gives: its own Result when it has skerry's error, else a Result around its value.
template <class T>
struct Timed {
    using type = Result<T>;
};
template <class T>
struct Timed<Result<T, Error>> {
    using type = Result<T, Error>;
};

template <class Awaitable>
class TimeoutAwaiter {
    using Operation = task::Branch<Awaitable>;

public:
    using Value = typename Timed<std::remove_cvref_t<typename Operation::Value>>::type;

    TimeoutAwaiter(Instant deadline, Awaitable&& awaitable)
        : operation_(std::forward<Awaitable>(awaitable)), sleep_(deadline) {}

    [[nodiscard]] bool await_ready() { return operation_.awaiter.await_ready(); }

    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) {
        // The operation first: one that completes at once wins against a deadline that has passed.
        if (!operation_.awaiter.await_suspend(awaiting)) return false;
        waits_ = true;
        return sleep_.await_suspend(awaiting);
    }

    [[nodiscard]] bool is_complete() { return operation_.awaiter.is_complete() || sleep_.is_complete(); }

    void cancel() {
        operation_.awaiter.cancel();
        sleep_.cancel();
    }

    [[nodiscard]] Value await_resume() {
        if (waits_ && !operation_.awaiter.is_complete()) {
            operation_.awaiter.cancel();
            return Unexpected(Error(Errc::timed_out));  // a value may itself be made of a code
        }
        sleep_.cancel();
        if constexpr (std::is_void_v<typename Operation::Value>) {
            operation_.awaiter.await_resume();
            return {};
        } else {
            return operation_.awaiter.await_resume();
        }
    }

private:
    Operation operation_;
    SleepAwaiter sleep_;
    bool waits_ = false;
};

template <class Awaitable>
class [[nodiscard]] Timeout {
public:
    Timeout(Instant deadline, Awaitable&& awaitable) : deadline_(deadline), kept_(std::forward<Awaitable>(awaitable)) {}
    TimeoutAwaiter<Awaitable> operator co_await() && {
        return TimeoutAwaiter<Awaitable>(deadline_, static_cast<Awaitable&&>(kept_));
    }

private:
    Instant deadline_;
    Awaitable kept_;
};

}  // namespace detail

/// Waits for `awaitable` until `deadline`. An operation that gives Result<T> gives that, and Errc::timed_out
/// when the deadline came first; any other value comes in a Result.
///
/// The operation is looked at first: if it completes at once it wins, even when the deadline has passed. The deadline
/// is as late as that of sleep_until().
///
/// Errors: timed_out, and those of the operation.
/// Cancel: as the operation says; it is cancelled before timed_out is returned.
/// Cost:   no allocation; one timer armed and removed when the operation has to wait.
template <class Awaitable>
[[nodiscard]] auto timeout_at(Instant deadline, Awaitable&& awaitable) {
    return detail::Timeout<task::Kept<Awaitable>>(deadline, static_cast<task::Kept<Awaitable>&&>(awaitable));
}

/// timeout_at() for `duration` from now.
///
/// Errors: timed_out, and those of the operation.
/// Cancel: as the operation says.
template <class Rep, class Period, class Awaitable>
[[nodiscard]] auto timeout(std::chrono::duration<Rep, Period> duration, Awaitable&& awaitable) {
    return timeout_at(Instant::now() + duration, std::forward<Awaitable>(awaitable));
}

}  // namespace skerry::time
