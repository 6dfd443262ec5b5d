#pragma once

// Hot path. The object that the ends of an mpsc channel share.
//
// Senders take a lock, write a slot and move `tail`: one exchange and one store for a message. The receiver takes no
// lock: it owns the slots from `head` to the last `tail` it has seen, and publishes `head` after each message with one
// read-modify-write. That one is needed, and is why the capacity is exact: a sender that is about to wait writes
// `waiting` and then reads `head`; the receiver writes `head` and then reads `waiting`; with both steps sequentially
// consistent one of them sees the other. Returning capacity in bulk would save it, and would leave a sender
// waiting in front of free slots whenever the receiver does something else between two messages.
//
// Slots are counted under the lock: capacity = messages + permits + grants + free. `room` is the part of the free ones
// that a sender may take without looking at `head`; it is 0 while anybody waits for a slot and once the channel is
// closed, so the fast path tests nothing else. A grant is the claim of a woken sender that has not run yet.
//
// Rejected: a lock-free queue of senders (two contended read-modify-writes for a message where the lock needs one, and
// no order among those that wait); taking messages under the lock too (the same price on one core, and between two
// cores the senders' line would cross over twice for each message); handing the receiver a batch as its own and
// returning the capacity at the end of it (see above).

#include "cell.hpp"
#include "mpsc_storage.hpp"
#include "one_waiter.hpp"

#include "../../base/assert.hpp"
#include "../../base/cache_line.hpp"
#include "../../base/compiler.hpp"
#include "../../task/wait_queue.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

namespace skerry::sync::detail {

/// A task that waits for `slots` slots of a bounded channel.
struct SlotNode : task::WaitNode {
    std::uint32_t slots = 1;
};

/// How an attempt to get slots, or to put a message in, ended.
enum class SlotOutcome : std::uint8_t { done, full, closed };

/// Threads: each function says whose it is. Lifetime: counted, see add_sender(), release().
template <class T, class Scope, template <class, class> class Storage>
class MpscChannel {
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                  "a message must not throw when it is moved or destroyed");

public:
    using Value = T;
    using ScopeType = Scope;
    static constexpr bool is_bounded = Storage<T, Scope>::is_bounded;

    /// With one sender and the receiver alive.
    explicit MpscChannel(std::size_t capacity) : capacity_(static_cast<std::uint32_t>(capacity)) {
        storage_.allocate(senders_.push, receiver_.pop, capacity);
        if constexpr (is_bounded)
            senders_.room = capacity_;
        else
            senders_.room = Storage<T, Scope>::block_slots - Storage<T, Scope>::first_index;
    }
    MpscChannel(const MpscChannel&) = delete;
    MpscChannel& operator=(const MpscChannel&) = delete;

    // Counts. The senders together hold one reference, the receiver one, each weak sender one. Threads: any.

    void add_sender() noexcept { sender_count_.fetch_add(1, std::memory_order_relaxed); }

