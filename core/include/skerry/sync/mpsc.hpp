#pragma once

// Hot path. Channels with many senders and one receiver: sync::mpsc for ends on any cores, sync::local::mpsc for ends
// on one core, which needs no lock and no atomic operation. Same interface, same code.
//
// Bounded: the capacity is exact. It counts the messages that were sent and not yet received, and the permits that
// are out; nothing else is buffered anywhere. Senders that wait get slots in the order in which they came.
// Unbounded: send() never waits; memory is the limit.
//
// Order: the messages of one sender arrive in its order; between senders nothing is promised.
// The end: once all senders (and permits) are gone, the receiver gets what is left and then Errc::closed. When the
// receiver closes or goes, sends fail. How it works and what was rejected: detail/mpsc_channel.hpp.
//
//   auto [tx, rx] = sync::mpsc::channel<Request>(64);
//   spawn(client(std::move(tx))).detach();
//   while (auto request = co_await rx.recv()) handle(std::move(*request));

#include "detail/mpsc_operations.hpp"

#include "../base/assert.hpp"
#include "../base/result.hpp"
#include "../task/task.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace skerry::sync::mpsc {

template <class T, class Scope = task::SharedScope>
class Sender;
template <class T, class Scope = task::SharedScope>
class UnboundedSender;

/// The right to send one message (Permit) or several (from reserve_many) without waiting. Counts as a sender.
///
/// Dropping it gives the slots back to the next sender that waits.
///
/// Threads: as its Sender.
template <class T, class Scope = task::SharedScope>
class [[nodiscard]] Permit {
    using Channel = detail::MpscChannel<T, Scope, detail::Ring>;

public:
    Permit(Channel& channel, std::uint32_t count) noexcept : channel_(&channel), count_(count) {}
    Permit(Permit&& other) noexcept
        : channel_(std::exchange(other.channel_, nullptr)), count_(std::exchange(other.count_, 0)) {}
    Permit& operator=(Permit other) noexcept {
        std::swap(channel_, other.channel_);
        std::swap(count_, other.count_);
        return *this;
    }
    ~Permit() {
        if (channel_ == nullptr) return;
        if (count_ != 0) channel_->drop_permits(count_);
        channel_->drop_sender();
    }

    /// Messages that may still be sent with it.
    [[nodiscard]] std::size_t count() const noexcept { return count_; }

    /// Sends one message. It is delivered even if the receiver has closed the channel meanwhile; when the receiver
    /// is gone, it is destroyed.
    ///
    /// Shape: count() is at least 1, asserted.
    void send(T value) noexcept {
        SKERRY_ASSERT(count_ != 0, "a Permit is used more often than it was reserved for");
        --count_;
        channel_->push_permitted(value);
        if (count_ == 0) std::exchange(channel_, nullptr)->drop_sender();
    }

private:
    Channel* channel_;
    std::uint32_t count_;
};

/// Knows a channel without keeping it open.
///
/// Threads: as the sender it came from.
template <class SenderType>
class WeakSender {
public:
    explicit WeakSender(typename SenderType::Channel& channel) noexcept : channel_(&channel) {
        channel_->add_reference();
    }
    WeakSender(const WeakSender& other) noexcept : WeakSender(*other.channel_) {}
    WeakSender(WeakSender&& other) noexcept : channel_(std::exchange(other.channel_, nullptr)) {}
    WeakSender& operator=(WeakSender other) noexcept {
        std::swap(channel_, other.channel_);
        return *this;
    }
    ~WeakSender() {
        if (channel_ != nullptr) channel_->release();
    }

    /// A sender. Errors: closed, when the last sender is gone; the channel cannot be revived.
    [[nodiscard]] Result<SenderType> upgrade() const noexcept {
        if (!channel_->try_add_sender()) return Errc::closed;
        return SenderType(*channel_);
    }

private:
    typename SenderType::Channel* channel_;
};

/// What the two kinds of sender share. Copies count; the channel ends with the last one.
///
/// Threads: shared scope: any, each object by one thread at a time. Local scope: the channel's core.
template <class ChannelType>
class SenderBase {
public:
    using Channel = ChannelType;

    SenderBase(const SenderBase& other) noexcept : channel_(other.channel_) { channel_->add_sender(); }
    SenderBase(SenderBase&& other) noexcept : channel_(std::exchange(other.channel_, nullptr)) {}
    SenderBase& operator=(SenderBase other) noexcept {
        std::swap(channel_, other.channel_);
        return *this;
    }

