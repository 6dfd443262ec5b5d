#pragma once

// The packet buffers of one queue: made on the port's memory node, used by one core, so that its cache holds what the
// core works on.

#include <skerry/base/result.hpp>
#include <skerry/backend/backend.hpp>

#include <cstdint>
#include <string>

struct rte_mempool;

namespace skerry::dpdk {

/// How the buffers of a pool lie.
enum class PoolLayout : std::uint8_t {
    in_pages,   ///< none reaches over the end of a page, as a card's addresses want it
    one_piece,  ///< one behind the other, with nothing between them
};

/// Owns a pool of rte_mbuf.
class BufferPool {
public:
    /// `count` buffers, each with headroom, room for a frame of `frame_bytes` behind it, 2,048 at the least, and
    /// native.hpp's private_bytes. `node` is a NUMA node, or negative for any.
    ///
    /// Errors: a line with the next step: no memory is left, or not in one piece.
    [[nodiscard]] static Result<BufferPool, backend::SetupError> make(const std::string& name, std::uint32_t count,
                                                                      std::uint32_t frame_bytes, int node,
                                                                      PoolLayout layout);

    BufferPool(BufferPool&& other) noexcept;
    BufferPool& operator=(BufferPool&&) = delete;

    /// Every buffer must be back, but for those that a driver keeps; asserted in debug builds.
    ~BufferPool();

    /// The port's driver forgets buffers when it closes. For those the destructor does not ask.
    void forgive_missing() noexcept { forgives_missing_ = true; }

    [[nodiscard]] rte_mempool* get() const noexcept { return pool_; }

private:
    explicit BufferPool(rte_mempool* pool) noexcept : pool_(pool) {}

    rte_mempool* pool_;
    bool forgives_missing_ = false;
};

}  // namespace skerry::dpdk
