#pragma once

// A model checker for lock-free code: runs a small concurrent program again and again, each time with
// another interleaving of its threads, until it has seen all of them. See README.md for an example.
//
// - Model threads are fibers on one OS thread. Before every operation on a skerry::atomic the explorer
//   decides who runs next. It visits all schedules with at most Options::preemptions_max switches away from
//   a thread that could have gone on; switches away from a thread that waits or ends are free.
// - A thread that reads again what it has read before (same instruction; neither this value nor another it
//   has read since then has changed; it has changed nothing itself) spins. It is held until somebody changes
//   one of those values, so spin loops end. When every thread is held or in join, the schedule is a deadlock;
//   each is first let on some more times, in case it only looked like a loop.
// - SEQUENTIAL CONSISTENCY ONLY: every operation sees the latest value, whatever its memory_order. Results
//   that need store buffering or load reordering are not explored; a relaxed order that should have been
//   seq_cst is not found. That is left to ThreadSanitizer and to the comments that pair the atomics.
// - The orders do count for happens-before: accesses to a var<T>, the construction of an atomic and free()
//   are checked with vector clocks that only acquire and release operations join. So a missing acquire or
//   release is found in whichever schedule the data is passed, even though its value arrives.

#include "engine/vector_clock.hpp"
#include "model_atomic.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

