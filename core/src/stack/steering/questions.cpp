#include <skerry/stack/steering/questions.hpp>

#include <mutex>

namespace skerry::stack {

// Without the lock it may miss what is just being written: then the answer came before its question had left.
Questions::Place* Questions::find(std::uint64_t host) noexcept {
    for (std::size_t i = first_of(host), end = i + ways; i < end; ++i)
        if (places_[i].host.load(std::memory_order_relaxed) == host &&
            places_[i].cores.load(std::memory_order_relaxed) != 0)
            return &places_[i];
    return nullptr;
}

void Questions::ask(std::uint64_t host, std::uint16_t core) noexcept {
    const std::lock_guard guard(lock_);
    Place* place = find(host);
    for (std::size_t i = first_of(host), end = i + ways; place == nullptr && i < end; ++i)
        if (places_[i].cores.load(std::memory_order_relaxed) == 0) place = &places_[i];
    if (place == nullptr) return;
    place->host.store(host, std::memory_order_relaxed);
    place->cores.fetch_or(core_bit(core), std::memory_order_relaxed);
}

void Questions::forget(std::uint64_t host, std::uint16_t core) noexcept {
    const std::lock_guard guard(lock_);
    if (Place* const place = find(host)) place->cores.fetch_and(~core_bit(core), std::memory_order_relaxed);
}

CoreSet Questions::take(std::uint64_t host) noexcept {
    if (find(host) == nullptr) return 0;  // a flood of answers to no question locks nobody out
    const std::lock_guard guard(lock_);
    Place* const place = find(host);
    return place == nullptr ? 0 : place->cores.exchange(0, std::memory_order_relaxed);
}

}  // namespace skerry::stack
