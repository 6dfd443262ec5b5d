#pragma once

// A user-level thread: a stack of its own and the registers that must survive a call. On x86-64 a switch
// is 15 instructions; swapcontext() would make two system calls to keep a signal mask nobody changes.
// Other CPUs use ucontext, and so does a build with SKERRY_MODEL_UCONTEXT. AddressSanitizer and
// ThreadSanitizer are told about every switch.

#include <skerry/base/compiler.hpp>

#include <cstddef>

#if !defined(__x86_64__) && !defined(SKERRY_MODEL_UCONTEXT)
#define SKERRY_MODEL_UCONTEXT
#endif
#if defined(SKERRY_MODEL_UCONTEXT)
#include <ucontext.h>
#endif

namespace skerry::model {

class Fiber {
public:
    using Entry = void (*)(void* argument);

    /// The fiber that stands for the caller's own stack; others need a stack by prepare().
    Fiber() noexcept = default;
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;
    ~Fiber();

    /// Makes the next switch here call `entry(argument)` on an empty stack. Whatever ran here before is
    /// abandoned: its destructors do not run. `entry` never returns.
    void prepare(Entry entry, void* argument);

    /// Leaves `from`, which is running, and goes on where `to` left off.
    static void switch_to(Fiber& from, Fiber& to) noexcept;

    /// Whether `address` lies in the guard page below this fiber's stack.
    [[nodiscard]] bool guards(const void* address) const noexcept;

private:
    static void enter(void* self);
    void map_stack();
    void arrived() noexcept;

    std::byte* map_ = nullptr;  // guard page, then the stack
    const void* stack_low_ = nullptr;
    std::size_t stack_bytes_ = 0;
    Entry entry_ = nullptr;
    void* argument_ = nullptr;
#if SKERRY_ASAN
    void* fake_stack_ = nullptr;
#endif
#if SKERRY_TSAN
    void* tsan_fiber_ = nullptr;
#endif
#if defined(SKERRY_MODEL_UCONTEXT)
    ucontext_t context_{};
#else
    void* stack_pointer_ = nullptr;
#endif
};

}  // namespace skerry::model
