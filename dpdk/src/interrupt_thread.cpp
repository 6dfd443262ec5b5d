#include "interrupt_thread.hpp"

#include <skerry/trace/notice.hpp>

#include <rte_config.h>
#include <rte_alarm.h>

#include <chrono>
#include <semaphore>

namespace skerry::dpdk {

namespace {

struct Errand {
    void (*what)(void* of);
    void* of;
    std::binary_semaphore is_over{0};
};

void run(void* errand) {
    auto& its = *static_cast<Errand*>(errand);
    its.what(its.of);
    its.is_over.release();
}

}  // namespace

// Alarms go off on that thread, one thing after the other. One that is going off cannot be cancelled, but waited for.
void on_interrupt_thread(void (*what)(void* of), void* of) noexcept {
    Errand errand{what, of};
    if (rte_eal_alarm_set(1, &run, &errand) != 0) return what(of);
    if (errand.is_over.try_acquire_for(std::chrono::seconds{10})) return;
    if (rte_eal_alarm_cancel(&run, &errand) <= 0) return errand.is_over.acquire();
    trace::notice("dpdk: the interrupt thread has not answered for ten seconds; what it was to do is done beside it");
    what(of);
}

}  // namespace skerry::dpdk
