#pragma once

// Hot path. A channel for one value: sync::oneshot for ends on any cores, sync::local::oneshot for ends on one core.
// Same interface, same code; how it works: detail/oneshot_state.hpp.
//
//   auto [tx, rx] = sync::oneshot::channel<Reply>();
//   requests.send({question, std::move(tx)});
//   Result<Reply> reply = co_await rx;

#include "detail/oneshot_state.hpp"

#include "../base/assert.hpp"
#include "../base/result.hpp"
#include "../task/scheduler.hpp"

#include <concepts>
#include <coroutine>
#include <utility>

namespace skerry::sync::detail {

/// Waits for the value, or for the end of the sender.
template <class State>
class OneshotRecvAwaiter : private task::WaitNode {
public:
    explicit OneshotRecvAwaiter(State& state) noexcept : shared_(&state) {}
    ~OneshotRecvAwaiter() { cancel(); }

    [[nodiscard]] bool await_ready() const noexcept {
        if (task::current_scheduler->spend()) [[unlikely]]
            return false;
        return shared_->is_over();
    }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        task::Scheduler& scheduler = *task::current_scheduler;
        scheduler.bind(*this, awaiting);
        if (shared_->wait_for_value(*this)) return true;
        if (scheduler.budget() > 0) return false;
        scheduler.enqueue(*this);
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept {
        if ((task_and_state & task::node_state::low_bits) == 0) [[likely]]
            return;
        shared_->stop_waiting_for_value(*this);
    }
    [[nodiscard]] Result<typename State::Value> await_resume() noexcept {
        take_claim();
        if (!shared_->has_value()) return Unexpected(Errc::closed);
        return shared_->take();
    }

private:
    State* shared_;
};

/// Waits for the end of the receiver.
template <class State>
class OneshotClosedAwaiter : private task::WaitNode {
public:
    explicit OneshotClosedAwaiter(State& state) noexcept : shared_(&state) {}
    ~OneshotClosedAwaiter() { cancel(); }

    [[nodiscard]] bool await_ready() const noexcept {
        return !task::current_scheduler->spend() && shared_->is_closed();
    }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        task::Scheduler& scheduler = *task::current_scheduler;
        scheduler.bind(*this, awaiting);
        if (shared_->wait_for_close(*this)) return true;
        if (scheduler.budget() > 0) return false;
        scheduler.enqueue(*this);
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept {
        if ((task_and_state & task::node_state::low_bits) == 0) [[likely]]
            return;
        shared_->stop_waiting_for_close(*this);
    }
    void await_resume() noexcept { take_claim(); }

private:
    State* shared_;
};

template <class State>
class [[nodiscard]] OneshotRecv {
public:
    explicit OneshotRecv(State& state) noexcept : shared_(&state) {}
    [[nodiscard]] OneshotRecvAwaiter<State> operator co_await() const noexcept {
        return OneshotRecvAwaiter<State>(*shared_);
    }

private:
    State* shared_;
};

template <class State>
class [[nodiscard]] OneshotClosed {
public:
    explicit OneshotClosed(State& state) noexcept : shared_(&state) {}
    [[nodiscard]] OneshotClosedAwaiter<State> operator co_await() const noexcept {
        return OneshotClosedAwaiter<State>(*shared_);
    }

private:
    State* shared_;
};

}  // namespace skerry::sync::detail

namespace skerry::sync::oneshot {

/// The sending end: send() once, at any time, from anywhere. Dropping it unsent tells the receiver Errc::closed.
///
/// Lifetime: outlives the closed() it returned.
/// Threads:  shared scope: any, one at a time. Local scope: the channel's core.
template <class T, class Scope = task::SharedScope>
class [[nodiscard]] Sender {
public:
    using State = detail::OneshotState<T, Scope>;