    /// Messages that are in the channel.
    [[nodiscard]] std::size_t len() const noexcept { return channel_->size(); }
    [[nodiscard]] bool is_empty() const noexcept { return len() == 0; }

    /// True once the receiver has closed the channel or is gone.
    [[nodiscard]] bool is_closed() const noexcept { return channel_->is_closed(); }

    /// Waits until is_closed().
    ///
    /// Cancel: safe.
    [[nodiscard]] detail::Closed<Channel> closed() const noexcept { return detail::Closed<Channel>(*channel_); }

    /// True when both send to the same receiver.
    [[nodiscard]] bool same_channel(const SenderBase& other) const noexcept { return channel_ == other.channel_; }

    /// False after a move.
    [[nodiscard]] bool valid() const noexcept { return channel_ != nullptr; }

protected:
    explicit SenderBase(Channel& channel) noexcept : channel_(&channel) {}
    ~SenderBase() {
        if (channel_ != nullptr) channel_->drop_sender();
    }

    Channel* channel_;
};

/// The sending end of a bounded channel. Copy it for more senders.
///
/// Lifetime: outlives the operations it returned.
/// Threads:  shared scope: any, each object by one thread at a time. Local scope: the channel's core.
template <class T, class Scope>
class Sender : public SenderBase<detail::MpscChannel<T, Scope, detail::Ring>> {
public:
    using Channel = detail::MpscChannel<T, Scope, detail::Ring>;

    /// Takes over one count; channel() and WeakSender make senders.
    explicit Sender(Channel& channel) noexcept : SenderBase<Channel>(channel) {}

    /// Sends `value`, waiting for a slot if the channel is full. Gives Result<>.
    ///
    /// Errors: closed; the value is lost. try_send(), or reserve() and then Permit::send(), keep it.
    /// Cancel: safe: the message was not sent; the value goes with the operation. A slot that was already granted
    ///         goes to the next sender.
    /// Cost:   no allocation; one lock in shared scope.
    [[nodiscard]] detail::Send<Channel> send(T value) const noexcept {
        return detail::Send<Channel>(*this->channel_, std::move(value));
    }

    /// Sends `value` if there is a slot that nobody waits for.
    ///
    /// Errors: full; closed. `value` is moved from only on success.
    [[nodiscard]] Result<> try_send(T&& value) const noexcept {
        switch (this->channel_->try_push(value)) {
            case detail::SlotOutcome::done: return {};
            case detail::SlotOutcome::full: return Errc::full;
            default: return Errc::closed;
        }
    }
    [[nodiscard]] Result<> try_send(const T& value) const
        requires std::copy_constructible<T>
    {
        return try_send(T(value));
    }

    /// Sends all of `values` in order, moving from the front and waiting as needed. Gives how many were sent;
    /// fewer than all when the channel was closed meanwhile: the rest is untouched.
    ///
    /// Errors:   closed, when not one was sent (and `values` is not empty).
    /// Lifetime: `values` and this sender outlive the await.
    /// Cancel:   partial: a prefix was sent and moved from. Use reserve() to know how far.
    /// Cost:     one lock for as many messages as there are free slots.
    [[nodiscard]] Task<Result<std::size_t>> send_many(std::span<T> values) const {
        std::size_t sent = 0;
        while (sent != values.size()) {
            const std::size_t more = co_await detail::SendSome<Channel>(*this->channel_, values.subspan(sent));
            if (more == 0) break;
            sent += more;
        }
        if (sent == 0 && !values.empty()) co_return Errc::closed;
        co_return sent;
    }

    /// Waits for a slot and gives the Permit to fill it: first the capacity, then the message. Gives Result<Permit>.
    ///
    /// Errors: closed.
    /// Cancel: safe: the slot goes to the next sender.
    [[nodiscard]] detail::Reserve<Channel, Permit<T, Scope>> reserve() const noexcept { return reserve_many(1); }

    /// reserve() for `count` messages at once: waits until that many slots are free, in its turn; for none not at all.
    ///
    /// Errors: closed; invalid_argument when `count` is above max_capacity().
    /// Cancel: safe: senders that waited behind it go on.
    [[nodiscard]] detail::Reserve<Channel, Permit<T, Scope>> reserve_many(std::size_t count) const noexcept {
        const auto slots = static_cast<std::uint32_t>(std::min(count, std::size_t{~std::uint32_t{0}}));
        return detail::Reserve<Channel, Permit<T, Scope>>(*this->channel_, slots);
    }

