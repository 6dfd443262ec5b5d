#include "mbuf_frames.hpp"

namespace skerry::dpdk {

using backend::Frame;

std::size_t MbufFrames::refill(std::span<Frame*> out) noexcept {
    std::array<rte_mbuf*, refill_frames> mbufs;
    std::size_t count = std::min(out.size(), mbufs.size());
    if (rte_pktmbuf_alloc_bulk(pool_, mbufs.data(), static_cast<unsigned>(count)) != 0) {
        // All or nothing; near the end of a pool a few are left.
        count = 0;
        while (count < out.size()) {
            rte_mbuf* const one = rte_pktmbuf_alloc(pool_);
            if (one == nullptr) break;
            mbufs[count++] = one;
        }
    }
    for (std::size_t i = 0; i < count; ++i) out[i] = &adopt(*mbufs[i]);
    return count;
}

std::size_t MbufFrames::available() noexcept {
    const rte_mempool_cache* const cache = rte_mempool_default_cache(pool_, rte_lcore_id());
    // rte_mempool_ops_get_count() does just this, and is not among what the library exports.
    const unsigned in_pool = rte_mempool_get_ops(pool_->ops_index)->get_count(pool_);
    return in_pool + (cache != nullptr ? cache->len : 0) + ready();
}

void MbufFrames::spill(std::span<Frame*> frames) noexcept {
    for (Frame* frame : frames) rte_pktmbuf_free_seg(&mbuf_of(*frame));
}

// A frame that came over a ring may be another queue's: it goes back to its own pool. One that a device still reads
// goes there when the device is done.
void MbufFrames::release(BufferOwner* owner) noexcept {
    Frame& frame = *static_cast<Frame*>(owner);
    rte_mbuf& mbuf = mbuf_of(frame);
    auto* const here = static_cast<MbufFrames*>(backend::current_frames);
    if (here != nullptr && here->pool_ == mbuf.pool && rte_mbuf_refcnt_read(&mbuf) == 1) [[likely]]
        here->put(frame);
    else
        rte_pktmbuf_free_seg(&mbuf);
}

}  // namespace skerry::dpdk
