#pragma once

// What no bypass can give a core: readiness of a file descriptor. Signals, pipes, files, Unix sockets and
// addresses that only the kernel reaches go through it. kernel_io supplies one to any loop; where there is
// none, what needs it answers Error::unsupported.

#include "../base/result.hpp"
#include "../task/scheduler.hpp"

#include <cstdint>

namespace skerry::backend {

class SlowLane;

/// A descriptor that a task waits on, one waiter for each direction. Owned by whoever registered it.
struct WatchedFd {
    int fd = -1;
    SlowLane* lane = nullptr;     ///< the one that watches it; null before add(), after remove() and once it is gone
    task::WaitNode* reader = nullptr;
    task::WaitNode* writer = nullptr;
    std::uint32_t tick = 0;       ///< counts events; a waiter that saw tick t clears only what t showed
    bool readable = false;
    bool writable = false;
    bool hung_up = false;
    void* registration = nullptr;  ///< the lane's own
};

/// Readiness of descriptors for the tasks of one core. Edge-triggered: a waiter clears `readable` or
/// `writable` when the descriptor says would-block, and waits again.
///
/// Lifetime: may go away before the descriptors that it watches; their WatchedFd::lane is null from then on.
/// Threads:  that core.
class SlowLane {
public:
    /// Begins to watch `fd.fd`, which must be non-blocking. `fd` stays where it is until remove().
    [[nodiscard]] virtual Result<> add(WatchedFd& fd) noexcept = 0;
    virtual void remove(WatchedFd& fd) noexcept = 0;

protected:
    ~SlowLane() = default;
};

/// A slow lane that the loop of another backend carries along: it has no kernel of its own.
class CarriedSlowLane : public SlowLane {
public:
    virtual ~CarriedSlowLane() = default;
    /// Hands out what is ready, without waiting; returns how much that was.
    virtual int poll() noexcept = 0;
    /// Readable when poll() has something to do.
    [[nodiscard]] virtual int fd() const noexcept = 0;
};

/// The slow lane of this thread's core; null where there is none.
inline thread_local constinit SlowLane* current_slow_lane = nullptr;

}  // namespace skerry::backend
