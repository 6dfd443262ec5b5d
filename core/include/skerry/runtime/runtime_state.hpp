#pragma once

// What a runtime's handles, cores and threads share. Not for programs: Runtime and Handle are.

#include "borrowed_thread.hpp"
#include "config.hpp"

#include "../backend/backend.hpp"
#include "../task/scheduler.hpp"
#include "../task/spawn.hpp"
#include "../trace/capture.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <string>
#include <thread>
#include <vector>

namespace skerry::runtime {

class BlockingPool;

/// Something that happens once, and a thread that sleeps until then.
class Completion {
public:
    void signal() noexcept {
        const std::lock_guard guard(mutex_);
        signalled_.store(true, std::memory_order_release);
        changed_.notify_all();
    }
    [[nodiscard]] bool is_signalled() const noexcept { return signalled_.load(std::memory_order_acquire); }
    void wait() noexcept {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return is_signalled(); });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<bool> signalled_{false};
};

/// One core and, with the flavour per_core, its thread.
struct CoreSlot {
    task::Scheduler* scheduler = nullptr;
    std::unique_ptr<backend::Core> core;
    std::thread thread;
    std::atomic<bool> tasks_stopped{false};
    std::atomic<bool> ended{false};
    bool is_left_behind = false;  ///< it did not stop in time, and its thread was detached
};

struct RuntimeState {
    RuntimeState();
    ~RuntimeState();
    RuntimeState(const RuntimeState&) = delete;
    RuntimeState& operator=(const RuntimeState&) = delete;

    Config config;
    CorePlan plan;
    std::string driver;
    std::string reason;
    std::vector<std::string> ladder;
    task::TaskHooks hooks;
    std::vector<std::unique_ptr<backend::Backend>> backends;
    backend::Backend* chosen = nullptr;
    std::thread::id builder;  ///< the thread that built it, which is the core of a current_thread runtime
    std::optional<BorrowedThread> borrowed;  ///< that thread, of a current_thread runtime until it is shut down

    std::shared_ptr<trace::Capture> capture;  ///< null: there is none. Cores have taps of it

    std::vector<std::unique_ptr<CoreSlot>> cores;
    std::vector<task::Scheduler*> schedulers;
    std::unique_ptr<BlockingPool> blocking;
    std::atomic<std::uint32_t> next_core{0};
    std::atomic<bool> give_up{false};  ///< a core is stuck: the others wait for it no longer

    // Guards the life cycle: spawns from other threads hold it so that none slips past a shutdown.
    std::mutex life;
    bool stopped = false;

    // One shutdown at a time, which has the threads of the cores to itself.
    std::mutex shutting_down;
    std::atomic<std::thread::id> shut_down_by{};  ///< the thread that holds it
};

/// Starts a fresh root on core `core` of `state`; when the runtime has stopped, the task is destroyed
/// unstarted and its join says cancelled. Threads: any.
void start_from_anywhere(RuntimeState& state, task::Scheduler& target, task::TaskHeader& header);

/// Spawns `task` on core 0 without a handle.
void spawn_root(RuntimeState& state, Task<> task, std::source_location where);

}  // namespace skerry::runtime
