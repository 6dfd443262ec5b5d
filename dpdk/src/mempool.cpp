#include "mempool.hpp"

#include "eal_log.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/dpdk/native.hpp>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <algorithm>
#include <utility>

namespace skerry::dpdk {

using backend::SetupError;

Result<BufferPool, SetupError> BufferPool::make(const std::string& name, std::uint32_t count, int node) {
    // DPDK wants the cache no larger than two thirds of the pool.
    const unsigned cache = std::min<unsigned>(256, count / 2);
    eal_log::forget();
    rte_mempool* const pool = rte_pktmbuf_pool_create(name.c_str(), count, cache, private_bytes,
                                                      RTE_MBUF_DEFAULT_BUF_SIZE, node < 0 ? SOCKET_ID_ANY : node);
    if (pool != nullptr) return BufferPool(pool);
    if (rte_errno == EEXIST)
        return Unexpected(SetupError{"dpdk: another runtime of this process has a buffer pool named " + name});
    return Unexpected(SetupError{eal_log::explain("dpdk: no memory for " + std::to_string(count) + " packet buffers (" +
                                                  rte_strerror(rte_errno)) +
                                 "); give more with memory=MIB, or ask for fewer with mbufs=N or --cores"});
}

BufferPool::BufferPool(BufferPool&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)), forgives_missing_(other.forgives_missing_) {}

BufferPool::~BufferPool() {
    if (pool_ == nullptr) return;
    SKERRY_DEBUG_ASSERT(forgives_missing_ || rte_mempool_avail_count(pool_) == pool_->size,
                        "a task kept frames beyond the end of its runtime, or lost them");
    rte_mempool_free(pool_);
}

}  // namespace skerry::dpdk
