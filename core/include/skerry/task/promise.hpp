#pragma once

// Hot path. The promise of every Task. Its base is one word, because each parked task pays for it: the
// address of what runs next (the awaiting coroutine's frame, or for a spawned task the place of its spawn,
// which a root needs and a child does not) with three bits below for "value", "exception" and "root". An
// exception goes into a box on the heap that keeps the word it displaced: throwing costs a microsecond
// anyway, and the parked task saves eight bytes. Without memory for the box a bit above says so, and whoever
// awaits the task gets std::bad_alloc: a task that has run out of memory ends alone.

#include "header.hpp"
#include "join_error.hpp"
#include "scheduler.hpp"

#include "../base/assert.hpp"
#include "../base/compiler.hpp"
#include "../base/result.hpp"

#include <bit>
#include <coroutine>
#include <exception>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

namespace skerry {
template <class T>
class Task;
}

namespace skerry::task {

/// What a finished task leaves in its block until the handle takes it; the first word knows how to drop it, and
/// is null once it was taken. The joiner's from DONE until its handle is dropped, on whichever core that is.
struct StoredOutcomeBase {
    void (*drop)(void* self) noexcept;
};

template <class T>
struct StoredOutcome : StoredOutcomeBase {
    Result<T, JoinError> outcome;

    explicit StoredOutcome(Result<T, JoinError>&& result) noexcept
        : StoredOutcomeBase{&drop_stored}, outcome(std::move(result)) {}
    static void drop_stored(void* self) noexcept { static_cast<StoredOutcome*>(self)->~StoredOutcome(); }

    /// Moves the outcome out; what is left is destroyed here, so that the home core has nothing to call.
    [[nodiscard]] Result<T, JoinError> take() noexcept {
        SKERRY_ASSERT(drop != nullptr, "a task's outcome is taken once");
        drop = nullptr;
        Result<T, JoinError> taken(std::move(outcome));
        std::destroy_at(std::addressof(outcome));
        return taken;
    }
};

/// What an aborted task leaves when one of its destructors threw.
struct StoredPanic {
    std::exception_ptr exception;
};

/// Destroys a frame and keeps what a destructor throws; false when one did.
[[nodiscard]] bool destroy_contained(std::coroutine_handle<> frame, std::exception_ptr& thrown) noexcept;

/// destroy_contained() for a coroutine that has not ended. An exception that a local's destructor throws then
/// may be caught inside the coroutine (g++ does), which goes on to its final suspension: there it must stop,
/// and be destroyed once more.
[[nodiscard]] bool destroy_unfinished(std::coroutine_handle<> frame, std::exception_ptr& thrown) noexcept;

/// The same where nobody asks what was thrown. In a chain of awaits it lies on the stack once for each: it keeps
/// nothing there.
void destroy_abandoned(std::coroutine_handle<> frame) noexcept;

/// The same for a coroutine that has ended: at its final suspension or, with its locals still alive, in ok().
[[nodiscard]] bool destroy_ended(std::coroutine_handle<> frame, std::exception_ptr& thrown) noexcept;

class PromiseBase {
public:
    PromiseBase() noexcept = default;
    PromiseBase(const PromiseBase&) = delete;
    PromiseBase& operator=(const PromiseBase&) = delete;
    ~PromiseBase() {
        if (has_thrown()) [[unlikely]]
            drop_box();
    }

    static void* operator new(std::size_t bytes) {
        Scheduler* const scheduler = current_scheduler;
        if (scheduler == nullptr) [[unlikely]]
            return Slab::allocate_heap(bytes).frame();
        return scheduler->allocate(bytes).frame();
    }

    static void operator delete(void* frame, std::size_t) noexcept {
        TaskHeader& block = TaskHeader::of_frame(frame);
        if (block.has(task_state::spawned)) return;  // the block outlives the frame until its handles are gone
        Scheduler* const scheduler = current_scheduler;
        if (scheduler == nullptr) [[unlikely]]
            return Scheduler::release_foreign(block);
        scheduler->release(block);
    }

    std::suspend_always initial_suspend() noexcept { return {}; }

