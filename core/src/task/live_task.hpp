#pragma once

#include <skerry/task/header.hpp>

#include <cstdint>

namespace skerry::task {

/// Whether a block of this core's own slab holds a task of this core which is not over.
[[nodiscard]] inline bool is_live_here(const TaskHeader& block, std::uint16_t home) noexcept {
    if (block.home_acquire() != home) return false;
    const std::uint16_t state = block.state_elsewhere();
    return (state & task_state::spawned) != 0 &&
           (state & (task_state::done | task_state::adopted | task_state::arriving | task_state::freeing)) == 0;
}

}  // namespace skerry::task
