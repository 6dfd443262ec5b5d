#pragma once

// Hot path. What the operations of an mpsc channel return: small awaitables, and the awaiters they build in place.
// The contracts stand at the members of Sender and Receiver in sync/mpsc.hpp.

#include "mpsc_channel.hpp"

#include "../../base/assert.hpp"
#include "../../base/compiler.hpp"
#include "../../base/result.hpp"

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace skerry::sync::detail {

/// Waits for slots; what is done with them is the derived class's business.
template <class Channel>
class SlotAwaiter : protected SlotNode {
public:
    explicit SlotAwaiter(Channel& channel, std::uint32_t wanted = 1) noexcept : channel_(&channel) { slots = wanted; }
    ~SlotAwaiter() { cancel(); }

    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        task::Scheduler& scheduler = *task::current_scheduler;
        scheduler.bind(*this, awaiting);
        outcome_ = channel_->wait_for_slots(*this);
        if (outcome_ == SlotOutcome::full) return true;
        if (outcome_ == SlotOutcome::done) give_claim();
        if (scheduler.budget() > 0) return false;
        scheduler.enqueue(*this);  // out of budget: the slots are ours, or the channel is closed; others run first
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }

    SKERRY_ALWAYS_INLINE void cancel() noexcept {
        if ((task_and_state & task::node_state::low_bits) == 0) [[likely]]
            return;
        channel_->stop_waiting(*this);
    }

protected:
    Channel* channel_;
    SlotOutcome outcome_ = SlotOutcome::full;
};

template <class Channel>
class SendAwaiter : public SlotAwaiter<Channel> {
    using T = typename Channel::Value;

public:
    SendAwaiter(Channel& channel, T&& value) noexcept : SlotAwaiter<Channel>(channel), value_(std::move(value)) {}

    [[nodiscard]] SKERRY_ALWAYS_INLINE bool await_ready() noexcept {
        if (task::current_scheduler->spend()) [[unlikely]]
            return false;
        this->outcome_ = this->channel_->try_push(value_);
        return this->outcome_ != SlotOutcome::full;
    }
    SKERRY_ALWAYS_INLINE Result<> await_resume() noexcept {
        if (this->has_claim()) [[unlikely]] {
            this->take_claim();
            if (!this->channel_->push_granted(value_)) return Errc::closed;
        } else if (this->outcome_ == SlotOutcome::closed) [[unlikely]] {
            return Errc::closed;
        }
        return {};
    }

private:
    T value_;
};

/// Sends at least one message and as many more as there are slots for.
template <class Channel>
class SendSomeAwaiter : public SlotAwaiter<Channel> {
    using T = typename Channel::Value;

public:
    SendSomeAwaiter(Channel& channel, std::span<T> values) noexcept : SlotAwaiter<Channel>(channel), values_(values) {}

    [[nodiscard]] bool await_ready() noexcept {
        if (task::current_scheduler->spend()) [[unlikely]]
            return false;
        sent_ = this->channel_->try_push_some(values_.data(), values_.size());
        return sent_ != 0 || values_.empty();
    }
    /// How many were sent; 0 when the channel is closed.
    std::size_t await_resume() noexcept {
        if (this->take_claim()) return this->channel_->push_granted_some(values_.data(), values_.size());
        return sent_;
    }

private:
    std::span<T> values_;
    std::size_t sent_ = 0;
};

/// Waits for slots and gives a `Permission` that holds them.
template <class Channel, class Permission>
class ReserveAwaiter : public SlotAwaiter<Channel> {
public:
    ReserveAwaiter(Channel& channel, std::uint32_t wanted) noexcept : SlotAwaiter<Channel>(channel, wanted) {}

    [[nodiscard]] bool await_ready() noexcept {
        if (this->slots > this->channel_->capacity_max()) return true;
        if (task::current_scheduler->spend()) [[unlikely]]
            return false;
        this->outcome_ = this->channel_->try_reserve(this->slots);
        return this->outcome_ != SlotOutcome::full;
    }
    Result<Permission> await_resume() noexcept {
        if (this->slots > this->channel_->capacity_max()) return Errc::invalid_argument;
        if (this->take_claim()) {
            if (!this->channel_->reserve_granted(this->slots)) return Errc::closed;
        } else if (this->outcome_ == SlotOutcome::closed) {
            return Errc::closed;
        }
        this->channel_->add_sender();
        return Permission(*this->channel_, this->slots);
    }
};