    struct FinalAwaiter {
        bool await_ready() noexcept { return false; }
        template <class P>
        auto await_suspend(std::coroutine_handle<P> coroutine) noexcept {
            return coroutine.promise().transfer_out(coroutine);
        }
        void await_resume() noexcept {}
    };
    FinalAwaiter final_suspend() noexcept { return {}; }

    void unhandled_exception() noexcept;

    /// The coroutine to resume when this one is over.
    void set_continuation(std::coroutine_handle<> awaiting) noexcept {
        word_ = reinterpret_cast<std::uintptr_t>(awaiting.address());
    }

    /// Makes this the frame of a spawned task.
    void set_root(std::source_location where) noexcept {
        static_assert(sizeof(where) == sizeof(void*), "the place of a spawn is kept as one pointer");
        word_ = std::bit_cast<std::uintptr_t>(where) | root_bit;
    }
    [[nodiscard]] std::source_location root_location() const noexcept {
        return std::bit_cast<std::source_location>(displaced_word() & ~bits);
    }

    /// Makes the end of this coroutine, should it come, stop in the loop and not in whoever awaited it.
    void abandon() noexcept { word_ |= root_bit; }

    /// What ended the coroutine; null when nothing did.
    [[nodiscard]] std::exception_ptr take_exception() noexcept;

    /// Ends this coroutine: what the final suspension, or ok() on an error, does next.
    template <class P>
    static auto end(std::coroutine_handle<P> coroutine) noexcept {
        const std::uintptr_t word = coroutine.promise().displaced_word() | (coroutine.promise().word_ & root_bit);
#if SKERRY_HAND_OVER
        if ((word & root_bit) != 0)
            current_scheduler->finish_after_resume(&P::finish);
        else
            current_scheduler->hand_over(std::coroutine_handle<>::from_address(reinterpret_cast<void*>(word & ~bits)));
#else
        if ((word & root_bit) != 0) [[unlikely]] {
            current_scheduler->finish_after_resume(&P::finish);
            return static_cast<std::coroutine_handle<>>(std::noop_coroutine());
        }
        return std::coroutine_handle<>::from_address(reinterpret_cast<void*>(word & ~bits));
#endif
    }

protected:
    static constexpr std::uintptr_t value_bit = 1;
    static constexpr std::uintptr_t exception_bit = 2;
    static constexpr std::uintptr_t root_bit = 4;
    static constexpr std::uintptr_t bits = 7;
    /// Beside exception_bit: there was no memory for a box, and the word still says what runs next. No address of a
    /// program has this bit; those below are few, because a branch of a select stands at any multiple of 8.
    static constexpr std::uintptr_t unkept_bit = std::uintptr_t{1} << 63U;

    struct ExceptionBox {
        std::uintptr_t displaced;
        std::exception_ptr exception;
    };

    [[nodiscard]] bool has_thrown() const noexcept { return (word_ & exception_bit) != 0; }
    [[nodiscard]] bool has_box() const noexcept { return (word_ & (exception_bit | unkept_bit)) == exception_bit; }
    [[nodiscard]] ExceptionBox& box() const noexcept { return *reinterpret_cast<ExceptionBox*>(word_ & ~bits); }
    [[nodiscard]] std::uintptr_t displaced_word() const noexcept {
        if (has_thrown()) [[unlikely]]
            return displaced_by_exception();
        return word_;
    }
    [[nodiscard]] SKERRY_COLD std::uintptr_t displaced_by_exception() const noexcept;
    SKERRY_COLD void drop_box() noexcept;
    [[noreturn]] SKERRY_COLD void rethrow() const;
    [[nodiscard]] SKERRY_COLD Unexpected<JoinError> take_join_error() noexcept;

    std::uintptr_t word_ = 0;
};

template <class T>
class Promise : public PromiseBase {
    static_assert(std::is_nothrow_move_constructible_v<T>, "the result of a Task moves without throwing");
    static_assert(alignof(T) <= 16, "coroutine frames are 16-aligned");

public:
    Promise() noexcept {}
    ~Promise() {
        if ((word_ & value_bit) != 0) std::destroy_at(std::addressof(value_));
    }

