// Stands in front of the C library's allocator. A library of its own, because the linker takes whatever
// defines malloc or operator new as soon as anything calls them.

#include <skerry/testing/no_alloc.hpp>

#include <cerrno>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SKERRY_ALLOCATOR_IS_TAKEN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SKERRY_ALLOCATOR_IS_TAKEN 1
#endif
#endif

namespace skerry::testing {

namespace {

struct Counted {
    std::uint64_t allocations = 0;
    std::uint64_t bytes = 0;
};

thread_local constinit Counted counted;

void count(std::size_t bytes) noexcept {
    ++counted.allocations;
    counted.bytes += bytes;
}

}  // namespace

NoAlloc::NoAlloc() noexcept : allocations_before_(counted.allocations), bytes_before_(counted.bytes) {}

std::uint64_t NoAlloc::allocations() const noexcept { return counted.allocations - allocations_before_; }

std::uint64_t NoAlloc::bytes() const noexcept { return counted.bytes - bytes_before_; }

}  // namespace skerry::testing

#if defined(SKERRY_ALLOCATOR_IS_TAKEN)

// The sanitizer's allocator calls whoever asks. To define operator new again beside its own does not link with every
// sanitizer.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, std::size_t),
                                                         void (*on_free)(const volatile void*));

namespace {

[[maybe_unused]] const bool installed = [] {
    const int place = __sanitizer_install_malloc_and_free_hooks(
        [](const volatile void*, std::size_t bytes) { skerry::testing::count(bytes); }, [](const volatile void*) {});
    if (place == 0) std::abort();  // else each NoAlloc would see nothing, and pass
    return true;
}();

}  // namespace

#elif !defined(__GLIBC__)

namespace {

void* try_allocate(std::size_t bytes) noexcept {
    skerry::testing::count(bytes);
    return std::malloc(bytes == 0 ? 1 : bytes);
}

void* try_allocate(std::size_t bytes, std::align_val_t alignment) noexcept {
    skerry::testing::count(bytes);
    const auto align = static_cast<std::size_t>(alignment);
    return std::aligned_alloc(align, (bytes + align - 1) & ~(align - 1));
}

void* or_throw(void* memory) {
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

}  // namespace

using Align = std::align_val_t;
using NoThrow = const std::nothrow_t&;

void* operator new(std::size_t bytes) { return or_throw(try_allocate(bytes)); }
void* operator new[](std::size_t bytes) { return or_throw(try_allocate(bytes)); }
void* operator new(std::size_t bytes, NoThrow) noexcept { return try_allocate(bytes); }
void* operator new[](std::size_t bytes, NoThrow) noexcept { return try_allocate(bytes); }
void* operator new(std::size_t bytes, Align align) { return or_throw(try_allocate(bytes, align)); }
void* operator new[](std::size_t bytes, Align align) { return or_throw(try_allocate(bytes, align)); }
void* operator new(std::size_t bytes, Align align, NoThrow) noexcept { return try_allocate(bytes, align); }
void* operator new[](std::size_t bytes, Align align, NoThrow) noexcept { return try_allocate(bytes, align); }

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, NoThrow) noexcept { std::free(memory); }
void operator delete[](void* memory, NoThrow) noexcept { std::free(memory); }
void operator delete(void* memory, Align) noexcept { std::free(memory); }
void operator delete[](void* memory, Align) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, Align) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, Align) noexcept { std::free(memory); }
void operator delete(void* memory, Align, NoThrow) noexcept { std::free(memory); }
void operator delete[](void* memory, Align, NoThrow) noexcept { std::free(memory); }

#else

extern "C" {

// glibc's own names of what is defined here again. free() stays glibc's: the memory does too.
void* __libc_malloc(std::size_t bytes) noexcept;
void* __libc_calloc(std::size_t count, std::size_t bytes) noexcept;
void* __libc_realloc(void* memory, std::size_t bytes) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t bytes) noexcept;

void* malloc(std::size_t bytes) noexcept {
    skerry::testing::count(bytes);
    return __libc_malloc(bytes);
}

void* calloc(std::size_t count, std::size_t bytes) noexcept {
    skerry::testing::count(count * bytes);
    return __libc_calloc(count, bytes);
}

void* realloc(void* memory, std::size_t bytes) noexcept {
    skerry::testing::count(bytes);
    return __libc_realloc(memory, bytes);
}

void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
    skerry::testing::count(bytes);
    return __libc_memalign(alignment, bytes);
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
    skerry::testing::count(bytes);
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) noexcept {
    skerry::testing::count(bytes);
    if (alignment % sizeof(void*) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
    void* const made = __libc_memalign(alignment, bytes);
    if (made == nullptr) return ENOMEM;
    *memory = made;
    return 0;
}

}  // extern "C"

#endif
