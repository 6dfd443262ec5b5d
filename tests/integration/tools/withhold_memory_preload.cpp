// In front of a program's allocator (LD_PRELOAD): while the file that SKERRY_WITHHOLD_MEMORY names says so, this many
// of a thousand requests for memory get none. The first thread gets all: it starts the program and tells how it ended.
// SKERRY_WITHHOLD_MEMORY is a file of eight bytes: how many of a thousand, and then how many got none, both 32 bits.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

struct Orders {
    std::atomic<std::uint32_t> permille{0};
    std::atomic<std::uint32_t> withheld{0};
};

Orders none;
std::atomic<Orders*> orders{&none};

void* map(void* address, std::size_t bytes, int protection, int flags, int fd, off_t offset) noexcept {
    return reinterpret_cast<void*>(::syscall(SYS_mmap, address, bytes, protection, flags, fd, offset));
}

[[gnu::constructor]] void find_orders() noexcept {
    const char* const path = std::getenv("SKERRY_WITHHOLD_MEMORY");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) ::_exit(70);  // else a test would see a program that lacks nothing, and pass
    void* const shared = map(nullptr, sizeof(Orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (shared == MAP_FAILED) ::_exit(70);
    orders = static_cast<Orders*>(shared);
}

thread_local constinit std::uint32_t state = 0;

bool is_withheld() noexcept {
    Orders& now = *orders.load(std::memory_order_relaxed);
    const std::uint32_t permille = now.permille.load(std::memory_order_relaxed);
    if (permille == 0 || ::gettid() == ::getpid()) return false;
    if (state == 0) state = static_cast<std::uint32_t>(::gettid() - ::getpid());
    state = state * 1'103'515'245U + 12'345U;  // of a linear congruence the upper bits are the good ones
    if ((state >> 16) % 1000 >= permille) return false;
    now.withheld.fetch_add(1, std::memory_order_relaxed);
    errno = ENOMEM;
    return true;
}

}  // namespace

extern "C" {

void* __libc_malloc(std::size_t bytes) noexcept;
void* __libc_calloc(std::size_t count, std::size_t bytes) noexcept;
void* __libc_realloc(void* memory, std::size_t bytes) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t bytes) noexcept;

void* malloc(std::size_t bytes) noexcept { return is_withheld() ? nullptr : __libc_malloc(bytes); }

void* calloc(std::size_t count, std::size_t bytes) noexcept {
    return is_withheld() ? nullptr : __libc_calloc(count, bytes);
}

void* realloc(void* memory, std::size_t bytes) noexcept {
    return is_withheld() ? nullptr : __libc_realloc(memory, bytes);
}

void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
    return is_withheld() ? nullptr : __libc_memalign(alignment, bytes);
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept { return memalign(alignment, bytes); }

int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) noexcept {
    void* const made = memalign(alignment, bytes);
    if (made == nullptr) return ENOMEM;
    *memory = made;
    return 0;
}

void* mmap(void* address, std::size_t bytes, int protection, int flags, int fd, off_t offset) noexcept {
    return is_withheld() ? MAP_FAILED : map(address, bytes, protection, flags, fd, offset);
}

}  // extern "C"