/// Waits until the receiver has closed the channel or is gone.
template <class Channel>
class ClosedAwaiter : private task::WaitNode {
public:
    explicit ClosedAwaiter(Channel& channel) noexcept : channel_(&channel) {}
    ~ClosedAwaiter() { cancel(); }

    [[nodiscard]] bool await_ready() const noexcept {
        return !task::current_scheduler->spend() && channel_->is_closed();
    }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        task::Scheduler& scheduler = *task::current_scheduler;
        scheduler.bind(*this, awaiting);
        if (channel_->wait_for_close(*this)) return true;
        if (scheduler.budget() > 0) return false;
        scheduler.enqueue(*this);
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    SKERRY_ALWAYS_INLINE void cancel() noexcept {
        if ((task_and_state & task::node_state::low_bits) == 0) [[likely]]
            return;
        channel_->stop_waiting_for_close(*this);
    }
    void await_resume() noexcept { take_claim(); }

private:
    Channel* channel_;
};

/// Waits for a message or for the end of the channel.
template <class Channel>
class MessageAwaiter : protected task::WaitNode {
public:
    explicit MessageAwaiter(Channel& channel) noexcept : channel_(&channel) {}
    ~MessageAwaiter() { cancel(); }

    [[nodiscard]] SKERRY_ALWAYS_INLINE bool await_ready() const noexcept {
        SKERRY_DEBUG_ASSERT(!channel_->is_recv_pending(), "a Receiver is used by one recv at a time");
        if (task::current_scheduler->spend()) [[unlikely]]
            return false;
        return channel_->has_message();
    }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        SKERRY_ASSERT(!channel_->is_recv_pending(), "a Receiver is used by one recv at a time");
        task::Scheduler& scheduler = *task::current_scheduler;
        scheduler.bind(*this, awaiting);
        if (channel_->wait_for_message(*this) == Channel::Wait::linked) return true;
        if (scheduler.budget() > 0) return false;
        channel_->set_recv_pending(true);
        give_claim();
        scheduler.enqueue(*this);  // out of budget: the message is ours, others run first
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    SKERRY_ALWAYS_INLINE void cancel() noexcept {
        if ((task_and_state & task::node_state::low_bits) == 0) [[likely]]
            return;
        channel_->stop_waiting_for_message(*this);
    }

protected:
    /// True when there is a message to take; false when the channel is finished.
    [[nodiscard]] SKERRY_ALWAYS_INLINE bool resume() noexcept {
        if (!has_claim()) [[likely]]
            return channel_->has_seen_message();
        take_claim();
        return channel_->was_woken_for_message();
    }

    Channel* channel_;
};

template <class Channel>
class RecvAwaiter : public MessageAwaiter<Channel> {
public:
    using MessageAwaiter<Channel>::MessageAwaiter;

    [[nodiscard]] SKERRY_ALWAYS_INLINE Result<typename Channel::Value> await_resume() noexcept {
        if (!this->resume()) [[unlikely]]
            return Unexpected(Errc::closed);
        return this->channel_->take();
    }
};

/// Fills a span from the front.
template <class Channel>
class RecvIntoSpanAwaiter : public MessageAwaiter<Channel> {
    using T = typename Channel::Value;

public:
    RecvIntoSpanAwaiter(Channel& channel, std::span<T> out) noexcept : MessageAwaiter<Channel>(channel), out_(out) {}

    [[nodiscard]] bool await_ready() const noexcept { return out_.empty() || MessageAwaiter<Channel>::await_ready(); }
    [[nodiscard]] Result<std::size_t> await_resume() noexcept {
        if (out_.empty()) return std::size_t{0};
        if (!this->resume()) [[unlikely]]
            return Unexpected(Errc::closed);
        const std::size_t count = std::min(out_.size(), this->channel_->available(out_.size()));
        this->channel_->take_some(count, [next = out_.begin()](T&& value) mutable { *next++ = std::move(value); });
        return count;
    }

private:
    std::span<T> out_;
};