    /// A Permit if there is a slot that nobody waits for.
    ///
    /// Errors: full; closed.
    [[nodiscard]] Result<Permit<T, Scope>> try_reserve() const noexcept {
        const detail::SlotOutcome outcome = this->channel_->try_reserve(1);
        if (outcome == detail::SlotOutcome::full) return Errc::full;
        if (outcome == detail::SlotOutcome::closed) return Errc::closed;
        this->channel_->add_sender();
        return Permit<T, Scope>(*this->channel_, 1);
    }

    /// Messages that can be sent now without waiting; 0 once closed.
    [[nodiscard]] std::size_t capacity() const noexcept { return this->channel_->capacity(); }
    /// What channel() was called with.
    [[nodiscard]] std::size_t max_capacity() const noexcept { return this->channel_->capacity_max(); }

    /// A sender that does not keep the channel open.
    [[nodiscard]] WeakSender<Sender> downgrade() const noexcept { return WeakSender<Sender>(*this->channel_); }
};

/// The sending end of an unbounded channel. Copy it for more senders.
///
/// Threads: as Sender.
template <class T, class Scope>
class UnboundedSender : public SenderBase<detail::MpscChannel<T, Scope, detail::Blocks>> {
public:
    using Channel = detail::MpscChannel<T, Scope, detail::Blocks>;

    explicit UnboundedSender(Channel& channel) noexcept : SenderBase<Channel>(channel) {}

    /// Sends `value` at once.
    ///
    /// Errors: closed. `value` is moved from only on success.
    /// Cost:   one lock in shared scope; an allocation for 32 messages while the receiver lags behind.
    [[nodiscard]] Result<> send(T&& value) const {
        if (this->channel_->try_push(value) == detail::SlotOutcome::closed) return Errc::closed;
        return {};
    }
    [[nodiscard]] Result<> send(const T& value) const
        requires std::copy_constructible<T>
    {
        return send(T(value));
    }

    /// A sender that does not keep the channel open.
    [[nodiscard]] WeakSender<UnboundedSender> downgrade() const noexcept {
        return WeakSender<UnboundedSender>(*this->channel_);
    }
};

/// The receiving end; Receiver and UnboundedReceiver are this. Dropping it destroys the queued messages at once.
///
/// Lifetime: outlives the operations it returned.
/// Threads:  shared scope: any, one at a time. Local scope: the channel's core. One recv at a time, asserted.
template <class ChannelType>
class BasicReceiver {
public:
    using Channel = ChannelType;
    using Value = typename Channel::Value;

    explicit BasicReceiver(Channel& channel) noexcept : channel_(&channel) {}
    BasicReceiver(BasicReceiver&& other) noexcept : channel_(std::exchange(other.channel_, nullptr)) {}
    BasicReceiver& operator=(BasicReceiver&& other) noexcept {
        if (this != &other) {
            if (channel_ != nullptr) channel_->drop_receiver();
            channel_ = std::exchange(other.channel_, nullptr);
        }
        return *this;
    }
    ~BasicReceiver() {
        if (channel_ != nullptr) channel_->drop_receiver();
    }

    /// Waits for the next message. Gives Result<T>.
    ///
    /// Errors: closed, when the channel is empty and stays so: the senders are gone, or after close() the last
    ///         permit is.
    /// Cancel: safe: the message stays in the channel.
    /// Cost:   no allocation, no lock unless it waits; in shared scope one locked instruction a message (bounded).
    [[nodiscard]] detail::Recv<Channel> recv() const noexcept { return detail::Recv<Channel>(*channel_); }

    /// Waits for a message and takes all that are there, up to out.size(), into `out` from the front. Never waits
    /// for a second one. Gives Result<std::size_t>.
    ///
    /// Shape:    n, 1 <= n <= out.size(), or 0 at once when `out` is empty. Slots [0, n) are assigned, which for this
    ///           form must not throw: half a batch would be lost.
    /// Errors:   closed, as recv().
    /// Lifetime: `out` outlives the await.
    /// Cancel:   safe: the messages stay in the channel.
    /// Cost:     one locked instruction in all: cheaper a message than recv().
    [[nodiscard]] detail::RecvIntoSpan<Channel> recv_many(std::span<Value> out) const noexcept {
        static_assert(std::is_nothrow_move_assignable_v<Value>,
                      "recv_many() into a span assigns messages, which must not throw; receive into a vector instead");
        return detail::RecvIntoSpan<Channel>(*channel_, out);
    }

