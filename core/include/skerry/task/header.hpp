#pragma once

// Hot path. The 32 bytes in front of every spawned task's frame, and the 32 bytes inside every awaiter
// that waits. Layout, rules and who may touch which field: core/src/task/README.md. In short:
//
//   - a header's plain fields belong to the task's home core; any thread may post through `remote`;
//   - a block with anything posted is never freed: the home core's inbox drain does it;
//   - a node's state belongs to its task's home core; a waker elsewhere writes only `next` and the
//     header's atomic word, under the lock of the primitive the node waits in.

#include "../base/atomic.hpp"
#include "../base/intrusive_list.hpp"

#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace skerry::task {

struct WaitNode;

/// Flags and fields of TaskHeader::remote. A node is 8-aligned, which leaves three bits below its address;
/// user addresses have at most 48 bits, which leaves sixteen above.
namespace remote_word {
inline constexpr std::uintptr_t posted = 1;                       ///< the header is in an inbox, or about to be
inline constexpr std::uintptr_t abort = 2;                        ///< abort() was asked for
inline constexpr std::uintptr_t join_lock = 4;                    ///< a joiner on another core registers or leaves
inline constexpr std::uintptr_t low_flags = 7;
inline constexpr std::uintptr_t done = std::uintptr_t{1} << 48;   ///< the task is over; its outcome is in place
inline constexpr unsigned handles_shift = 49;  ///< 15 bits: handles made less handles dropped, modulo 2^15
inline constexpr std::uintptr_t one_handle = std::uintptr_t{1} << handles_shift;
inline constexpr std::uintptr_t node_mask = (std::uintptr_t{1} << 48) - 1 - low_flags;

/// The first of the fired nodes in `word`.
[[nodiscard]] inline WaitNode* fired(std::uintptr_t word) noexcept {
    return reinterpret_cast<WaitNode*>(word & node_mask);
}

/// Handles made on other cores less those dropped there, modulo 2^15: more than 16,383 may go between two drains.
[[nodiscard]] inline int handle_delta(std::uintptr_t word) noexcept {
    return static_cast<int>(static_cast<std::intptr_t>(word) >> handles_shift);
}
}  // namespace remote_word

/// Bits of TaskHeader::state; home core only.
namespace task_state {
inline constexpr std::uint16_t spawned = 1;     ///< operator delete leaves the block alone: completion frees it
inline constexpr std::uint16_t unstarted = 2;   ///< on the stack of unstarted tasks
inline constexpr std::uint16_t done = 4;        ///< frame destroyed, outcome stored or dropped
inline constexpr std::uint16_t cancelled = 8;   ///< ended by abort
inline constexpr std::uint16_t taken = 16;      ///< there is no stored outcome, or it was moved out
inline constexpr std::uint16_t panicked = 32;   ///< a destructor threw during the abort; the exception is stored
inline constexpr std::uint16_t freeing = 64;    ///< on its way back to the core whose slab it came from
inline constexpr std::uint16_t arriving = 128;  ///< posted by another thread to be started here
inline constexpr std::uint16_t adopted = 256;   ///< the block is not of the home core's slab
inline constexpr std::uint16_t named = 512;     ///< the side table has an entry
inline constexpr std::uint16_t unplaced = 1024;  ///< unstarted, and found by walking the slab: the stack was full
}  // namespace task_state

inline constexpr unsigned home_bits = 10;
inline constexpr unsigned max_schedulers = 1U << home_bits;
inline constexpr unsigned home_mask = max_schedulers - 1;

/// JoinHandle and AbortHandles of one task that may live at once.
inline constexpr std::int16_t handles_max = 0x7fff;

/// The block in front of a task's frame. Type-stable: it stays a TaskHeader while its slab lives.
struct alignas(16) TaskHeader {
    TaskHeader* next = nullptr;             ///< inbox link while posted, free-list link while free
    skerry::atomic<std::uintptr_t> remote{0};  ///< fired nodes and flags; see remote_word
    WaitNode* joiner = nullptr;             ///< home core's, or under join_lock
    std::uint16_t home_and_class = 0;       ///< ten bits core, six bits size class
    std::int16_t handles = 0;               ///< JoinHandle and AbortHandles; home core only
    std::uint16_t state = 0;                ///< see task_state; home core only
    std::uint16_t generation = 0;           ///< counts the lives of the block

