#include <skerry/stack/steering/port_owners.hpp>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>

namespace skerry::stack {

void PortOwners::Free::operator()(std::uint64_t* words) const noexcept { std::free(words); }

PortOwners::PortOwners() : words_(static_cast<std::uint64_t*>(std::calloc(ports * uses, sizeof(std::uint64_t)))) {
    if (words_ == nullptr) throw std::bad_alloc();
}

// Relaxed: a socket that is bound just now may or may not get what comes just now.
std::uint64_t PortOwners::load(std::uint16_t port, PortUse use) const noexcept {
    return std::atomic_ref(word(port, use)).load(std::memory_order_relaxed);
}

bool PortOwners::is_in_the_way(std::uint64_t others, std::uint16_t core, bool shared) const noexcept {
    if ((others & cores & ~core_bit(core)) == 0) return false;
    return !shared || (others & is_shared) == 0;
}

bool PortOwners::claim(std::uint16_t port, PortUse use, std::uint16_t core, bool shared) noexcept {
    const std::lock_guard guard(lock_);
    if (is_in_the_way(load(port, PortUse::any), core, shared)) return false;
    if (use != PortUse::many && is_in_the_way(load(port, PortUse::own), core, shared)) return false;
    if (use == PortUse::any && is_in_the_way(load(port, PortUse::many), core, shared)) return false;
    const std::uint64_t others = load(port, use) & cores & ~core_bit(core);
    const std::uint64_t now_shared = use == PortUse::many || shared ? is_shared : 0;
    std::atomic_ref(word(port, use)).store(others | core_bit(core) | now_shared, std::memory_order_relaxed);
    return true;
}

void PortOwners::release(std::uint16_t port, PortUse use, std::uint16_t core) noexcept {
    const std::lock_guard guard(lock_);
    const std::uint64_t left = load(port, use) & ~core_bit(core);
    std::atomic_ref(word(port, use)).store((left & cores) == 0 ? 0 : left, std::memory_order_relaxed);
}

}  // namespace skerry::stack