    Task<T> get_return_object() noexcept;

    template <class U = T>
        requires std::constructible_from<T, U>
    void return_value(U&& value) noexcept(std::is_nothrow_constructible_v<T, U>) {
        // A local whose destructor throws after a co_return may lead to a second one.
        if constexpr (!std::is_trivially_destructible_v<T>) {
            if ((word_ & value_bit) != 0) [[unlikely]] {
                word_ &= ~value_bit;
                std::destroy_at(std::addressof(value_));
            }
        }
        std::construct_at(std::addressof(value_), std::forward<U>(value));
        word_ |= value_bit;
    }

    /// The value, moved out, or the exception, rethrown. After the final suspension.
    T take() {
        if (has_thrown()) [[unlikely]]
            rethrow();
        check_value();
        return std::move(value_);
    }

    Result<T, JoinError> take_outcome() noexcept {
        if (has_thrown()) [[unlikely]]
            return take_join_error();
        check_value();
        return std::move(value_);
    }

    auto transfer_out(std::coroutine_handle<Promise> self) noexcept { return end(self); }
    static void finish(Scheduler& scheduler, TaskHeader& task) noexcept;

private:
    // g++ does not warn of it.
    void check_value() const noexcept {
        SKERRY_DEBUG_ASSERT((word_ & value_bit) != 0, "a task ended without co_return, and has no value");
    }

    union {
        T value_;
    };
};

template <>
class Promise<void> : public PromiseBase {
public:
    Task<void> get_return_object() noexcept;
    void return_void() noexcept {}
    void take() {
        if (has_thrown()) [[unlikely]]
            rethrow();
    }
    Result<void, JoinError> take_outcome() noexcept {
        if (has_thrown()) [[unlikely]]
            return take_join_error();
        return {};
    }
    auto transfer_out(std::coroutine_handle<Promise> self) noexcept { return end(self); }
    static void finish(Scheduler& scheduler, TaskHeader& task) noexcept;
};

/// Destroys the frame of a coroutine that its owner awaited, or never started. What a destructor throws is lost.
inline void destroy_owned(std::coroutine_handle<> frame) noexcept {
    if (frame.done()) [[likely]]
        return frame.destroy();
    destroy_abandoned(frame);
}

/// True when no handle is left and none is on its way: nobody will ask for the outcome.
[[nodiscard]] inline bool is_unobserved(const TaskHeader& task) noexcept {
    return !task.has_handles() && task.remote.load(std::memory_order_relaxed) == 0;
}

template <class P, class T>
void finish_task(Scheduler& scheduler, TaskHeader& task) noexcept {
    // Out of the frame first, then the frame, then into the block: parameters die only with the frame, and
    // a task's destructors are over before its join completes.
    const auto coroutine = std::coroutine_handle<P>::from_address(task.frame());
    {
        Result<T, JoinError> outcome = coroutine.promise().take_outcome();
        std::exception_ptr thrown;
        if (!destroy_ended(coroutine, thrown)) [[unlikely]]
            outcome = Unexpected(JoinError(std::move(thrown)));
        if (is_unobserved(task)) {
            if (!outcome) [[unlikely]]
                SchedulerCounters::add(scheduler.counters().unhandled_exceptions);
            task.state |= task_state::taken;
        } else {
            ::new (task.frame()) StoredOutcome<T>(std::move(outcome));
        }
    }  // what nobody asks for is destroyed while the task still is one
    scheduler.complete(task);
}

template <class T>
void Promise<T>::finish(Scheduler& scheduler, TaskHeader& task) noexcept {
    finish_task<Promise, T>(scheduler, task);
}
inline void Promise<void>::finish(Scheduler& scheduler, TaskHeader& task) noexcept {
    finish_task<Promise, void>(scheduler, task);
}

/// Where a task that has not ended was spawned.
[[nodiscard]] inline std::source_location spawn_location(TaskHeader& task) noexcept {
    return std::coroutine_handle<PromiseBase>::from_address(task.frame()).promise().root_location();
}

}  // namespace skerry::task
