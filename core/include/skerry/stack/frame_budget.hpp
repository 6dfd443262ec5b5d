#pragma once

// How many frames may be kept, so that others find some.

#include "../backend/frame_cache.hpp"
#include "../base/compiler.hpp"

#include <algorithm>
#include <cstddef>

namespace skerry::stack {

/// Whether one frame more may be kept: until it is acknowledged, or read. The port and the answers of the protocols
/// must always find frames, or nothing would ever become free again, so a part of the pool is left to them. The pool is
/// asked once for a few dozen frames.
class FrameBudget {
public:
    FrameBudget(std::size_t pool_frames, std::size_t reserve) noexcept
        : reserve_(reserve), grant_max_(std::clamp<std::size_t>(pool_frames / 32, 1, 32)) {}

    [[nodiscard]] bool take(backend::FrameCache& frames) noexcept {
        if (left_ == 0 && !look(frames)) [[unlikely]]
            return false;
        --left_;
        return true;
    }

private:
    [[nodiscard]] SKERRY_COLD bool look(backend::FrameCache& frames) noexcept {
        const std::size_t available = frames.available();
        if (available > reserve_) left_ = std::min(available - reserve_, grant_max_);
        return left_ != 0;
    }

    std::size_t reserve_;
    std::size_t grant_max_;
    std::size_t left_ = 0;
};

}  // namespace skerry::stack