    /// One more sender, unless there is none left.
    [[nodiscard]] bool try_add_sender() noexcept {
        std::uint32_t seen = sender_count_.load(std::memory_order_relaxed);
        do {
            if (seen == 0) return false;
        } while (
            !sender_count_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed, std::memory_order_relaxed));
        return true;
    }

    void drop_sender() noexcept {
        // Release and acquire: what every sender did is over before the last one says so.
        if (sender_count_.fetch_sub(1, std::memory_order_acq_rel) == 1) last_sender_gone();
    }

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    // Senders. Threads: any.

    /// Moves `value` in if there is a slot for it and nobody waits for one.
    [[nodiscard]] SKERRY_ALWAYS_INLINE SlotOutcome try_push(T& value) noexcept(is_bounded) {
        senders_.lock.lock();
        if (senders_.room == 0) [[unlikely]]
            return push_slow(value);
        --senders_.room;
        task::TaskHeader* const woken = put(value);
        senders_.lock.unlock();
        push(woken);
        return SlotOutcome::done;
    }

    /// Moves values in from the front while there are free slots; gives how many.
    [[nodiscard]] std::size_t try_push_some(T* values, std::size_t count) noexcept {
        task::PendingPosts posts;
        std::unique_lock guard(senders_.lock);
        return put_some(values, count, guard, posts);
    }

    /// Takes `slots` slots out of the free ones, as permits.
    [[nodiscard]] SlotOutcome try_reserve(std::uint32_t slots) noexcept {
        task::PendingPosts posts;
        std::unique_lock guard(senders_.lock);
        if (slots == 0) [[unlikely]]  // there is always room for none, but no longer a channel
            return is_receiver_closed() ? SlotOutcome::closed : SlotOutcome::done;
        if (senders_.room < slots) {
            const SlotOutcome outcome = make_room(guard, posts);
            if (outcome != SlotOutcome::done) return outcome;
            if (senders_.room < slots) return SlotOutcome::full;
        }
        senders_.room -= slots;
        senders_.permits += slots;
        return SlotOutcome::done;
    }

    /// Waits for `node.slots` slots, as grants. done: they are here; full: the node is linked.
    [[nodiscard]] SlotOutcome wait_for_slots(SlotNode& node) noexcept {
        task::PendingPosts posts;
        std::unique_lock guard(senders_.lock);
        if (is_receiver_closed()) return SlotOutcome::closed;
        if (senders_.room >= node.slots) {
            senders_.room -= node.slots;
            senders_.grants += node.slots;
            return SlotOutcome::done;
        }
        senders_.room = 0;  // whoever comes later queues behind
        // Said before head is read, both sequentially consistent: pairs with publish_head().
        announce(+1);
        if (receiver_.slot_waiters.empty() && free_slots(std::memory_order_seq_cst) >= node.slots) {
            announce(-1);
            senders_.grants += node.slots;
            return SlotOutcome::done;
        }
        if (node.slots > 1) ++receiver_.large_waiters;
        receiver_.slot_waiters.add(node);
        return SlotOutcome::full;
    }

    /// Takes `node` back: out of the queue, or its grant when it was woken.
    void stop_waiting(SlotNode& node) noexcept {
        task::PendingPosts posts;
        const std::lock_guard guard(senders_.lock);
        if (node.state() != task::node_state::idle && receiver_.slot_waiters.remove(node)) {
            announce(-1);
            if (node.slots > 1) --receiver_.large_waiters;
        } else {
            if (node.state() != task::node_state::idle) task::discard_wake(node);
            node.take_claim();
            if (is_receiver_closed()) return;  // close() has taken all grants back
            senders_.grants -= node.slots;
        }
        grant(posts);
    }

    /// Uses one grant of a woken sender for a message; false when the channel was closed meanwhile.
    [[nodiscard]] bool push_granted(T& value) noexcept {
        senders_.lock.lock();
        const bool open = !is_receiver_closed();
        task::TaskHeader* woken = nullptr;
        if (open) {
            --senders_.grants;
            woken = put(value);
        }
        senders_.lock.unlock();
        push(woken);
        return open;
    }

    /// Uses one grant, and what else is free, for values from the front; gives how many, 0 when closed.
    [[nodiscard]] std::size_t push_granted_some(T* values, std::size_t count) noexcept {
        task::PendingPosts posts;
        std::unique_lock guard(senders_.lock);
        if (is_receiver_closed()) return 0;
        --senders_.grants;
        add(posts, put(values[0]));
        return 1 + put_some(values + 1, count - 1, guard, posts);
    }

    /// Makes `slots` grants permits; false when the channel was closed meanwhile.
    [[nodiscard]] bool reserve_granted(std::uint32_t slots) noexcept {
        const std::lock_guard guard(senders_.lock);
        if (is_receiver_closed()) return false;
        senders_.grants -= slots;
        senders_.permits += slots;
        return true;
    }

    /// Uses one permit. When the receiver is gone, `value` stays where it is.
    void push_permitted(T& value) noexcept {
        task::PendingPosts posts;
        const std::lock_guard guard(senders_.lock);
        --senders_.permits;
        if ((state_.load(std::memory_order_relaxed) & receiver_gone) == 0) add(posts, put(value));
    }

    /// Gives permits back.
    void drop_permits(std::uint32_t slots) noexcept {
        task::PendingPosts posts;
        const std::lock_guard guard(senders_.lock);
        senders_.permits -= slots;
        if (!is_receiver_closed()) return grant(posts);
        // The receiver of a closed channel waits for the last permit.
        if (is_finished() && !senders_.receiver.empty()) add(posts, senders_.receiver.wake());
    }

    /// True once the receiver has closed the channel or is gone.
    [[nodiscard]] bool is_closed() const noexcept { return is_receiver_closed(std::memory_order_acquire); }

    [[nodiscard]] bool has_no_senders() const noexcept {
        return (state_.load(std::memory_order_acquire) & senders_gone) != 0;
    }

    /// Waits until is_closed(); false when it is.
    [[nodiscard]] bool wait_for_close(task::WaitNode& node) noexcept {
        const std::lock_guard guard(senders_.lock);
        if (is_receiver_closed()) return false;
        close_waiters_.add(node);
        return true;
    }
    void stop_waiting_for_close(task::WaitNode& node) noexcept {
        const std::lock_guard guard(senders_.lock);
        if (node.state() != task::node_state::idle && !close_waiters_.remove(node)) task::discard_wake(node);
        node.take_claim();
    }

    [[nodiscard]] std::size_t capacity() noexcept {
        const std::lock_guard guard(senders_.lock);
        return is_receiver_closed() ? 0 : free_slots(std::memory_order_acquire);
    }
    [[nodiscard]] std::size_t capacity_max() const noexcept { return capacity_; }

    /// Messages in the channel.
    [[nodiscard]] std::size_t size() const noexcept {
        const std::uint32_t head = receiver_.head.load(std::memory_order_acquire);
        return senders_.tail.load(std::memory_order_acquire) - head;
    }

    // The receiver. Threads: the one that has the Receiver.

    /// True when a message can be taken that no woken recv has a claim on.
    [[nodiscard]] SKERRY_ALWAYS_INLINE bool has_message() noexcept { return has_seen_message() || look_again(); }
    /// The same as far as the last look at the senders' side knows.
    [[nodiscard]] SKERRY_ALWAYS_INLINE bool has_seen_message() const noexcept {
        return receiver_.head.load(std::memory_order_relaxed) != receiver_.tail_seen;
    }
    [[nodiscard]] bool is_recv_pending() const noexcept { return receiver_.pending; }

    /// After a wake: true when there is a message, false when the channel is finished.
    [[nodiscard]] SKERRY_ALWAYS_INLINE bool was_woken_for_message() noexcept {
        receiver_.pending = false;
        const std::uint32_t head = receiver_.head.load(std::memory_order_relaxed);
        if (head != receiver_.tail_seen) return true;
        // With neither side closed only a message can have woken us, and the senders' line need not be fetched.
        if ((state_.load(std::memory_order_relaxed) & (receiver_closed | senders_gone)) != 0) return look_again();
        receiver_.tail_seen = head + 1;
        return true;
    }

    /// Messages that can be taken now; looks at the senders' side when that is less than `wanted`.
    [[nodiscard]] std::size_t available(std::size_t wanted) noexcept {
        const std::uint32_t head = receiver_.head.load(std::memory_order_relaxed);
        if (receiver_.tail_seen - head < wanted) (void)look_again();
        return receiver_.tail_seen - head;
    }

    /// Takes the oldest message. There must be one.
    [[nodiscard]] SKERRY_ALWAYS_INLINE T take() noexcept {
        const std::uint32_t head = receiver_.head.load(std::memory_order_relaxed);
        T* const slot = storage_.pop_slot(receiver_.pop, head);
        T value(std::move(*slot));
        std::destroy_at(slot);
        publish_head(head + 1);
        return value;
    }

    /// Calls `sink(T&&)` with the `count` oldest messages, which must be there; returns their slots at the end.
    template <class Sink>
    void take_some(std::size_t count, Sink&& sink) {
        std::uint32_t head = receiver_.head.load(std::memory_order_relaxed);
        for (; count != 0; --count, ++head) {
            T* const slot = storage_.pop_slot(receiver_.pop, head);
            sink(std::move(*slot));
            std::destroy_at(slot);
        }
        publish_head(head);
    }

    /// How wait_for_message() ended.
    enum class Wait : std::uint8_t { linked, message, finished };

    /// Registers `node` as the waiting receiver, unless a message came or none can come any more.
    [[nodiscard]] Wait wait_for_message(task::WaitNode& node) noexcept {
        const std::lock_guard guard(senders_.lock);
        receiver_.tail_seen = senders_.tail.load(std::memory_order_relaxed);
        if (receiver_.head.load(std::memory_order_relaxed) != receiver_.tail_seen) return Wait::message;
        if (is_finished()) return Wait::finished;
        receiver_.pending = true;
        if constexpr (Scope::is_shared)
            add_receiver(node);
        else
            senders_.receiver.add(node);
        return Wait::linked;
    }
    void stop_waiting_for_message(task::WaitNode& node) noexcept {
        receiver_.pending = false;
        if (node.state() != task::node_state::idle) {
            const std::lock_guard guard(senders_.lock);
            if (!senders_.receiver.remove(node)) task::discard_wake(node);
        }
        node.take_claim();  // worth nothing without its task: the message stays where it is
    }
    void set_recv_pending(bool pending) noexcept { receiver_.pending = pending; }

    /// True when the channel is empty and stays so.
    [[nodiscard]] bool is_drained() noexcept {
        const std::lock_guard guard(senders_.lock);
        receiver_.tail_seen = senders_.tail.load(std::memory_order_relaxed);
        return receiver_.head.load(std::memory_order_relaxed) == receiver_.tail_seen && is_finished();
    }

    /// Fails all sends from now on, and those that wait.
    void close() noexcept { close(receiver_closed); }

    /// close(), and destroys what is in the channel.
    void drop_receiver() noexcept {
        close(receiver_closed | receiver_gone);
        if (const std::size_t left = available(~std::size_t{0}); left != 0) take_some(left, [](T&&) {});
        release();
    }

