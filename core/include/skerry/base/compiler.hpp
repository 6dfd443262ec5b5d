#pragma once

// What differs between compilers and build modes, in one place: attributes, sanitizer detection,
// prefetch and the spin-wait hint. Nothing else in the tree tests a compiler macro.

#include <cstddef>

#if defined(__has_feature)
#define SKERRY_HAS_FEATURE(name) __has_feature(name)
#else
#define SKERRY_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || SKERRY_HAS_FEATURE(address_sanitizer)
#define SKERRY_ASAN 1
#include <sanitizer/asan_interface.h>
#else
#define SKERRY_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || SKERRY_HAS_FEATURE(thread_sanitizer)
#define SKERRY_TSAN 1
#else
#define SKERRY_TSAN 0
#endif

// Coroutines hand over by symmetric transfer, which needs guaranteed tail calls. Sanitizers instrument
// returns and break that guarantee (g++'s ASan and TSan overflow the stack), so there a coroutine names
// its successor and the run loop resumes it.
#if !defined(SKERRY_HAND_OVER)
#define SKERRY_HAND_OVER (SKERRY_ASAN || SKERRY_TSAN)
#endif

#define SKERRY_NOINLINE __attribute__((noinline))
#define SKERRY_ALWAYS_INLINE inline __attribute__((always_inline))
#define SKERRY_COLD __attribute__((noinline, cold))

namespace skerry {

/// Tells the CPU that this thread spins on memory.
SKERRY_ALWAYS_INLINE void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory");
#endif
}

/// Brings the line of `address` in for reading.
SKERRY_ALWAYS_INLINE void prefetch_read(const void* address) noexcept { __builtin_prefetch(address, 0, 3); }

/// Brings the line of `address` in for writing, so that the later store does not wait for ownership.
SKERRY_ALWAYS_INLINE void prefetch_write(const void* address) noexcept { __builtin_prefetch(address, 1, 3); }

/// Marks `bytes` from `address` as not to be touched; a no-op unless built with AddressSanitizer.
SKERRY_ALWAYS_INLINE void poison_memory([[maybe_unused]] const void* address,
                                        [[maybe_unused]] std::size_t bytes) noexcept {
#if SKERRY_ASAN
    __asan_poison_memory_region(address, bytes);
#endif
}

/// Takes poison_memory back.
SKERRY_ALWAYS_INLINE void unpoison_memory([[maybe_unused]] const void* address,
                                          [[maybe_unused]] std::size_t bytes) noexcept {
#if SKERRY_ASAN
    __asan_unpoison_memory_region(address, bytes);
#endif
}

}  // namespace skerry
