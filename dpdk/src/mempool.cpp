#include "mempool.hpp"

#include "eal_log.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/dpdk/native.hpp>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

#include <algorithm>
#include <utility>

namespace skerry::dpdk {

using backend::SetupError;

namespace {

// Cards count what a buffer holds in KiB, and round down.
constexpr std::uint16_t data_room_for(std::uint32_t frame_bytes) noexcept {
    constexpr std::uint32_t kib = 1024;
    const std::uint32_t payload = (frame_bytes + kib - 1) / kib * kib;
    return static_cast<std::uint16_t>(
        std::max<std::uint32_t>(RTE_PKTMBUF_HEADROOM + payload, RTE_MBUF_DEFAULT_BUF_SIZE));
}

// As rte_pktmbuf_pool_create(), which knows no layout. Null where rte_errno says why.
rte_mempool* create(const std::string& name, std::uint32_t count, std::uint16_t data_room, unsigned node,
                    PoolLayout layout) {
    // DPDK wants the cache no larger than two thirds of the pool.
    const unsigned cache = std::min<unsigned>(256, count / 2);
    const unsigned flags = layout == PoolLayout::one_piece ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
    rte_pktmbuf_pool_private sizes{};
    sizes.mbuf_data_room_size = data_room;
    sizes.mbuf_priv_size = private_bytes;
    rte_mempool* const pool =
        rte_mempool_create_empty(name.c_str(), count, sizeof(rte_mbuf) + private_bytes + data_room, cache, sizeof sizes,
                                 static_cast<int>(node), flags);
    if (pool == nullptr) return nullptr;
    int error = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr);
    if (error == 0) {
        rte_pktmbuf_pool_init(pool, &sizes);
        error = std::min(rte_mempool_populate_default(pool), 0);
    }
    if (error != 0) {
        rte_mempool_free(pool);
        rte_errno = -error;
        return nullptr;
    }
    rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
    return pool;
}

}  // namespace

Result<BufferPool, SetupError> BufferPool::make(const std::string& name, std::uint32_t count, std::uint32_t frame_bytes,
                                                int node, PoolLayout layout) {
    eal_log::forget();
    rte_mempool* const made =
        create(name, count, data_room_for(frame_bytes), static_cast<unsigned>(node < 0 ? SOCKET_ID_ANY : node), layout);
    if (made == nullptr && rte_errno == EEXIST)
        return Unexpected(SetupError{"dpdk: another runtime of this process has a buffer pool named " + name});
    if (made == nullptr)
        return Unexpected(SetupError{eal_log::explain("dpdk: no memory for " + std::to_string(count) +
                                                      " packet buffers (" + rte_strerror(rte_errno)) +
                                     "); give more with memory=MIB, or ask for fewer with mbufs=N or --cores"});
    BufferPool pool(made);
    if (layout == PoolLayout::one_piece && made->nb_mem_chunks != 1)
        return Unexpected(SetupError{"dpdk: no memory in one piece for " + std::to_string(count) +
                                     " packet buffers; give more with memory=MIB, or ask for fewer with mbufs=N"});
    return pool;
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