    /// The same, appending at most `count_max` messages to `out`; allocates only if its capacity is too small.
    ///
    /// Lifetime: `out` outlives the await.
    /// Cancel:   safe: the messages stay in the channel.
    [[nodiscard]] detail::RecvIntoVector<Channel> recv_many(std::vector<Value>& out,
                                                            std::size_t count_max) const noexcept {
        return detail::RecvIntoVector<Channel>(*channel_, out, count_max);
    }

    /// The next message, if it is there.
    ///
    /// Errors: would_block, also while a recv waits or after close() permits are out; closed, as recv().
    [[nodiscard]] Result<Value> try_recv() const noexcept {
        const std::size_t claimed = channel_->is_recv_pending() ? 1 : 0;
        if (channel_->available(claimed + 1) > claimed) return channel_->take();
        if (claimed == 0 && channel_->is_drained()) return Unexpected(Errc::closed);
        return Unexpected(Errc::would_block);
    }

    /// Fails all sends from now on and those that wait. Messages and permits that are out stay good: receive until
    /// Errc::closed to get them. Idempotent.
    void close() const noexcept { channel_->close(); }

    /// True once closed, or all senders are gone.
    [[nodiscard]] bool is_closed() const noexcept { return channel_->is_closed() || channel_->has_no_senders(); }

    /// Messages that are in the channel.
    [[nodiscard]] std::size_t len() const noexcept { return channel_->size(); }
    [[nodiscard]] bool is_empty() const noexcept { return len() == 0; }

    /// As Sender; of bounded channels.
    [[nodiscard]] std::size_t capacity() const noexcept
        requires(Channel::is_bounded)
    {
        return channel_->capacity();
    }
    [[nodiscard]] std::size_t max_capacity() const noexcept
        requires(Channel::is_bounded)
    {
        return channel_->capacity_max();
    }

    /// False after a move.
    [[nodiscard]] bool valid() const noexcept { return channel_ != nullptr; }

private:
    Channel* channel_;
};

template <class T, class Scope = task::SharedScope>
using Receiver = BasicReceiver<detail::MpscChannel<T, Scope, detail::Ring>>;
template <class T, class Scope = task::SharedScope>
using UnboundedReceiver = BasicReceiver<detail::MpscChannel<T, Scope, detail::Blocks>>;

/// A channel for at most `capacity` messages: `auto [tx, rx] = channel<int>(64);`
///
/// Shape: 1 to 2^30; asserted.
/// Cost:  two allocations; the array has the next power of two of slots.
template <class T, class Scope = task::SharedScope>
[[nodiscard]] std::pair<Sender<T, Scope>, Receiver<T, Scope>> channel(std::size_t capacity) {
    auto* const made = new detail::MpscChannel<T, Scope, detail::Ring>(capacity);
    return {Sender<T, Scope>(*made), Receiver<T, Scope>(*made)};
}

/// A channel without a limit. For senders that cannot wait, and whose number of messages is limited otherwise.
///
/// Cost: two allocations, then one for 32 messages while the receiver lags behind; up to 8 empty blocks are kept.
template <class T, class Scope = task::SharedScope>
[[nodiscard]] std::pair<UnboundedSender<T, Scope>, UnboundedReceiver<T, Scope>> unbounded() {
    auto* const made = new detail::MpscChannel<T, Scope, detail::Blocks>(0);
    return {UnboundedSender<T, Scope>(*made), UnboundedReceiver<T, Scope>(*made)};
}

}  // namespace skerry::sync::mpsc

namespace skerry::sync::local::mpsc {

template <class T>
using Sender = sync::mpsc::Sender<T, task::LocalScope>;
template <class T>
using Receiver = sync::mpsc::Receiver<T, task::LocalScope>;
template <class T>
using UnboundedSender = sync::mpsc::UnboundedSender<T, task::LocalScope>;
template <class T>
using UnboundedReceiver = sync::mpsc::UnboundedReceiver<T, task::LocalScope>;
template <class T>
using Permit = sync::mpsc::Permit<T, task::LocalScope>;

/// sync::mpsc::channel for one core. Threads: the core that made it.
template <class T>
[[nodiscard]] std::pair<Sender<T>, Receiver<T>> channel(std::size_t capacity) {
    return sync::mpsc::channel<T, task::LocalScope>(capacity);
}

/// sync::mpsc::unbounded for one core. Threads: the core that made it.
template <class T>
[[nodiscard]] std::pair<UnboundedSender<T>, UnboundedReceiver<T>> unbounded() {
    return sync::mpsc::unbounded<T, task::LocalScope>();
}

}  // namespace skerry::sync::local::mpsc
