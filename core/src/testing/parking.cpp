#include "parking.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/runtime/blocking_pool.hpp>
#include <skerry/runtime/handle.hpp>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace skerry::testing {

namespace {

// For clocks that go with the real time and threads that ring: only a bound.
constexpr auto bell_wait_max = std::chrono::seconds{1};

bool has_blocking_calls() noexcept { return runtime::current_runtime().blocking->outstanding() != 0; }

void stand_still(Pace& pace, Bell& bell) noexcept {
    if (bell.take()) return;
    switch (pace.on_standstill) {
        case OnStandstill::wait: return bell.wait(bell_wait_max);
        case OnStandstill::report: pace.is_stuck = true; return;
        case OnStandstill::abort: break;
    }
    std::fputs(list_tasks(*task::current_scheduler).c_str(), stderr);
    assertion_failed("something can wake a task", "the task under test waits for ever");
}

}  // namespace

void park(Pace& pace, Bell& bell, time::Instant wake_at) noexcept {
    VirtualClock& clock = pace.clock;
    wake_at = std::min(wake_at, pace.clock_limit);
    // Before the bell: a call that ends rings first and is counted until then.
    if (has_blocking_calls()) return bell.wait(blocking_poll);
    if (!clock.is_paused()) {
        clock.follow();
        bell.wait(std::clamp<std::chrono::nanoseconds>(wake_at - clock.now(), {}, bell_wait_max));
        return clock.follow();
    }
    if (wake_at == time::Instant::max()) return stand_still(pace, bell);
    if (bell.take()) return;  // somebody posted: that comes before the jump
    clock.advance_to(wake_at);
}

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
