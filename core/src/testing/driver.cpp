#include "driver.hpp"

#include <skerry/runtime/blocking_pool.hpp>
#include <skerry/runtime/handle.hpp>

#include <algorithm>
#include <cstdio>

namespace skerry::testing {

namespace {

// A blocking call that nobody awaits any more rings nobody when it ends: look again so often.
constexpr auto blocking_poll = std::chrono::microseconds{200};
// For clocks that go with the real time and threads that ring: only a bound.
constexpr auto doorbell_wait_max = std::chrono::seconds{1};

}  // namespace

Driver::Installed::Installed(World& world) noexcept
    : time_(world.clock.time()),
      clock_(std::exchange(current_clock, &world.clock)),
      sockets_(std::exchange(backend::current_sockets, &world.network)),
      lane_(std::exchange(backend::current_slow_lane, nullptr)) {}

Driver::Installed::~Installed() {
    current_clock = clock_;
    backend::current_sockets = sockets_;
    backend::current_slow_lane = lane_;
}

backend::Work Driver::receive(time::Instant now) noexcept {
    world_->clock.follow();
    return world_->network.deliver(now) ? backend::Work::some : backend::Work::none;
}

time::Instant Driver::next_deadline() noexcept { return world_->network.next_deadline(); }

void Driver::park(time::Instant wake_at) noexcept {
    VirtualClock& clock = world_->clock;
    wake_at = std::min(wake_at, world_->clock_limit);
    // Before the bell: a call that ends rings first and is counted until then.
    if (has_blocking_calls()) return wait_for_doorbell(blocking_poll);
    if (!clock.is_paused()) {
        clock.follow();
        wait_for_doorbell(std::clamp<std::chrono::nanoseconds>(wake_at - clock.now(), {}, doorbell_wait_max));
        return clock.follow();
    }
    if (wake_at == time::Instant::max()) return stand_still();
    {
        const std::lock_guard guard(mutex_);
        if (std::exchange(rung_, false)) return;  // somebody posted: that comes before the jump
    }
    clock.advance_to(wake_at);
}

void Driver::stand_still() noexcept {
    {
        const std::lock_guard guard(mutex_);
        if (std::exchange(rung_, false)) return;
    }
    switch (world_->on_standstill) {
        case OnStandstill::wait: return wait_for_doorbell(doorbell_wait_max);
        case OnStandstill::report: world_->is_stuck = true; return;
        case OnStandstill::abort: break;
    }
    std::fputs(list_tasks(*task::current_scheduler).c_str(), stderr);
    assertion_failed("something can wake a task", "the task under test waits for ever");
}

void Driver::wait_for_doorbell(std::chrono::nanoseconds at_most) noexcept {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, at_most, [this] { return rung_; });
    rung_ = false;
}

void Driver::unpark() noexcept {
    const std::lock_guard guard(mutex_);
    rung_ = true;
    changed_.notify_one();
}

bool Driver::has_blocking_calls() const noexcept { return runtime::current_runtime().blocking->outstanding() != 0; }

std::string list_tasks(task::Scheduler& scheduler) {
    std::vector<task::TaskInfo> tasks;
    scheduler.collect(tasks);
    std::string text = std::to_string(tasks.size()) + " live task(s)";
    for (const task::TaskInfo& info : tasks) {
        text += "\n  ";
        text += info.name.empty() ? "task" : info.name;
        text +=
            std::string(" spawned at ") + info.spawned_at.file_name() + ":" + std::to_string(info.spawned_at.line());
        if (!info.started) text += ", not started";
    }
    text += "\n";
    return text;
}

}  // namespace skerry::testing
