#include <skerry/stack/steering/port_owners.hpp>

#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>

namespace skerry::stack {

void PortOwners::Free::operator()(std::uint64_t* words) const noexcept { std::free(words); }

namespace {

constexpr unsigned bit(PortUse use) noexcept { return 1U << static_cast<unsigned>(use); }

constexpr unsigned of_more = 0xffU << static_cast<unsigned>(PortUse::own_more);
constexpr unsigned of_v4 = bit(PortUse::any) | bit(PortUse::own) | bit(PortUse::many) | of_more;
constexpr unsigned of_v6 = bit(PortUse::any_v6) | bit(PortUse::own_v6) | bit(PortUse::own_link_local);

/// The uses that would hear the same as this one. Several sockets may have the same group.
constexpr unsigned in_the_way_of(PortUse use) noexcept {
    constexpr unsigned both = bit(PortUse::both);
    if (use >= PortUse::own_more) return bit(PortUse::any) | both | bit(use);
    switch (use) {
        case PortUse::any: return of_v4 | both;
        case PortUse::any_v6: return of_v6 | both;
        case PortUse::both: return of_v4 | of_v6 | both;
        case PortUse::own: return bit(PortUse::any) | both | bit(use);
        case PortUse::many: return bit(PortUse::any) | both;
        case PortUse::own_v6:
        case PortUse::own_link_local:
        case PortUse::own_more: break;
    }
    return bit(PortUse::any_v6) | both | bit(use);
}

}  // namespace

PortOwners::PortOwners() : words_(static_cast<std::uint64_t*>(std::calloc(2 * ports * uses, sizeof(std::uint64_t)))) {
    if (words_ == nullptr) throw std::bad_alloc();
}

// Relaxed: a socket that is bound just now may or may not get what comes just now.
std::uint64_t PortOwners::load(std::uint16_t port, PortUse use) const noexcept {
    return std::atomic_ref(word(port, use)).load(std::memory_order_relaxed);
}

CoreSet PortOwners::in_use(std::uint16_t port) const noexcept {
    std::uint64_t all = 0;
    const std::size_t known = has_more_.load(std::memory_order_relaxed) ? 2 * uses : uses;
    for (std::size_t use = 0; use < known; ++use) all |= load(port, static_cast<PortUse>(use));
    return all & cores;
}

bool PortOwners::is_in_the_way(std::uint64_t others, std::uint16_t core, bool shared) const noexcept {
    if ((others & cores & ~core_bit(core)) == 0) return false;
    return !shared || (others & is_shared) == 0;
}

bool PortOwners::claim(std::uint16_t port, PortUse use, std::uint16_t core, bool shared) noexcept {
    const std::lock_guard guard(lock_);
    if (use >= PortUse::own_more) has_more_.store(true, std::memory_order_relaxed);
    const unsigned known = has_more_.load(std::memory_order_relaxed) ? ~0U : ~of_more;
    for (unsigned left = in_the_way_of(use) & known; left != 0; left &= left - 1)
        if (is_in_the_way(load(port, static_cast<PortUse>(std::countr_zero(left))), core, shared)) return false;
    const std::uint64_t others = load(port, use) & cores & ~core_bit(core);
    const std::uint64_t now_shared = use == PortUse::many || shared ? is_shared : 0;
    std::atomic_ref(word(port, use)).store(others | core_bit(core) | now_shared, std::memory_order_relaxed);
    return true;
}

void PortOwners::share(std::uint16_t port, PortUse use) noexcept {
    const std::lock_guard guard(lock_);
    std::atomic_ref(word(port, use)).store(load(port, use) | is_shared, std::memory_order_relaxed);
}

void PortOwners::release(std::uint16_t port, PortUse use, std::uint16_t core) noexcept {
    const std::lock_guard guard(lock_);
    const std::uint64_t left = load(port, use) & ~core_bit(core);
    std::atomic_ref(word(port, use)).store((left & cores) == 0 ? 0 : left, std::memory_order_relaxed);
}

}  // namespace skerry::stack