/// Appends to a vector.
template <class Channel>
class RecvIntoVectorAwaiter : public MessageAwaiter<Channel> {
    using T = typename Channel::Value;

public:
    RecvIntoVectorAwaiter(Channel& channel, std::vector<T>& out, std::size_t count_max) noexcept
        : MessageAwaiter<Channel>(channel), out_(&out), count_max_(count_max) {}

    [[nodiscard]] bool await_ready() const noexcept {
        return count_max_ == 0 || MessageAwaiter<Channel>::await_ready();
    }
    [[nodiscard]] Result<std::size_t> await_resume() {
        if (count_max_ == 0) return std::size_t{0};
        if (!this->resume()) [[unlikely]]
            return Unexpected(Errc::closed);
        const std::size_t count = std::min(count_max_, this->channel_->available(count_max_));
        if (out_->capacity() - out_->size() < count)
            out_->reserve(std::max(out_->size() + count, 2 * out_->capacity()));
        this->channel_->take_some(count, [this](T&& value) { out_->push_back(std::move(value)); });
        return count;
    }

private:
    std::vector<T>* out_;
    std::size_t count_max_;
};

// The awaitables. Constructors and not aggregates: g++ 12 destroys a temporary aggregate of a co_await expression
// twice.

template <class Channel>
class [[nodiscard]] Send {
public:
    Send(Channel& channel, typename Channel::Value&& value) noexcept : channel_(&channel), value_(std::move(value)) {}
    [[nodiscard]] SendAwaiter<Channel> operator co_await() && noexcept {
        return SendAwaiter<Channel>(*channel_, std::move(value_));
    }

private:
    Channel* channel_;
    typename Channel::Value value_;
};

template <class Channel>
class [[nodiscard]] SendSome {
public:
    SendSome(Channel& channel, std::span<typename Channel::Value> values) noexcept
        : channel_(&channel), values_(values) {}
    [[nodiscard]] SendSomeAwaiter<Channel> operator co_await() const noexcept {
        return SendSomeAwaiter<Channel>(*channel_, values_);
    }

private:
    Channel* channel_;
    std::span<typename Channel::Value> values_;
};

template <class Channel, class Permission>
class [[nodiscard]] Reserve {
public:
    Reserve(Channel& channel, std::uint32_t slots) noexcept : channel_(&channel), slots_(slots) {}
    [[nodiscard]] ReserveAwaiter<Channel, Permission> operator co_await() const noexcept {
        return ReserveAwaiter<Channel, Permission>(*channel_, slots_);
    }

private:
    Channel* channel_;
    std::uint32_t slots_;
};

template <class Channel>
class [[nodiscard]] Closed {
public:
    explicit Closed(Channel& channel) noexcept : channel_(&channel) {}
    [[nodiscard]] ClosedAwaiter<Channel> operator co_await() const noexcept {
        return ClosedAwaiter<Channel>(*channel_);
    }

private:
    Channel* channel_;
};

template <class Channel>
class [[nodiscard]] Recv {
public:
    explicit Recv(Channel& channel) noexcept : channel_(&channel) {}
    [[nodiscard]] RecvAwaiter<Channel> operator co_await() const noexcept { return RecvAwaiter<Channel>(*channel_); }

private:
    Channel* channel_;
};

template <class Channel>
class [[nodiscard]] RecvIntoSpan {
public:
    RecvIntoSpan(Channel& channel, std::span<typename Channel::Value> out) noexcept : channel_(&channel), out_(out) {}
    [[nodiscard]] RecvIntoSpanAwaiter<Channel> operator co_await() const noexcept {
        return RecvIntoSpanAwaiter<Channel>(*channel_, out_);
    }

private:
    Channel* channel_;
    std::span<typename Channel::Value> out_;
};

template <class Channel>
class [[nodiscard]] RecvIntoVector {
public:
    RecvIntoVector(Channel& channel, std::vector<typename Channel::Value>& out, std::size_t count_max) noexcept
        : channel_(&channel), out_(&out), count_max_(count_max) {}
    [[nodiscard]] RecvIntoVectorAwaiter<Channel> operator co_await() const noexcept {
        return RecvIntoVectorAwaiter<Channel>(*channel_, *out_, count_max_);
    }

private:
    Channel* channel_;
    std::vector<typename Channel::Value>* out_;
    std::size_t count_max_;
};

}  // namespace skerry::sync::detail
