#include "stop.hpp"

#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/runtime/handle.hpp>
#include <skerry/time/instant.hpp>
#include <skerry/time/sleep.hpp>

namespace skerry::echo {

namespace {

/// Until every handler of this core waits for its peer.
Task<> idle_once(CancellationToken begun, Cores* cores, std::chrono::nanoseconds grace) {
    co_await begun.cancelled();
    const time::Instant deadline = time::Instant::now() + grace;
    const CoreState& core = cores->here();
    co_await yield_to_driver();  // what has already come is handed out before the handlers are counted
    while (core.busy != 0 && time::Instant::now() < deadline) co_await time::sleep(std::chrono::milliseconds{1});
}

Task<Snapshot> numbers_once(CancellationToken over, Cores* cores) {
    co_await over.cancelled();
    co_return cores->snapshot_here();
}

}  // namespace

Stop::Stop(Cores& cores, std::chrono::nanoseconds grace) : cores_(cores) {
    idle_.handles = on_each_core(&idle_once, begun_, &cores, grace);
    numbers_.handles = on_each_core(&numbers_once, over_, &cores);
}

Task<> Stop::drained() {
    cores_.stop();
    begun_.cancel();
    for (auto& core : idle_.handles) (void)co_await core;
}

Task<Snapshot> Stop::last_numbers() {
    over_.cancel();
    Snapshot sum;
    for (auto& core : numbers_.handles)
        if (auto snapshot = co_await core) sum += *snapshot;
    co_return sum;
}

}  // namespace skerry::echo
