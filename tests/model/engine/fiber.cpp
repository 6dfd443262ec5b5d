#include "engine/fiber.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

#if SKERRY_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if SKERRY_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace skerry::model {

namespace {

constexpr std::size_t guard_bytes = 4096;
constexpr std::size_t stack_bytes = std::size_t{256} * 1024;

Fiber* switched_from = nullptr;

}  // namespace

#if !defined(SKERRY_MODEL_UCONTEXT)

extern "C" void skerry_model_switch(void** save_stack_pointer, void* stack_pointer);
extern "C" void skerry_model_start();

// The switch keeps what the System V ABI lets a callee keep. Control words of the floating point units are
// the same in all fibers. skerry_model_start is where a fresh stack's first `ret` leads; it ends backtraces.
asm(R"(
.text
.p2align 4
.globl skerry_model_switch
.type skerry_model_switch, @function
skerry_model_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size skerry_model_switch, .-skerry_model_switch

.p2align 4
.globl skerry_model_start
.type skerry_model_start, @function
skerry_model_start:
    .cfi_startproc
    .cfi_undefined rip
    movq %r12, %rdi
    callq *%r13
    ud2
    .cfi_endproc
.size skerry_model_start, .-skerry_model_start
)");

#endif

Fiber::~Fiber() {
#if SKERRY_TSAN
    if (map_ != nullptr && tsan_fiber_ != nullptr) __tsan_destroy_fiber(tsan_fiber_);
#endif
    if (map_ != nullptr) {
        unpoison_memory(stack_low_, stack_bytes_);
        munmap(map_, guard_bytes + stack_bytes);
    }
}

void Fiber::map_stack() {
    void* map = mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED || mprotect(map, guard_bytes, PROT_NONE) != 0) {
        std::perror("model: mmap of a fiber's stack");
        std::exit(1);
    }
    map_ = static_cast<std::byte*>(map);
    stack_low_ = map_ + guard_bytes;
    stack_bytes_ = stack_bytes;
}

void Fiber::prepare(Entry entry, void* argument) {
    if (map_ == nullptr) map_stack();
    unpoison_memory(stack_low_, stack_bytes_);  // red zones of abandoned frames
#if SKERRY_ASAN
    fake_stack_ = nullptr;
#endif
    entry_ = entry;
    argument_ = argument;
#if SKERRY_TSAN
    if (tsan_fiber_ != nullptr) __tsan_destroy_fiber(tsan_fiber_);
    tsan_fiber_ = __tsan_create_fiber(0);
#endif
#if !defined(SKERRY_MODEL_UCONTEXT)
    // From low to high: r15 r14 r13 r12 rbx rbp, then where skerry_model_switch returns to. After that `ret` the
    // stack pointer is two slots below the top, 16-byte aligned as the call in skerry_model_start needs it.
    void** frame = reinterpret_cast<void**>(map_ + guard_bytes + stack_bytes) - 9;
    for (int i = 0; i < 9; ++i) frame[i] = nullptr;
    frame[2] = reinterpret_cast<void*>(&Fiber::enter);
    frame[3] = this;
    frame[6] = reinterpret_cast<void*>(&skerry_model_start);
    stack_pointer_ = frame;
#else
    getcontext(&context_);
    context_.uc_stack.ss_sp = map_ + guard_bytes;
    context_.uc_stack.ss_size = stack_bytes;
    context_.uc_link = nullptr;
    const auto self = reinterpret_cast<std::uintptr_t>(this);
    // makecontext passes ints, so the pointer travels in two halves.
    makecontext(&context_, reinterpret_cast<void (*)()>(+[](unsigned high, unsigned low) {
        Fiber::enter(reinterpret_cast<void*>((std::uintptr_t{high} << 16 << 16) | low));
    }),
                2, static_cast<unsigned>(self >> 16 >> 16), static_cast<unsigned>(self));
#endif
}

void Fiber::enter(void* self) {
    auto* fiber = static_cast<Fiber*>(self);
    fiber->arrived();
    fiber->entry_(fiber->argument_);
    std::abort();
}

void Fiber::arrived() noexcept {
#if SKERRY_ASAN
    const void* low = nullptr;
    std::size_t bytes = 0;
    __sanitizer_finish_switch_fiber(fake_stack_, &low, &bytes);
    if (switched_from->map_ == nullptr) {  // the caller's own stack: this is how its bounds are learnt
        switched_from->stack_low_ = low;
        switched_from->stack_bytes_ = bytes;
    }
#endif
}

void Fiber::switch_to(Fiber& from, Fiber& to) noexcept {
    switched_from = &from;
#if SKERRY_ASAN
    __sanitizer_start_switch_fiber(&from.fake_stack_, to.stack_low_, to.stack_bytes_);
#endif
#if SKERRY_TSAN
    if (from.map_ == nullptr) from.tsan_fiber_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to.tsan_fiber_, 0);
#endif
#if !defined(SKERRY_MODEL_UCONTEXT)
    skerry_model_switch(&from.stack_pointer_, to.stack_pointer_);
#else
    swapcontext(&from.context_, &to.context_);
#endif
    from.arrived();
}

bool Fiber::guards(const void* address) const noexcept {
    return map_ != nullptr && address >= map_ && address < map_ + guard_bytes;
}

}  // namespace skerry::model
