#include <skerry/base/buffer_pool.hpp>

#include <skerry/base/atomic.hpp>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

namespace skerry {

namespace {

// An L1 set is chosen by bits 6 to 11 of an address and holds 8 lines. Large buffers that all start at the
// same place of a page would put their headers, the bytes that are always touched, into one set, and the ninth
// buffer in use would evict the first. So each starts two lines behind the one before, round a page: 64
// buffers meet at most twice. Two lines and not one, because the first also holds the owner record and the
// prefetcher fetches pairs. Small buffers are spread by their own size and would waste a page each. Payloads that must
// begin with a page, for a device, leave no choice.
constexpr std::size_t page_bytes = 4096;
constexpr std::size_t stagger_bytes = 128;
constexpr std::size_t staggered_from_bytes = 16 * 1024;

// A number for each thread that ever owned a pool, 0 for the others. Not the address of something thread-local:
// a later thread may get the address of one that has ended, and would be taken for the owner.
// initial-exec, because the general model saves and restores registers round a call that a program never makes:
// 0.7 ns of a release in position-independent code.
[[gnu::tls_model("initial-exec")]] thread_local constinit std::uint64_t thread_number = 0;
constexpr std::uint64_t nobody = ~std::uint64_t{0};

std::uint64_t number_this_thread() noexcept {
    static constinit skerry::atomic<std::uint64_t> last{0};
    if (thread_number == 0) thread_number = 1 + last.fetch_add(1, std::memory_order_relaxed);
    return thread_number;
}

}  // namespace

/// What pool and buffers share; freed by whichever of them is last.
struct BufferPool::Shared : BufferPool::FreeList {
    std::uint64_t misses = 0;  // the owner's alone, as the free list is

    // Read by all, written when the owner changes.
    alignas(no_sharing_bytes) skerry::atomic<std::uint64_t> owner{nobody};
    std::uint32_t buffers_max = 0;
    std::uint16_t home = no_home_core;
    std::uint32_t alignment = 0;

    // Written by other threads. The stack is taken as a whole only, so that no A-B-A can happen.
    alignas(no_sharing_bytes) skerry::atomic<Block*> returned{nullptr};
    // Buffers that outlive the pool. Those that are dropped before the pool has added their number take it
    // below zero for a moment, so zero is reached once: by the last of pool and buffers.
    skerry::atomic<std::int64_t> orphans{0};

    Block* create() noexcept;
    bool refill() noexcept;
    std::size_t collect() noexcept;
    void return_foreign(Block& block) noexcept;
    void close() noexcept;
    void settle(std::int64_t change) noexcept;