namespace skerry::model {

/// How far to look. The defaults are for a model of two or three threads with some ten operations each.
struct Options {
    unsigned preemptions_max = 2;             ///< forced switches in one schedule
    std::uint64_t steps_max = 2'000;          ///< operations in one schedule; a longer one is cut and counted
    std::uint64_t schedules_max = 3'000'000;  ///< schedules in all
    bool spurious_failure = false;            ///< also let one compare_exchange_weak a schedule fail for no reason
    std::uint64_t random_schedules = 0;       ///< not 0: this many random schedules in place of all
    std::uint64_t seed = 1;                   ///< of the random schedules
    bool quiet = false;                       ///< do not print failures
};

/// What check() has seen.
struct Report {
    std::string name;
    std::uint64_t schedules = 0;
    std::uint64_t cut = 0;       ///< schedules that ran into steps_max
    std::uint64_t steps_max = 0; ///< operations in the longest schedule
    std::uint64_t depth_max = 0; ///< decisions in the deepest schedule
    std::uint64_t let_on = 0;    ///< times a held thread that did not spin was let on; see progress()
    bool complete = false;       ///< every schedule within the bounds was run to its end
    bool skipped = false;        ///< MODEL_REPLAY names another model
    bool failed = false;
    std::string message;         ///< what failed, or what cut the exploration short
    std::string trace;           ///< the failing schedule, one operation a line
    std::string replay;          ///< MODEL_REPLAY=<this> runs that schedule again
};

namespace detail {

inline constexpr std::size_t closure_bytes_max = 256;

using Body = void (*)(void* closure);

Report check(const char* name, const Options& options, Body body, void* closure);
void* new_thread_closure();
unsigned start_thread(Body body);
void count_tracked(int change) noexcept;

/// The history of one var. Holds nothing from an earlier schedule.
struct PlainState {
    std::uint64_t schedule = 0;
    std::uint32_t written_at = 0;
    std::uint8_t written_by = 0;
    VectorClock read_at;
};
enum class Plain : std::uint8_t { read, write, construct, destroy };
void access_plain(PlainState& state, const void* address, Plain kind, std::source_location where) noexcept;

}  // namespace detail

/// Runs `body` as the main thread of a model in every schedule.
///
/// `body` makes its state anew each time, starts threads, joins them, asserts. It must do the same each time
/// it meets the same schedule: no clock, no random number, no address-dependent order, and statics that it
/// uses are set back by itself. The first failure ends the exploration and, unless `quiet`, is printed.
/// With MODEL_REPLAY=<Report::replay> in the environment only that schedule of that model is run, and printed.
template <class F>
Report check(const char* name, const Options& options, F&& body) {
    using Closure = std::remove_reference_t<F>;
    return detail::check(
        name, options, [](void* closure) { (*static_cast<Closure*>(closure))(); },
        const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

/// Starts a model thread and returns its number; up to seven beside the main thread. From inside a model.
template <class F>
unsigned thread(F body) {
    static_assert(sizeof(F) <= detail::closure_bytes_max);
    new (detail::new_thread_closure()) F(std::move(body));
    return detail::start_thread([](void* closure) {
        F& f = *static_cast<F*>(closure);
        f();
        f.~F();
    });
}

/// Waits for the end of one thread, or of all that have been started. Everything they did happens before.
void join(unsigned thread);
void join_all();

/// Lets another run: a switch that costs no preemption. It always switches if anybody else can run, so what
/// happens without the switch is not explored; for a place to switch or not, use an atomic.
void yield();

/// Tells the explorer that what follows is not one more round of a spin loop, although nothing was written.
/// For a bounded number of attempts, each of which may fail the same way: a thread that is held in such a
/// loop goes on only when nobody else can, and orders are missed. Report::let_on not 0 is the sign of it.
void progress() noexcept;

/// A decision of the model itself: every schedule is run with 0, with 1, ... with count - 1.
[[nodiscard]] unsigned choose(unsigned count);

/// The number of the thread that calls, 0 for the main thread.
[[nodiscard]] unsigned thread_id() noexcept;

/// Whether the caller runs inside a model.
[[nodiscard]] bool is_running() noexcept;

/// Ends the schedule as failed. Does not return; the destructors of the model's threads do not run.
[[noreturn]] void fail(const std::string& message);
[[noreturn]] void fail_assertion(const char* condition, const char* message, std::source_location where);

/// Gives an atomic or var a name for traces, until the end of the schedule. `text` must be a literal.
void name(const void* address, const char* text);

/// Memory that is watched: a use of an atomic or var in a freed block, a second free, a write to freed
/// bytes, a free that does not happen after every other thread's last use, and a block that is still there
/// at the end of the schedule are failures. Freed memory is not used again within a schedule.
[[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t));
void free(void* memory);

template <class T, class... Args>
[[nodiscard]] T* create(Args&&... args) {
    return new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
}

template <class T>
void destroy(T* object) {
    object->~T();
    model::free(object);
}

void register_fiber_local(void* variable, std::size_t bytes);

/// Gives each model thread its own value of `variable`, a thread_local of the code under test: all model
/// threads share one OS thread. Call it in the body before threads are started; each thread begins with the
/// value of this moment, and the variable has it back after the schedule. 16 variables, 256 bytes in all.
template <class T>
void fiber_local(T& variable) {
    static_assert(std::is_trivially_copyable_v<T>);
    register_fiber_local(std::addressof(variable), sizeof(T));
}

/// A base or member that is counted: as many must be destroyed in a schedule as were constructed.
class Tracked {
public:
    Tracked() noexcept { detail::count_tracked(1); }
    Tracked(const Tracked&) noexcept { detail::count_tracked(1); }
    Tracked& operator=(const Tracked&) = default;
    ~Tracked() { detail::count_tracked(-1); }
};

/// Plain data whose accesses are checked for races. Not a place where threads switch: two accesses that are
/// not ordered by happens-before are a failure in any schedule that has both.
template <class T>
class var {
    using Place = std::source_location;

public:
    var(T value = T{}, Place where = Place::current()) : value_(std::move(value)) {
        note(detail::Plain::construct, where);
    }
    var(const var&) = delete;
    var& operator=(const var&) = delete;
    ~var() { note(detail::Plain::destroy, Place::current()); }

    [[nodiscard]] const T& read(Place where = Place::current()) const {
        note(detail::Plain::read, where);
        return value_;
    }
    void write(T value, Place where = Place::current()) {
        note(detail::Plain::write, where);
        value_ = std::move(value);
    }
    /// For changes in place, such as moving the value out.
    [[nodiscard]] T& modify(Place where = Place::current()) {
        note(detail::Plain::write, where);
        return value_;
    }

    operator const T&() const { return read(); }
    var& operator=(T value) {
        write(std::move(value));
        return *this;
    }

private:
    void note(detail::Plain kind, Place where) const noexcept { detail::access_plain(state_, &value_, kind, where); }

    T value_;
    mutable detail::PlainState state_;
};

/// What a thread sleeps on in place of an eventfd or futex: set() lets one wait(), present or next, go on.
/// A lost wake-up is a deadlock here. set() releases and wait() acquires, as the system calls do.
class Event {
public:
    void set() noexcept { word_.store(true, std::memory_order_release); }
    void wait() noexcept {
        while (!word_.exchange(false, std::memory_order_acquire)) {
        }
    }

private:
    atomic<bool> word_{false};
};

}  // namespace skerry::model

/// Fails the schedule when `condition` is false. An optional second argument says why it must hold.
#define MODEL_ASSERT(condition, ...)                                                                      \
    do {                                                                                                  \
        if (!(condition)) [[unlikely]]                                                                    \
            ::skerry::model::fail_assertion(#condition, "" __VA_ARGS__, std::source_location::current()); \
    } while (false)
