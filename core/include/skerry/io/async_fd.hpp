#pragma once

// AsyncFd: a descriptor of any kind that a task waits on. What the slow lane's own guests (Unix sockets, pipes, child
// processes) are made of, and how a program uses a descriptor that skerry has no type for: inotify, timerfd, a serial
// line, a library's own socket.
//
//   auto watch = io::AsyncFd::watch(OwnedFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)));
//   auto count = co_await watch->read(std::span(events));
//
// The slow lane tells edges. A side that was seen ready stays ready in the record until somebody finds that it would
// block and says so (ReadyGuard::clear_ready). An event that comes in between is not lost by that: it has another
// number, and only what the guard saw is cleared.
//
// Many tasks may wait for one side. The lane knows one waiter a side (backend::WatchedFd); the others stand behind it
// in a list, and whoever was woken wakes them when its turn comes, or when it goes away without having had one.

#include "../backend/slow_lane.hpp"
#include "../base/assert.hpp"
#include "../base/intrusive_list.hpp"
#include "../base/owned_fd.hpp"
#include "../base/result.hpp"
#include "../task/scheduler.hpp"
#include "../task/task.hpp"

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace skerry::io {

/// A side of a descriptor.
enum class Interest : bool { readable, writable };

namespace detail {

/// What stays where it is while an AsyncFd moves.
struct WatchedState {
    WatchedState() = default;
    WatchedState(const WatchedState&) = delete;
    WatchedState& operator=(const WatchedState&) = delete;
    ~WatchedState();

    backend::WatchedFd watched;
    OwnedFd fd;
    IntrusiveList<task::WaitNode> more_readers;  // behind watched.reader
    IntrusiveList<task::WaitNode> more_writers;
    std::uint16_t home = 0;

    [[nodiscard]] bool& ready(Interest side) noexcept {
        return side == Interest::readable ? watched.readable : watched.writable;
    }
    [[nodiscard]] task::WaitNode*& first(Interest side) noexcept {
        return side == Interest::readable ? watched.reader : watched.writer;
    }
    [[nodiscard]] IntrusiveList<task::WaitNode>& rest(Interest side) noexcept {
        return side == Interest::readable ? more_readers : more_writers;
    }
    void wake_rest(Interest side) noexcept;
};

}  // namespace detail

/// Says what a wait saw. Dropping it keeps the readiness (retain_ready() says so aloud).
///
/// Lifetime: not longer than its AsyncFd.
/// Threads:  the descriptor's core.
class [[nodiscard]] ReadyGuard {
public:
    ReadyGuard(detail::WatchedState& state, Interest side) noexcept
        : state_(&state), tick_(state.watched.tick), side_(side) {}

    /// Waiting goes on: the descriptor would block. An event that came since the wait ended is kept.
    void clear_ready() noexcept {
        if (state_->watched.tick == tick_) state_->ready(side_) = false;
    }
    void retain_ready() noexcept {}

    /// Calls `fn(fd, args...)`, which returns a Result; when that is would_block, clear_ready() is called.
    ///
    /// Errors: those of `fn`, would_block among them.
    template <class F, class... Args>
        requires is_result<std::invoke_result_t<F&, int, Args&...>>
    auto try_io(F&& fn, Args&&... args) {
        auto outcome = std::invoke(fn, state_->watched.fd, args...);
        if (!outcome && outcome.error() == Errc::would_block) clear_ready();
        return outcome;
    }

    [[nodiscard]] int fd() const noexcept { return state_->watched.fd; }

private:
    detail::WatchedState* state_;
    std::uint32_t tick_;
    Interest side_;
};

namespace detail {

class ReadyAwaiter : private task::WaitNode {
public:
    ReadyAwaiter(WatchedState& state, Interest side) noexcept : state_(&state), side_(side) {}
    ~ReadyAwaiter() { cancel(); }

    [[nodiscard]] bool await_ready() noexcept {
        SKERRY_DEBUG_ASSERT(state_->watched.lane == nullptr || task::current_scheduler->home() == state_->home,
                            "a descriptor is waited for on another core than its own");
        if (task::current_scheduler->spend()) [[unlikely]]
            return false;
        return need_not_wait();
    }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept;
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept;
    [[nodiscard]] Result<ReadyGuard> await_resume() noexcept {
        if (take_claim()) state_->wake_rest(side_);
        if (state_->watched.lane == nullptr) [[unlikely]]
            return Errc::runtime_shutdown;
        return ReadyGuard(*state_, side_);
    }

private:
    [[nodiscard]] bool need_not_wait() const noexcept {
        return state_->ready(side_) || state_->watched.lane == nullptr;
    }

    WatchedState* state_;
    Interest side_;
};

}  // namespace detail

/// What AsyncFd::readable and writable return.
class [[nodiscard]] Ready {
public:
    Ready(detail::WatchedState& state, Interest side) noexcept : state_(&state), side_(side) {}
    [[nodiscard]] detail::ReadyAwaiter operator co_await() const noexcept { return {*state_, side_}; }

private:
    detail::WatchedState* state_;
    Interest side_;
};

/// Watches a descriptor on the core that made it. Several tasks may wait for the same side: each is woken.
///
/// Lifetime: outlives every await on it. It may be dropped after its runtime.
/// Threads:  its own core; asserted in debug builds.
class AsyncFd {
public:
    /// Watches `fd`, which is taken over and closed at the end. It is non-blocking (O_NONBLOCK): that is the caller's
    /// duty, because the flag belongs to all who share the open file.
    ///
    /// Errors: unsupported, for a descriptor that cannot be watched (a file on a disk, a folder: use fs), and on a
    ///         core without a slow lane; busy, when this core watches that descriptor already, which stays open for
    ///         who does; invalid_argument, when it is none; no_memory, no_descriptors (the system's limit of watches).
    ///         But for busy `fd` is closed then.
    [[nodiscard]] static Result<AsyncFd> watch(OwnedFd fd);

    /// The same, but `fd` stays the caller's when it cannot be watched.
    ///
    /// Errors: as watch().
    [[nodiscard]] static Result<AsyncFd> try_watch(OwnedFd& fd);

    /// Waits until a read may give something, also the end of the stream or an error.
    ///
    /// Errors: runtime_shutdown.
    /// Cancel: safe: the readiness stays for the next who waits.
    /// Cost:   no allocation.
    [[nodiscard]] Ready readable() noexcept { return {*state_, Interest::readable}; }

    /// Waits until there may be room to write.
    ///
    /// Errors: runtime_shutdown.
    /// Cancel: safe: the readiness stays for the next who waits.
    /// Cost:   no allocation.
    [[nodiscard]] Ready writable() noexcept { return {*state_, Interest::writable}; }

    /// Calls `fn(fd, args...)`, which returns a Result, each time the side is ready and until it says something else
    /// than would_block. `fn` and `args` are moved in.
    ///
    /// Errors: those of `fn` but would_block; runtime_shutdown.
    /// Cancel: safe: nothing waits between a call that succeeds and the end of the await.
    template <class F, class... Args>
        requires is_result<std::invoke_result_t<F&, int, Args&...>>
    [[nodiscard]] Task<std::invoke_result_t<F&, int, Args&...>> async_io(Interest side, F fn, Args... args) {
        return repeat(*state_, side, std::move(fn), std::move(args)...);
    }

    /// One read(2): what inotify, a timerfd, an eventfd, a serial line and the like have to say.
    ///
    /// Shape:  returns n, 0 < n <= out.size(); 0 at an end.
    /// Errors: the kernel's, but would_block; runtime_shutdown. An `out` too short for what such a file tells at once
    ///         is invalid_argument.
    /// Cancel: safe.
    [[nodiscard]] Task<Result<std::size_t>> read(std::span<std::byte> out);

    /// One write(2). A pipe that nobody reads is broken_pipe, and raises no signal.
    ///
    /// Shape:  returns n, 0 < n <= data.size().
    /// Errors: the kernel's, but would_block; runtime_shutdown.
    /// Cancel: safe: nothing was written.
    [[nodiscard]] Task<Result<std::size_t>> write(std::span<const std::byte> data);

    /// One call of `fn(fd, args...)`, if the side is ready.
    ///
    /// Errors: would_block, when it is not; those of `fn`.
    template <class F, class... Args>
        requires is_result<std::invoke_result_t<F&, int, Args&...>>
    std::invoke_result_t<F&, int, Args&...> try_io(Interest side, F&& fn, Args&&... args) {
        if (!state_->ready(side)) return Errc::would_block;
        return ReadyGuard(*state_, side).try_io(fn, args...);
    }

    /// Takes both sides for ready, so that the next operation asks the kernel at once: for a descriptor that is likely
    /// to be, as a fresh connection is.
    void assume_ready() noexcept { state_->watched.readable = state_->watched.writable = true; }

    /// Watches no more, and gives the descriptor back.
    [[nodiscard]] OwnedFd into_inner() && noexcept;

    [[nodiscard]] int fd() const noexcept { return state_->watched.fd; }

    /// False after a move.
    [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }

private:
    explicit AsyncFd(std::unique_ptr<detail::WatchedState> state) noexcept : state_(std::move(state)) {}

    template <class F, class... Args>
    static Task<std::invoke_result_t<F&, int, Args&...>> repeat(detail::WatchedState& state, Interest side, F fn,
                                                                Args... args) {
        for (;;) {
            auto guard = co_await Ready(state, side);
            if (!guard) co_return guard.error();
            auto outcome = guard->try_io(fn, args...);
            if (outcome || outcome.error() != Errc::would_block) co_return outcome;
        }
    }

    std::unique_ptr<detail::WatchedState> state_;
};

}  // namespace skerry::io