    static void destroy(Block& block) noexcept;
    // The mark on the return stack of a pool that is gone.
    static Block* closed() noexcept;
};

BufferPool::Block* BufferPool::Shared::closed() noexcept {
    static constinit Block mark;
    return &mark;
}

/// A new buffer, or null when the heap refuses. Its memory is not touched, so untouched pages cost nothing.
BufferPool::Block* BufferPool::Shared::create() noexcept {
    const std::size_t bytes = sizeof(Block) + capacity;
    const bool is_aligned = alignment > alignof(Block);
    const bool staggered = !is_aligned && bytes >= staggered_from_bytes;
    const std::uintptr_t step = is_aligned ? alignment : staggered ? page_bytes : alignof(Block);
    void* const allocation = std::malloc(bytes + step + alignof(Block));
    if (allocation == nullptr) return nullptr;
    const auto address = reinterpret_cast<std::uintptr_t>(allocation);
    // How far the next place lies that has the wanted offset in a page, or that is aligned.
    const std::uintptr_t in_front = is_aligned ? sizeof(Block) + headroom : 0;
    const std::uintptr_t wanted = staggered ? blocks.size() * stagger_bytes : 0 - in_front;
    const std::uintptr_t skipped = (wanted - address) % step;
    Block* const block = ::new (static_cast<std::byte*>(allocation) + skipped) Block;
    block->release = &BufferPool::release;
    block->capacity = capacity;
    block->home = home;
    block->shared = this;
    block->allocation = allocation;
    return block;
}

void BufferPool::Shared::destroy(Block& block) noexcept {
    unpoison_memory(block.memory(), block.capacity);
    std::free(block.allocation);
}

/// Makes the free list non-empty; false at the limit.
bool BufferPool::Shared::refill() noexcept {
    if (collect() != 0) return true;
    Block* const block = blocks.size() < buffers_max ? create() : nullptr;
    if (block == nullptr) {
        ++misses;
        return false;
    }
    blocks.push_back(block);
    blocks[count++] = block;
    return true;
}

/// Takes home what other threads returned.
std::size_t BufferPool::Shared::collect() noexcept {
    // Pairs with the release in return_foreign(): the last user's accesses are over.
    Block* block = returned.exchange(nullptr, std::memory_order_acquire);
    std::size_t taken = 0;
    for (; block != nullptr; ++taken) {
        blocks[count++] = block;
        block = block->next;
    }
    return taken;
}

SKERRY_NOINLINE void BufferPool::Shared::return_foreign(Block& block) noexcept {
    Block* head = returned.load(std::memory_order_relaxed);
    do {
        if (head == closed()) {
            destroy(block);
            return settle(-1);
        }
        block.next = head;
        // Release pairs with the acquire in collect() and close().
    } while (!returned.compare_exchange_weak(head, &block, std::memory_order_release, std::memory_order_relaxed));
}

/// The pool's end: frees what is here and leaves the rest to the buffers that are out.
void BufferPool::Shared::close() noexcept {
    owner.store(nobody, std::memory_order_relaxed);
    // Acquire pairs with the release in return_foreign().
    Block* block = returned.exchange(closed(), std::memory_order_acquire);
    while (block != nullptr) {
        blocks[count++] = block;
        block = block->next;
    }
    const std::size_t live = blocks.size() - count;
    std::for_each_n(blocks.begin(), count, [](Block* idle) { destroy(*idle); });
    settle(static_cast<std::int64_t>(live));
}

/// Counts buffers out or in after the pool's end; the call that reaches zero frees this.
void BufferPool::Shared::settle(std::int64_t change) noexcept {
    // Each call publishes that its thread is through with this, and the last one sees all of them.
    if (orphans.fetch_add(change, std::memory_order_acq_rel) + change == 0) delete this;
}

BufferPool::Shared& BufferPool::shared() const noexcept { return static_cast<Shared&>(*list_); }

BufferPool::BufferPool(const BufferPoolOptions& options) : list_(new Shared) {
    SKERRY_ASSERT(options.payload_bytes > 0 && options.payload_bytes <= IoBuf::capacity_max - options.headroom_bytes,
                  "a buffer has at least one byte of payload and ends before 4 GiB");
    SKERRY_ASSERT(std::has_single_bit(options.alignment_bytes) && options.alignment_bytes <= page_bytes,
                  "an alignment is a power of two and at most a page");
    SKERRY_ASSERT(options.alignment_bytes <= alignof(Block) || options.headroom_bytes % alignof(Block) == 0,
                  "in front of an aligned payload stand whole cache lines");
    list_->capacity = options.headroom_bytes + options.payload_bytes;
    list_->headroom = options.headroom_bytes;
    list_->payload = options.payload_bytes;
    list_->blocks.reserve(options.buffers_max);  // so that refill() allocates nothing but the buffer
    shared().buffers_max = options.buffers_max;
    shared().home = options.home;
    shared().alignment = options.alignment_bytes;
    adopt();
}

BufferPool::~BufferPool() { shared().close(); }

void BufferPool::adopt() noexcept {
    // Relaxed: a thread takes the owner's path only on reading its own number, which it stored itself.
    shared().owner.store(number_this_thread(), std::memory_order_relaxed);
}

bool BufferPool::is_owner() const noexcept { return shared().owner.load(std::memory_order_relaxed) == thread_number; }

bool BufferPool::refill() noexcept { return shared().refill(); }

void BufferPool::release(BufferOwner* owner) noexcept {
    Block& block = static_cast<Block&>(*owner);
    Shared& shared = *block.shared;
    poison_memory(block.memory(), block.capacity);
    if (shared.owner.load(std::memory_order_relaxed) == thread_number) [[likely]] {
        shared.blocks[shared.count++] = &block;
    } else {
        shared.return_foreign(block);
    }
}

BufferPoolStats BufferPool::stats() const noexcept {
    // A buffer is made only when all others are out, so as many exist as were ever out at once.
    const std::uint64_t made = list_->blocks.size();
    return {.live = made - list_->count, .high_water = made, .misses = shared().misses};
}

std::size_t BufferPool::payload_bytes() const noexcept { return list_->payload; }

}  // namespace skerry
