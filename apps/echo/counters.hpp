#pragma once

// What each core counts and holds.

#include <skerry/base/cache_line.hpp>
#include <skerry/net/stack_counters.hpp>
#include <skerry/runtime/core_stats.hpp>
#include <skerry/runtime/handle.hpp>
#include <skerry/task/task.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace skerry::echo {

/// What was done, by one core or by all.
struct Counts {
    std::uint64_t connections = 0;  ///< accepted
    std::uint64_t messages = 0;     ///< reads or datagrams; with sockperf its messages
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t resets = 0;      ///< connections that ended by an error
    std::uint64_t garbage = 0;     ///< connections or datagrams that did not speak sockperf
    std::uint64_t no_buffers = 0;  ///< reads that found the pool at its limit
    std::uint64_t unsent = 0;      ///< datagrams that the kernel refused to send
    std::uint64_t busy = 0;        ///< handlers that hold data which is not answered yet

    Counts& operator+=(const Counts& other) noexcept;
};

/// One core's numbers. Written and read by its core only.
struct alignas(cache_line_bytes) CoreState : Counts {};

/// What was done and what is held, at one moment of each core.
struct Snapshot {
    Counts counts;
    runtime::CoreStats held;
    net::StackCounters drops;

    Snapshot& operator+=(const Snapshot& other) noexcept;
};

/// All cores.
class Cores {
public:
    explicit Cores(std::size_t count) : cores_(std::make_unique<CoreState[]>(count)) {}

    [[nodiscard]] CoreState& here() noexcept { return cores_[this_core().index]; }

    /// Set once a stop has begun: from now on a handler ends when it has answered what has already come.
    void stop() noexcept { stopping_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }

    /// This core's numbers.
    [[nodiscard]] Snapshot snapshot_here() noexcept;

    /// Asks each core for its numbers and adds them up. A core that has no memory to take the question on is left out.
    ///
    /// Errors: throws std::bad_alloc.
    /// Cancel: safe.
    [[nodiscard]] Task<Snapshot> snapshot();

private:
    std::unique_ptr<CoreState[]> cores_;
    std::atomic<bool> stopping_{false};  // guards nothing: a handler that misses it once sees it one message later
};

/// Marks a handler as holding data, from its read until its answer is written.
class Busy {
public:
    explicit Busy(CoreState& core) noexcept : core_(core) { ++core_.busy; }
    ~Busy() { --core_.busy; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

private:
    CoreState& core_;
};

/// The numbers as one JSON object on one line, with its line feed. In its "drops" stand the reasons that were given.
[[nodiscard]] std::string to_json(const Snapshot& snapshot);

}  // namespace skerry::echo