private:
    // Bits of state_; written under the lock.
    static constexpr std::uint32_t receiver_closed = 1;
    static constexpr std::uint32_t receiver_gone = 2;
    static constexpr std::uint32_t senders_gone = 4;

    static constexpr std::size_t side_bytes = Scope::is_shared ? no_sharing_bytes : alignof(std::max_align_t);

    using Waiters = typename Scope::Waiters;

    /// What a send and a receiver that goes to sleep touch: one line.
    struct alignas(side_bytes) SenderSide {
        typename Scope::Lock lock;
        Cell<Scope, std::uint32_t> tail{Storage<T, Scope>::first_index};  // release: publishes the slot before it
        std::uint32_t room = 0;
        std::uint32_t permits = 0;
        std::uint32_t grants = 0;
        OneWaiter<Scope> receiver;
        typename Storage<T, Scope>::PushEnd push;
    };

    static constexpr std::uint8_t alone_enough = 4;

    /// What taking a message touches: the receiver's line. Senders come here when they find the channel full.
    struct alignas(side_bytes) ReceiverSide {
        Cell<Scope, std::uint32_t> head{Storage<T, Scope>::first_index};
        std::uint32_t tail_seen = Storage<T, Scope>::first_index;
        Cell<Scope, std::uint32_t> waiting{0};  // senders in slot_waiters; see publish_head()
        bool pending = false;  // a recv is between its suspension and its resumption
        std::uint8_t alone = 0;  // waits in a row that brought one message, as far as they count
        std::uint16_t waited_at = 0;  // the head, modulo 2^16
        typename Storage<T, Scope>::PopEnd pop;
        Waiters slot_waiters;  // under the lock
        std::uint32_t large_waiters = 0;  // those of more than one slot; under the lock
    };

    ~MpscChannel() { storage_.free_all(senders_.push, receiver_.pop); }

    [[nodiscard]] bool is_receiver_closed(std::memory_order order = std::memory_order_relaxed) const noexcept {
        return (state_.load(order) & receiver_closed) != 0;
    }

    /// Nothing can be put in any more. Under the lock.
    [[nodiscard]] bool is_finished() const noexcept {
        return (state_.load(std::memory_order_relaxed) & (receiver_closed | senders_gone)) != 0 &&
               senders_.permits == 0;
    }

    /// Slots that are neither filled nor promised. Under the lock.
    [[nodiscard]] std::uint32_t free_slots(std::memory_order order) const noexcept {
        const std::uint32_t used = senders_.tail.load(std::memory_order_relaxed) - receiver_.head.load(order);
        return capacity_ - used - senders_.permits - senders_.grants;
    }

    void announce(int change) noexcept {
        const auto waiting = receiver_.waiting.load(std::memory_order_relaxed) + static_cast<std::uint32_t>(change);
        receiver_.waiting.store(waiting, std::memory_order_seq_cst);
    }

    static void add(task::PendingPosts& posts, task::TaskHeader* woken) noexcept {
        if (woken != nullptr) posts.add(*woken);
    }

    /// Fills a slot that is no longer counted as free, and wakes the receiver. Under the lock; what it gives is pushed
    /// after the unlock.
    [[nodiscard]] SKERRY_ALWAYS_INLINE task::TaskHeader* put(T& value) noexcept {
        const std::uint32_t tail = senders_.tail.load(std::memory_order_relaxed);
        std::construct_at(storage_.push_slot(senders_.push, tail), std::move(value));
        // Release: pairs with the receiver's acquire in look_again().
        senders_.tail.store(tail + 1, std::memory_order_release);
        return senders_.receiver.empty() ? nullptr : senders_.receiver.wake();
    }

    /// try_push() without room; entered with the lock held.
    [[nodiscard]] SKERRY_NOINLINE SlotOutcome push_slow(T& value) noexcept(is_bounded) {
        task::PendingPosts posts;
        std::unique_lock guard(senders_.lock, std::adopt_lock);
        const SlotOutcome outcome = make_room(guard, posts);
        if (outcome != SlotOutcome::done) return outcome;
        --senders_.room;
        add(posts, put(value));
        return SlotOutcome::done;
    }

    std::size_t put_some(T* values, std::size_t count, std::unique_lock<typename Scope::Lock>& guard,
                         task::PendingPosts& posts) noexcept {
        std::size_t done = 0;
        while (done != count) {
            if (senders_.room == 0 && make_room(guard, posts) != SlotOutcome::done) break;
            --senders_.room;
            add(posts, put(values[done++]));
        }
        return done;
    }

    /// `room` is too small: looks what the receiver has freed. Under the lock, which a block's allocation leaves.
    SlotOutcome make_room(std::unique_lock<typename Scope::Lock>& guard,
                          task::PendingPosts& posts) noexcept(is_bounded) {
        if constexpr (is_bounded) {
            if (is_receiver_closed()) return SlotOutcome::closed;
            grant(posts);  // those who wait come first
            if (receiver_.waiting.load(std::memory_order_relaxed) != 0) return SlotOutcome::full;
            senders_.room = free_slots(std::memory_order_acquire);
            return senders_.room != 0 ? SlotOutcome::done : SlotOutcome::full;
        } else {
            while (senders_.room == 0) {
                if (is_receiver_closed()) return SlotOutcome::closed;
                if (storage_.append_spare(senders_.push)) {
                    senders_.room = Storage<T, Scope>::block_slots;
                    break;
                }
                constexpr std::uint32_t most =
                    std::numeric_limits<std::uint32_t>::max() - Storage<T, Scope>::block_slots;
                SKERRY_ASSERT(size() < most, "a channel holds fewer than 2^32 messages");
                guard.unlock();
                auto* const block = new typename Storage<T, Scope>::Block;
                guard.lock();
                storage_.add_spare(senders_.push, block);
            }
            return SlotOutcome::done;
        }
    }

    /// Hands free slots to those who wait, the oldest first. Under the lock.
    void grant(task::PendingPosts& posts) noexcept {
        std::uint32_t waiting = receiver_.waiting.load(std::memory_order_relaxed);
        if (waiting == 0) return;
        std::uint32_t free = free_slots(std::memory_order_seq_cst);
        while (waiting != 0) {
            // The node of a waiter on another core is a line of that core's: looked at only if it may ask for more.
            const std::uint32_t slots =
                receiver_.large_waiters == 0 ? 1 : static_cast<SlotNode*>(receiver_.slot_waiters.front())->slots;
            if (slots > free) break;
            free -= slots;
            senders_.grants += slots;
            if (slots > 1) --receiver_.large_waiters;
            receiver_.slot_waiters.wake_one(posts);
            --waiting;
        }
        receiver_.waiting.store(waiting, std::memory_order_relaxed);
    }

    void add_receiver(task::WaitNode& node) noexcept {
        if (!comes_alone()) return senders_.receiver.add(node);
        // A sender that looked for room has read the line that the receiver writes next.
        senders_.receiver.add(
            node, {.written = &receiver_, .read = storage_.next_to_pop(receiver_.pop, receiver_.tail_seen)});
    }

    // Whether the last few waits brought one message each. Then the next is taken at the first moment. Where more
    // come the sender has sent several until it is, and whoever takes its line from it sooner only wakes more often.
    [[nodiscard]] bool comes_alone() noexcept {
        const auto head = static_cast<std::uint16_t>(receiver_.tail_seen);
        const bool was_alone = static_cast<std::uint16_t>(head - std::exchange(receiver_.waited_at, head)) == 1;
        receiver_.alone = was_alone ? std::min<std::uint8_t>(receiver_.alone + 1, alone_enough) : 0;
        return receiver_.alone == alone_enough;
    }

    /// Returns slots up to `head` to the senders.
    void publish_head(std::uint32_t head) noexcept {
        if constexpr (!is_bounded) {
            receiver_.head.store(head, std::memory_order_release);
        } else {
            // Sequentially consistent, and with the load below the other half of wait_for_slots(). Release: the slot
            // was emptied before a sender fills it again.
            receiver_.head.exchange(head, std::memory_order_seq_cst);
            if (receiver_.waiting.load(std::memory_order_seq_cst) != 0) [[unlikely]]
                grant_freed();
        }
    }

    SKERRY_NOINLINE void grant_freed() noexcept {
        task::PendingPosts posts;
        const std::lock_guard guard(senders_.lock);
        grant(posts);
    }

    /// Looks at the senders' line; true when there is a message.
    [[nodiscard]] SKERRY_ALWAYS_INLINE bool look_again() noexcept {
        // A receiver that finds nothing locks this line next: fetched for writing it crosses over once, not twice.
        if constexpr (Scope::is_shared) prefetch_write(&senders_);
        receiver_.tail_seen = senders_.tail.load(std::memory_order_acquire);
        return receiver_.head.load(std::memory_order_relaxed) != receiver_.tail_seen;
    }

    SKERRY_NOINLINE void last_sender_gone() noexcept {
        {
            task::PendingPosts posts;
            const std::lock_guard guard(senders_.lock);
            state_.fetch_or(senders_gone, std::memory_order_release);
            if (!senders_.receiver.empty()) add(posts, senders_.receiver.wake());
        }
        release();
    }

    void close(std::uint32_t bits) noexcept {
        task::PendingPosts posts;
        const std::lock_guard guard(senders_.lock);
        state_.fetch_or(bits, std::memory_order_release);
        senders_.room = 0;
        senders_.grants = 0;  // a woken sender that has not run finds the channel closed and has nothing to give back
        receiver_.waiting.store(0, std::memory_order_relaxed);
        receiver_.large_waiters = 0;
        while (receiver_.slot_waiters.wake_one(posts)) {
        }
        while (close_waiters_.wake_one(posts)) {
        }
        if (is_finished() && !senders_.receiver.empty()) add(posts, senders_.receiver.wake());
    }

    SenderSide senders_;
    Storage<T, Scope> storage_;
    std::uint32_t capacity_;
    Cell<Scope, std::uint32_t> state_{0};
    Cell<Scope, std::uint32_t> sender_count_{1};
    Cell<Scope, std::uint32_t> references_{2};
    Waiters close_waiters_;
    ReceiverSide receiver_;

    static_assert(!Scope::is_shared || sizeof(SenderSide) == side_bytes, "one line for the senders");
};

}  // namespace skerry::sync::detail
