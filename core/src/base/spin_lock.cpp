#include <skerry/base/spin_lock.hpp>

#include <sched.h>

namespace skerry {

namespace {

// Rounds of looking before the CPU is offered to somebody else. A critical section is some tens of
// nanoseconds and a pause about as long, so a holder that runs is gone well before; one that does not run
// needs the CPU more than we do. Under the model checker every round is a step of the schedule.
#if defined(SKERRY_MODEL)
constexpr unsigned spin_rounds = 1;
#else
constexpr unsigned spin_rounds = 100;
#endif

}  // namespace

void SpinLock::lock_slow() noexcept {
    for (unsigned round = 1;; ++round) {
        if (try_lock()) return;
        if (round % spin_rounds == 0) {
            sched_yield();
        } else {
            cpu_relax();
        }
    }
}

}  // namespace skerry
