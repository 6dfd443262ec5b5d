#include "bell.hpp"

#include "clock.hpp"

namespace skerry::pkt::kernel {

// Under the mutex, or a sleeper that has just found nothing would miss it.
void Bell::ring() {
    {
        const std::lock_guard lock(mutex_);
        rung_.fetch_add(1, std::memory_order_release);
    }
    rings_.notify_all();
}

void Bell::sleep(std::uint64_t seen, time::Instant until) {
    std::unique_lock lock(mutex_);
    rings_.wait_until(lock, until.to_steady(), [&] { return rung() != seen; });
}

void Bell::wait(std::uint64_t seen, time::Instant until) {
    if (until - spin > present()) sleep(seen, until - spin);
    while (rung() == seen && present() < until) {
    }
}

}  // namespace skerry::pkt::kernel
