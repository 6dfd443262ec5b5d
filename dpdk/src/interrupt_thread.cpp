#include "interrupt_thread.hpp"

#include <rte_config.h>
#include <rte_alarm.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace skerry::dpdk {

namespace {

std::atomic<std::uint64_t> alarms{0};  // that thread's; its release pairs with the acquire of who waits

void on_alarm(void*) { alarms.fetch_add(1, std::memory_order_release); }

}  // namespace

// Alarms go off on that thread, one thing after the other. Whose alarm it is does not matter.
void wait_for_interrupt_thread() noexcept {
    const std::uint64_t before = alarms.load(std::memory_order_acquire);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{100};
    if (rte_eal_alarm_set(1, &on_alarm, nullptr) != 0) return;
    while (alarms.load(std::memory_order_acquire) == before && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::microseconds{50});
}

}  // namespace skerry::dpdk
