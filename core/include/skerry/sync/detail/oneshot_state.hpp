#pragma once

// Hot path. What the two ends of a oneshot channel share: the value, one waiter for each end, and one word that says
// who has done what. Every step of either end is one read-modify-write of that word, and what the other end had done
// before it decides who does the rest: there is no lock.
//
//   sent            the value is in place; never set after `closed`
//   sender_gone     the sender is over: it sent, or it was dropped
//   receiver_waits  the receiver's node is in place; whoever sets `sender_gone` then wakes it
//   closed          the receiver takes no value that is not yet in place
//   receiver_gone   the receiver is over
//   sender_waits    the sender's node is in place, in closed(); whoever sets `closed` then wakes it
//
// The object is freed by whoever of sender_gone and receiver_gone comes second. A node that waits is taken back by
// clearing its bit. If the other end was first, its wake is a few instructions away and the waiter stays until it
// has arrived, because the other end still reads the node's place here.

#include "cell.hpp"
#include "one_waiter.hpp"

#include "../../base/assert.hpp"
#include "../../base/compiler.hpp"
#include "../../task/wait_queue.hpp"

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace skerry::sync::detail {

/// Threads: the sender's functions by its thread, the receiver's by its.
template <class T, class Scope>
class OneshotState {
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                  "a message must not throw when it is moved or destroyed");

public:
    using Value = T;

    OneshotState() noexcept {}
    OneshotState(const OneshotState&) = delete;
    OneshotState& operator=(const OneshotState&) = delete;

    // The sender.

    /// Moves `value` in and ends the sender's part: this object must not be touched after true. On false the receiver
    /// is closed, `value` is back where it was, and drop_sender() is still due.
    [[nodiscard]] bool send(T& value) noexcept {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        if ((seen & closed) != 0) return false;
        std::construct_at(std::addressof(value_), std::move(value));
        // Release: the value is seen by whoever sees `sent`. Acquire: the waiter's place is seen here. Not a fetch_or:
        // a value must not appear in a closed channel, where the receiver has been told that none will.
        while (!word_.compare_exchange_weak(seen, seen | sent | sender_gone, std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
            if ((seen & closed) != 0) {
                std::destroy_at(std::addressof(value));
                std::construct_at(std::addressof(value), std::move(value_));
                std::destroy_at(std::addressof(value_));
                return false;
            }
        }
        if ((seen & receiver_waits) != 0) wake(receiver_);
        return true;
    }

    /// Ends the sender's part without a value.
    void drop_sender() noexcept {
        const std::uint32_t seen = word_.fetch_or(sender_gone, std::memory_order_acq_rel);
        if ((seen & receiver_gone) != 0)
            delete this;
        else if ((seen & (receiver_waits | closed)) == receiver_waits)
            wake(receiver_);
    }

    [[nodiscard]] bool is_closed() const noexcept { return (word_.load(std::memory_order_acquire) & closed) != 0; }

    /// Waits until is_closed(); false when it is.
    [[nodiscard]] bool wait_for_close(task::WaitNode& node) noexcept {
        return wait(node, sender_, sender_waits, closed);
    }
    void stop_waiting_for_close(task::WaitNode& node) noexcept { stop_waiting(node, sender_waits, closed); }

    // The receiver.

    /// True when recv has its outcome.
    [[nodiscard]] bool is_over() const noexcept {
        // Acquire: pairs with send().
        return (word_.load(std::memory_order_acquire) & (sender_gone | closed)) != 0;
    }
    /// True when there is a value that was not taken.
    [[nodiscard]] bool has_value() const noexcept {
        return (word_.load(std::memory_order_acquire) & sent) != 0 && !taken_;
    }
    [[nodiscard]] bool is_taken() const noexcept { return taken_; }

    /// The value. There must be one.
    [[nodiscard]] T take() noexcept {
        taken_ = true;
        T value(std::move(value_));
        std::destroy_at(std::addressof(value_));
        return value;
    }

    /// Waits until is_over(); false when it is.
    [[nodiscard]] bool wait_for_value(task::WaitNode& node) noexcept {
        return wait(node, receiver_, receiver_waits, sender_gone | closed);
    }
    void stop_waiting_for_value(task::WaitNode& node) noexcept { stop_waiting(node, receiver_waits, sender_gone); }

    void close() noexcept {
        const std::uint32_t seen = word_.fetch_or(closed, std::memory_order_acq_rel);
        SKERRY_ASSERT((seen & (receiver_waits | sender_gone)) != receiver_waits, "close() while a recv waits");
        if ((seen & (sender_waits | closed)) == sender_waits) wake(sender_);
    }

    /// Ends the receiver's part.
    void drop_receiver() noexcept {
        std::uint32_t seen = word_.load(std::memory_order_acquire);
        if ((seen & sender_gone) == 0) seen = word_.fetch_or(closed | receiver_gone, std::memory_order_acq_rel);
        if ((seen & sender_gone) != 0) {
            if ((seen & sent) != 0 && !taken_) std::destroy_at(std::addressof(value_));
            delete this;
        } else if ((seen & (sender_waits | closed)) == sender_waits) {
            wake(sender_);
        }
    }

private:
    static constexpr std::uint32_t sent = 1;
    static constexpr std::uint32_t sender_gone = 2;
    static constexpr std::uint32_t receiver_waits = 4;
    static constexpr std::uint32_t closed = 8;
    static constexpr std::uint32_t receiver_gone = 16;
    static constexpr std::uint32_t sender_waits = 32;

    ~OneshotState() {}

    static void wake(OneWaiter<Scope>& waiter) noexcept {
        push(waiter.wake());  // the push comes when the waiter may have freed this object: it needs the header alone
    }

    /// Puts `node` in place and says so; false when one of the bits of `over` is set: then there is nothing to wait
    /// for.
    bool wait(task::WaitNode& node, OneWaiter<Scope>& place, std::uint32_t waits, std::uint32_t over) noexcept {
        std::uint32_t seen = word_.load(std::memory_order_acquire);
        if ((seen & over) != 0) return false;
        SKERRY_ASSERT((seen & waits) == 0, "two tasks wait for the same end of a oneshot channel");
        place.add(node);
        // Release: pairs with the acquire of whoever wakes. Acquire: of the value when it is there after all.
        seen = word_.fetch_or(waits, std::memory_order_acq_rel);
        if ((seen & over) == 0) return true;
        node.set_state(task::node_state::idle);
        return false;
    }

    void stop_waiting(task::WaitNode& node, std::uint32_t waits, std::uint32_t over) noexcept {
        using namespace task::node_state;
        if (node.state() == linked || node.state() == remote) {
            if ((word_.fetch_and(~waits, std::memory_order_acq_rel) & over) == 0) {
                node.set_state(idle);
                return;
            }
            while (node.state() == remote) {  // the other end has decided to wake this node and is about to
                task::current_scheduler->take_fired(*node.task());
                cpu_relax();
            }
        }
        if (node.state() != idle) task::current_scheduler->blank(node);
        node.take_claim();
    }

    Cell<Scope, std::uint32_t> word_{0};
    bool taken_ = false;  // the receiver's
    OneWaiter<Scope> receiver_;
    OneWaiter<Scope> sender_;
    union {
        T value_;
    };
};

}  // namespace skerry::sync::detail
