#include <skerry/runtime/core_stats.hpp>

#include <skerry/base/assert.hpp>
#include <skerry/task/scheduler.hpp>

namespace skerry::runtime {

CoreStats& CoreStats::operator+=(const CoreStats& other) noexcept {
    live_tasks += other.live_tasks;
    slab.chunk_bytes += other.slab.chunk_bytes;
    slab.carved_bytes += other.slab.carved_bytes;
    slab.live_blocks += other.slab.live_blocks;
    slab.heap_frames += other.slab.heap_frames;
    sockets.open += other.sockets.open;
    sockets.accepted += other.sockets.accepted;
    sockets.accept_paused += other.sockets.accept_paused;
    sockets.no_buffers += other.sockets.no_buffers;
    sockets.buffers_out += other.sockets.buffers_out;
    sockets.buffers_made += other.sockets.buffers_made;
    sockets.steered += other.sockets.steered;
    sockets.port_checksum += other.sockets.port_checksum;
    sockets.stack_checksum += other.sockets.stack_checksum;
    sockets.buffers_given += other.sockets.buffers_given;
    files.under_way += other.files.under_way;
    files.waiting += other.files.waiting;
    files.asked += other.files.asked;
    files.given_up += other.files.given_up;
    files.buffers_out += other.files.buffers_out;
    return *this;
}

CoreStats core_stats() noexcept {
    SKERRY_ASSERT(task::current_scheduler != nullptr, "core_stats() outside a runtime's core");
    CoreStats stats;
    stats.live_tasks = task::current_scheduler->live_tasks();
    stats.slab = task::current_scheduler->slab_stats();
    if (backend::current_sockets != nullptr) stats.sockets = backend::current_sockets->stats();
    if (backend::current_files != nullptr) stats.files = backend::current_files->stats();
    return stats;
}

}  // namespace skerry::runtime
