#include "burst_gate.hpp"

#include <thread>
#include <utility>

namespace skerry::dpdk {

BurstGate::Place::Place() noexcept {
    const std::lock_guard guard(mutex_);
    next = std::exchange(places_, this);
}

BurstGate::Place::~Place() {
    const std::lock_guard guard(mutex_);
    Place** link = &places_;
    while (*link != this) link = &(*link)->next;
    *link = next;
}

bool BurstGate::shut(std::chrono::nanoseconds patience) noexcept {
    is_shut_.store(true, std::memory_order_seq_cst);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    const std::lock_guard guard(mutex_);
    for (const Place* place = places_; place != nullptr; place = place->next)
        while (place->is_inside.load(std::memory_order_seq_cst)) {
            if (std::chrono::steady_clock::now() >= deadline) return false;
            std::this_thread::yield();
        }
    return true;
}

}  // namespace skerry::dpdk
