#pragma once

// Threads for calls that block. Bounded in threads and in waiting calls; they live off the polling cores.

#include "../sync/semaphore.hpp"
#include "../topology/cpu_set.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace skerry::runtime {

/// One call for the pool. Owned by the pool until it has run or was dropped.
class BlockingJob {
public:
    virtual ~BlockingJob() = default;
    virtual void run() noexcept = 0;
    /// Tells whoever waits for it. Then its thread is there for the next call already, which waits for whatever still
    /// is to do: of a caller's own, at most the end of a value that was aborted at this very moment.
    virtual void answer() noexcept {}
};

/// Threads are started when a call finds none idle, up to the limit, and end after ten idle seconds. A call goes to
/// a thread that waits awake for it, for up to 20 us as long as that proves right and a CPU is free, or else to the one
/// that fell asleep last. They run where whoever made the pool may run: a core that starts one is bound to a CPU, on
/// which the thread would take its time.
///
/// Threads: any.
class BlockingPool {
public:
    BlockingPool(std::uint32_t threads_max, std::uint32_t queue_max, std::string thread_name);
    ~BlockingPool();
    BlockingPool(const BlockingPool&) = delete;
    BlockingPool& operator=(const BlockingPool&) = delete;

    /// Hands a call to an idle thread, or queues it. After shutdown() it is destroyed at once. The caller holds a slot.
    ///
    /// Errors: std::system_error when the pool has no thread and cannot start one; the call is destroyed.
    void submit(std::unique_ptr<BlockingJob> job);

    /// One permit for each call that may wait; taken before submit(), given back when the call starts. Outlives
    /// the pool while a call of it runs.
    [[nodiscard]] sync::Semaphore& slots() noexcept;

    /// Drops the calls that wait and gives the running ones until `deadline`; a line for each that stays.
    std::vector<std::string> shutdown(std::chrono::steady_clock::time_point deadline);

    /// Calls that wait or run; a paused clock does not move while there are any.
    [[nodiscard]] std::uint32_t outstanding() const noexcept;

    [[nodiscard]] std::uint32_t threads() const noexcept;

    /// Whether the calling thread is one of them.
    [[nodiscard]] bool has_this_thread() const noexcept;

    /// Calls that a thread took which had waited awake.
    [[nodiscard]] std::uint64_t found_awake() const noexcept;

    /// Says how many threads of the process may be awake at a time, and the numbers of the schedulers whose cores are
    /// among them. Until then none waits awake. Of several pools each takes an equal part. Before the first call.
    void share_cpus(std::uint32_t awake_max, std::vector<std::uint16_t> cores);

    /// Whether there is a CPU for each core and each thread of this pool that is awake, as far as it can be seen: a
    /// core of another runtime, and one that waits in a program's own loop, cannot.
    /// Cost: up to eight lines of other cores.
    [[nodiscard]] bool has_cpu_beside() const noexcept;

    /// Where its threads run; empty, when that could not be found out.
    [[nodiscard]] const topology::CpuSet& cpus() const noexcept;

private:
    struct Shared;

    void start_thread(std::unique_ptr<BlockingJob>& refused);
    static void work(const std::shared_ptr<Shared>& shared);

    std::shared_ptr<Shared> shared_;
};

}  // namespace skerry::runtime
