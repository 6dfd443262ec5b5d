#pragma once

// What a task that only waits occupies.

#include "timed.hpp"

#include <skerry/sync/notify.hpp>
#include <skerry/sync/oneshot.hpp>
#include <skerry/task/scheduler.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/time/sleep.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace skerry::bench {

enum class WaitsFor : std::uint8_t { nothing, notify, value, timer };

/// Waits for nothing at all, as the idle task of other runtimes' programs does.
inline Task<> wait_for_ever() { co_await std::suspend_always{}; }
inline Task<> wait_for_notify(sync::local::Notify* notify) { co_await notify->notified(); }
inline Task<> wait_for_value(const sync::local::oneshot::Receiver<int>* receiver) { (void)co_await *receiver; }
inline Task<> wait_for_timer() { co_await time::sleep(std::chrono::hours{1}); }

[[nodiscard]] inline double slab_bytes() {
    return static_cast<double>(task::current_scheduler->slab_stats().carved_bytes);
}

/// Bytes of slab for each of `count` tasks that wait, and nothing else: what a connection that is idle costs.
inline Task<double> slab_bytes_of_waiting(std::size_t count, WaitsFor what) {
    sync::local::Notify notify;
    std::vector<std::pair<sync::local::oneshot::Sender<int>, sync::local::oneshot::Receiver<int>>> channels;
    for (std::size_t i = 0; what == WaitsFor::value && i < count; ++i)
        channels.push_back(sync::local::oneshot::channel<int>());
    std::vector<JoinHandle<void>> handles;
    handles.reserve(count);
    const double before = slab_bytes();
    for (std::size_t i = 0; i < count; ++i) {
        switch (what) {
            case WaitsFor::nothing: handles.push_back(spawn(wait_for_ever())); break;
            case WaitsFor::notify: handles.push_back(spawn(wait_for_notify(&notify))); break;
            case WaitsFor::value: handles.push_back(spawn(wait_for_value(&channels[i].second))); break;
            case WaitsFor::timer: handles.push_back(spawn(wait_for_timer())); break;
        }
    }
    for (std::size_t i = 0; i < count; ++i) co_await yield_now();  // each lets one start
    const double bytes = (slab_bytes() - before) / static_cast<double>(count);
    for (auto& handle : handles) handle.abort();
    for (auto& handle : handles) (void)co_await handle;
    co_return bytes;
}

}  // namespace skerry::bench
