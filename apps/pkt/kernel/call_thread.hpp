#pragma once

// A thread that makes a script's calls, so that one that waits holds nobody up. A call's times are stamped here, next
// to the call.

#include "bell.hpp"
#include "network_namespace.hpp"

#include "../host/outcome.hpp"

#include <skerry/base/owned_fd.hpp>
#include <skerry/time/instant.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace skerry::pkt::kernel {

/// A call with its arguments. It is made once, and has an outcome of its own each time that it is made.
using Work = std::function<Attempt()>;

struct Finished {
    time::Instant began;
    time::Instant ended;
    Attempt outcome;
};

/// Threads: one, besides its own.
class CallThread {
public:
    /// Both outlive it. `bell` is rung when a call has returned.
    CallThread(const NetworkNamespace& home, Bell& bell);
    CallThread(const CallThread&) = delete;
    CallThread& operator=(const CallThread&) = delete;
    /// As stop().
    ~CallThread();

    [[nodiscard]] bool is_free() const noexcept { return phase() == Phase::free; }
    [[nodiscard]] bool has_returned() const noexcept { return phase() == Phase::returned; }
    /// It must be free.
    void begin(Work work);
    /// It must have returned; after that it is free.
    [[nodiscard]] Finished take();

    /// Whether the thread sleeps within the call at this moment. That is not always waiting: it may be for a lock, so
    /// ask more than once. False where /proc does not say.
    /// Cost: a read of /proc, some 10 us.
    [[nodiscard]] bool is_asleep_in_call() const;

    /// A call that waits is interrupted, and the thread ends. What has returned can still be taken.
    void stop();

private:
    enum class Phase : std::uint8_t { free, given, in_call, returned };

    [[nodiscard]] Phase phase() const noexcept { return phase_.load(std::memory_order_acquire); }
    void serve(const NetworkNamespace& home);
    [[nodiscard]] bool next();
    void make_call();

    Bell& bell_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_stopping_ = false;
    bool has_ended_ = false;
    Work work_;
    Finished finished_;
    OwnedFd state_;  // the thread's own stat in /proc
    // Who has work_, finished_ and state_: the thread from given to in_call, else the other one. Each release hands
    // them over to whoever acquires.
    std::atomic<Phase> phase_{Phase::given};
    std::thread thread_;
};

}  // namespace skerry::pkt::kernel