    explicit Sender(State& state) noexcept : shared_(&state) {}
    Sender(Sender&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
    Sender& operator=(Sender other) noexcept {
        std::swap(shared_, other.shared_);
        return *this;
    }
    ~Sender() {
        if (shared_ != nullptr) shared_->drop_sender();
    }

    /// Sends the value and ends this sender (valid() becomes false). Never waits.
    ///
    /// Success means that the value is in the channel, not that anybody will look at it.
    ///
    /// Errors: closed: the receiver has closed or is gone and has surely not got the value, and `value` still has it.
    /// Cost:   one locked instruction; none in local scope.
    [[nodiscard]] Result<> send(T&& value) noexcept {
        SKERRY_ASSERT(shared_ != nullptr, "a oneshot Sender sends once");
        State* const shared = std::exchange(shared_, nullptr);
        if (shared->send(value)) return {};
        shared->drop_sender();
        return Errc::closed;
    }
    [[nodiscard]] Result<> send(const T& value)
        requires std::copy_constructible<T>
    {
        return send(T(value));
    }

    /// True once the receiver has closed or is gone: nobody wants the value. False is only a guess.
    [[nodiscard]] bool is_closed() const noexcept { return shared_->is_closed(); }

    /// Waits until is_closed(): select it against the work that makes the value.
    ///
    /// Cancel: safe.
    [[nodiscard]] detail::OneshotClosed<State> closed() const noexcept {
        return detail::OneshotClosed<State>(*shared_);
    }

    /// False after send() or a move.
    [[nodiscard]] bool valid() const noexcept { return shared_ != nullptr; }

private:
    State* shared_;
};

/// The receiving end. `co_await rx` is `co_await rx.recv()`.
///
/// Lifetime: outlives the recv() it returned.
/// Threads:  shared scope: any, one at a time. Local scope: the channel's core.
template <class T, class Scope = task::SharedScope>
class [[nodiscard]] Receiver {
public:
    using State = detail::OneshotState<T, Scope>;

    explicit Receiver(State& state) noexcept : shared_(&state) {}
    Receiver(Receiver&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
    Receiver& operator=(Receiver other) noexcept {
        std::swap(shared_, other.shared_);
        return *this;
    }
    ~Receiver() {
        if (shared_ != nullptr) shared_->drop_receiver();
    }

    /// Waits for the value. Gives Result<T>.
    ///
    /// Errors: closed: the sender was dropped unsent, close() came first, or the value was already taken.
    /// Cancel: safe: the value stays for the next recv; use it as a branch of select by reference: `select(rx, ...)`.
    /// Cost:   no allocation; at most two locked instructions, none in local scope.
    [[nodiscard]] detail::OneshotRecv<State> recv() const noexcept { return detail::OneshotRecv<State>(*shared_); }
    [[nodiscard]] detail::OneshotRecvAwaiter<State> operator co_await() const noexcept {
        return detail::OneshotRecvAwaiter<State>(*shared_);
    }

    /// The value, if it is there.
    ///
    /// Errors: would_block; closed, as recv().
    [[nodiscard]] Result<T> try_recv() const noexcept {
        const bool over = shared_->is_over();  // before the value is looked for: afterwards none can come
        if (shared_->has_value()) return shared_->take();
        return Unexpected(over ? Errc::closed : Errc::would_block);
    }

    /// Refuses the value from now on. A send that was faster has its value here: try_recv() once more. Idempotent.
    void close() const noexcept { shared_->close(); }

    /// True when a recv will never give a value: it was taken, or none is there and none can come.
    [[nodiscard]] bool is_terminated() const noexcept {
        return shared_->is_taken() || (shared_->is_over() && !shared_->has_value());
    }
    /// True when no value is there now.
    [[nodiscard]] bool is_empty() const noexcept { return !shared_->has_value(); }

    /// False after a move.
    [[nodiscard]] bool valid() const noexcept { return shared_ != nullptr; }

private:
    State* shared_;
};

/// A channel for one value: `auto [tx, rx] = channel<int>();`
///
/// Cost: one allocation, freed by the end that goes last.
template <class T, class Scope = task::SharedScope>
[[nodiscard]] std::pair<Sender<T, Scope>, Receiver<T, Scope>> channel() {
    auto* const made = new detail::OneshotState<T, Scope>();
    return {Sender<T, Scope>(*made), Receiver<T, Scope>(*made)};
}

}  // namespace skerry::sync::oneshot

namespace skerry::sync::local::oneshot {

template <class T>
using Sender = sync::oneshot::Sender<T, task::LocalScope>;
template <class T>
using Receiver = sync::oneshot::Receiver<T, task::LocalScope>;

/// sync::oneshot::channel for one core. Threads: the core that made it.
template <class T>
[[nodiscard]] std::pair<Sender<T>, Receiver<T>> channel() {
    return sync::oneshot::channel<T, task::LocalScope>();
}

}  // namespace skerry::sync::local::oneshot
