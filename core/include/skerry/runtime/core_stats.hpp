#pragma once

// What a core holds: for metrics, and for whoever wants to see that a service gives back what it took.

#include "../backend/file_ops.hpp"
#include "../backend/socket_ops.hpp"
#include "../task/slab.hpp"

#include <cstdint>

namespace skerry::runtime {

struct CoreStats {
    std::uint64_t live_tasks = 0;
    task::SlabStats slab;
    backend::SocketStats sockets;  ///< all 0 on a core without sockets
    backend::FileStats files;      ///< all 0 where files go to the blocking pool

    CoreStats& operator+=(const CoreStats& other) noexcept;
};

/// The numbers of the calling core. For those of all: `on_each_core` with a task that returns them.
///
/// Threads: a core of a runtime.
[[nodiscard]] CoreStats core_stats() noexcept;

}  // namespace skerry::runtime
