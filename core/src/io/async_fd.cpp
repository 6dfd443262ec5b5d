#include "fd_calls.hpp"

#include <skerry/io/async_fd.hpp>

#include <cerrno>
#include <new>

namespace skerry::io {

namespace detail {

namespace {

/// Asserts that the poller of a core is left on that core; a thread that runs none is taken on trust.
void check_owner(const WatchedState& state) noexcept {
    SKERRY_DEBUG_ASSERT(state.watched.lane == nullptr || task::may_touch(state.home),
                        "a descriptor is dropped on another core than its own");
    (void)state;
}

}  // namespace

WatchedState::~WatchedState() {
    check_owner(*this);
    SKERRY_ASSERT(watched.reader == nullptr && watched.writer == nullptr, "a descriptor goes while a task waits on it");
    // Not the thread's current lane: an AsyncFd may be dropped outside the loop, and outlive its runtime.
    if (watched.lane != nullptr) watched.lane->remove(watched);
}

// What was woken with a claim was woken by the lane, which knows of no other.
void WatchedState::wake_rest(Interest side) noexcept {
    while (task::WaitNode* const node = rest(side).pop_front()) {
        task::current_scheduler->wake(*node);
    }
}

bool ReadyAwaiter::await_suspend(std::coroutine_handle<> awaiting) noexcept {
    task::Scheduler& scheduler = *task::current_scheduler;
    if (need_not_wait()) [[unlikely]] {  // but out of budget
        scheduler.bind(*this, awaiting);
        scheduler.enqueue(*this);
        return true;
    }
    scheduler.bind_linked(*this, awaiting);
    if (state_->first(side_) == nullptr)
        state_->first(side_) = this;
    else
        state_->rest(side_).push_back(*this);
    return true;
}

void ReadyAwaiter::cancel() noexcept {
    if (state() == task::node_state::idle) [[likely]]
        return;
    if (state() == task::node_state::linked) {
        if (state_->first(side_) == this)
            state_->first(side_) = state_->rest(side_).pop_front();
        else
            unlink();
        set_state(task::node_state::idle);
        return;
    }
    task::current_scheduler->blank(*this);  // readiness stays in the record for the next waiter
    if (take_claim()) state_->wake_rest(side_);
}

}  // namespace detail

namespace {

// epoll's words for what is asked of it here.
Error refusal(Error error) noexcept {
    switch (error.os_error()) {
        case EPERM: return {Errc::unsupported, EPERM};  // always ready by its nature
        case EEXIST: return {Errc::busy, EEXIST};
        case ENOSPC: return {Errc::no_descriptors, ENOSPC};
        default: return error;
    }
}

}  // namespace

Result<AsyncFd> AsyncFd::watch(OwnedFd fd) {
    auto watched = try_watch(fd);
    if (!watched && watched.error() == Errc::busy) (void)fd.release();  // the number is another's, who watches it
    return watched;
}

Result<AsyncFd> AsyncFd::try_watch(OwnedFd& fd) {
    if (backend::current_slow_lane == nullptr) return Errc::unsupported;
    std::unique_ptr<detail::WatchedState> state(new (std::nothrow) detail::WatchedState);
    if (state == nullptr) return Errc::no_memory;
    state->watched.fd = fd.get();
    state->home = task::current_scheduler->home();
    if (auto added = backend::current_slow_lane->add(state->watched); !added) return refusal(added.error());
    state->fd = std::move(fd);
    return AsyncFd(std::move(state));
}

Task<Result<std::size_t>> AsyncFd::read(std::span<std::byte> out) {
    return repeat(*state_, Interest::readable, &detail::read_some, out);
}

Task<Result<std::size_t>> AsyncFd::write(std::span<const std::byte> data) {
    return repeat(*state_, Interest::writable, &detail::write_some, data);
}

OwnedFd AsyncFd::into_inner() && noexcept {
    const std::unique_ptr<detail::WatchedState> state = std::move(state_);
    detail::check_owner(*state);
    if (state->watched.lane != nullptr) state->watched.lane->remove(state->watched);
    return std::move(state->fd);
}

}  // namespace skerry::io