    // The core whose slab the block is of looks at it also while another is its home: through these, and at nothing
    // else of it.
    [[nodiscard]] std::uint16_t home() const noexcept { return home_of(word(__ATOMIC_RELAXED)); }
    [[nodiscard]] std::uint16_t home_acquire() const noexcept { return home_of(word(__ATOMIC_ACQUIRE)); }
    [[nodiscard]] unsigned size_class() const noexcept { return word(__ATOMIC_RELAXED) >> home_bits; }
    /// Release: what this core wrote in the header is seen by whoever finds the new home by home_acquire().
    void set_home(std::uint16_t core) noexcept {
        __atomic_store_n(&home_and_class, static_cast<std::uint16_t>((home_and_class & ~home_mask) | core),
                         __ATOMIC_RELEASE);
    }
    void set_size_class(unsigned index) noexcept {
        home_and_class = static_cast<std::uint16_t>((home_and_class & home_mask) | (index << home_bits));
    }
    [[nodiscard]] bool has(std::uint16_t bits) const noexcept { return (state & bits) != 0; }

    /// Counted modulo 2^15, as the part that other cores contribute; a task has at most handles_max.
    [[nodiscard]] bool has_handles() const noexcept { return (handles & handles_max) != 0; }

    /// `state`, in a header that may still be looked at by the core whose slab it is of.
    [[nodiscard]] std::uint16_t state_elsewhere() const noexcept { return __atomic_load_n(&state, __ATOMIC_RELAXED); }
    void set_state_elsewhere(std::uint16_t bits) noexcept { __atomic_store_n(&state, bits, __ATOMIC_RELAXED); }

    [[nodiscard]] void* frame() noexcept { return this + 1; }
    [[nodiscard]] std::coroutine_handle<> coroutine() noexcept {
        return std::coroutine_handle<>::from_address(this + 1);
    }
    [[nodiscard]] static TaskHeader& of_frame(void* frame) noexcept { return *(static_cast<TaskHeader*>(frame) - 1); }

private:
    [[nodiscard]] std::uint16_t word(int order) const noexcept { return __atomic_load_n(&home_and_class, order); }
    [[nodiscard]] static std::uint16_t home_of(std::uint16_t word) noexcept {
        return static_cast<std::uint16_t>(word & home_mask);
    }
};
static_assert(sizeof(TaskHeader) == 32);

/// Where a node stands; home core only.
namespace node_state {
inline constexpr std::uintptr_t idle = 0;  ///< in no queue
inline constexpr std::uintptr_t linked = 1;  ///< in a core-local list or a timer wheel
inline constexpr std::uintptr_t queued = 2;  ///< in the ready ring
inline constexpr std::uintptr_t next = 3;  ///< in the next slot
inline constexpr std::uintptr_t remote = 4;  ///< in a cross-core primitive, or fired and not yet drained
inline constexpr std::uintptr_t mask = 7;
inline constexpr std::uintptr_t claim = 8;  ///< the wake granted an item, a slot or a permit
inline constexpr std::uintptr_t low_bits = 15;
}  // namespace node_state

/// The part of an awaiter that waits: queue links, what to resume, for which task, and where it stands.
///
/// Lifetime: inside the awaiter, so inside a coroutine frame. Never copied or moved while not idle.
struct WaitNode : ListLink {
    union {
        std::coroutine_handle<> continuation;  // unset before the wait: an operation that need not wait does not pay
    };
    std::uintptr_t task_and_state = 0;

    WaitNode() noexcept {}
    WaitNode(const WaitNode&) = delete;
    WaitNode& operator=(const WaitNode&) = delete;

    [[nodiscard]] TaskHeader* task() const noexcept {
        return reinterpret_cast<TaskHeader*>(task_and_state & ~node_state::low_bits);
    }
    [[nodiscard]] std::uintptr_t state() const noexcept { return task_and_state & node_state::mask; }
    void set_state(std::uintptr_t state) noexcept { task_and_state = (task_and_state & ~node_state::mask) | state; }

    [[nodiscard]] bool has_claim() const noexcept { return (task_and_state & node_state::claim) != 0; }
    void give_claim() noexcept { task_and_state |= node_state::claim; }

    /// Takes the claim back; true when there was one.
    bool take_claim() noexcept {
        const bool had = has_claim();
        task_and_state &= ~node_state::claim;
        return had;
    }

    /// The place in the ready ring, kept where the list links are otherwise.
    [[nodiscard]] std::uint32_t ring_index() const noexcept {
        return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(next));
    }
    void set_ring_index(std::uint32_t index) noexcept {
        next = reinterpret_cast<ListLink*>(static_cast<std::uintptr_t>(index));
    }
};
static_assert(sizeof(WaitNode) == 32);

}  // namespace skerry::task
