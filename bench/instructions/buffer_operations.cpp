// Buffers: of a core's pool, and of the heap.

#include "operations.hpp"

#include <skerry/base/buffer_pool.hpp>
#include <skerry/base/io_buf.hpp>

namespace skerry::instructions {

namespace {

Task<> pool_buffers(std::size_t n) {
    BufferPool pool;
    for (std::size_t i = 0; i < n; ++i) {
        const IoBuf buffer = pool.allocate();
        bench::keep(&buffer);
    }
    co_return;
}

Task<> heap_buffers(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        const IoBuf buffer = IoBuf::allocate(64);
        bench::keep(&buffer);
    }
    co_return;
}

}  // namespace

void add_buffer_operations(std::vector<Operation>& operations) {
    operations.push_back({"buffer_pool_allocate_release", 10'000, &pool_buffers});
    operations.push_back({"buffer_heap_allocate_release", 10'000, &heap_buffers});
}

}  // namespace skerry::instructions
