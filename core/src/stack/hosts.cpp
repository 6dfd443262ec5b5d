#include <skerry/stack/hosts.hpp>

#include <skerry/base/assert.hpp>
#include <skerry/stack/random.hpp>

#include <new>

namespace skerry::stack {

using wire::Ipv4Addr;
using wire::Ipv6Addr;

Hosts::Hosts(std::uint64_t seed, const Ipv6Addr& address, const Ipv6Addr& link_local)
    : key_(key_for(seed, SecretUse::hosts)), has_v6_(!address.is_unspecified() || !link_local.is_unspecified()) {
    own_end_ = index_of(own_link_local);
    set_own(own_link_local, link_local);
    set_own(own_v6, address);
}

void Hosts::set_own(Ipv4Addr own, const Ipv6Addr& address) noexcept {
    first_[index_of(own)] = address;
    own_end_ = static_cast<std::uint32_t>(first_.size());
    while (own_end_ > index_of(own_link_local) && first_[own_end_ - 1].is_unspecified()) --own_end_;
}

// Keyed: strangers whose addresses collide would make each packet of one search through all of them.
std::uint64_t Hosts::hash(const Ipv6Addr& address) const noexcept {
    const std::uint64_t half = siphash_12(key_, address.high, 0);
    return siphash_12(key_, address.low ^ half, static_cast<std::uint32_t>(half >> 32U));
}

std::optional<Ipv4Addr> Hosts::find(const Ipv6Addr& address) const noexcept {
    if (address.is_unspecified()) return any_v6;
    if (const std::uint32_t own = find_own(address); own < own_end_) return number_of(own);
    const std::uint32_t at =
        by_address_.find(hash(address), [&](std::uint32_t candidate) { return held_[candidate].address == address; });
    if (at == tcp::FlowTable::none) return {};
    return number_of(first_.size() + at);
}

Ipv4Addr Hosts::name(const Ipv6Addr& address) noexcept {
    if (const auto known = find(address)) return *known;
    const std::size_t place = next_passing_++ % passing;
    first_[place] = address;
    return number_of(place);
}

std::optional<Ipv4Addr> Hosts::name(const net::IpAddr& ip) noexcept {
    const net::IpAddr real = ip.unmapped();
    if (real.is_v6()) return has_v6() ? std::optional(name(Ipv6Addr::of(real))) : std::nullopt;
    const Ipv4Addr address = Ipv4Addr::of(real);
    return is_host_number(address) ? std::nullopt : std::optional(address);
}

net::IpAddr Hosts::ip(Ipv4Addr host) const noexcept { return is_host_number(host) ? address(host).ip() : host.ip(); }

// --- those that are held

Hosts::Entry* Hosts::free_entry(std::uint32_t& at) noexcept try {
    if (free_ == 0) {
        held_.emplace_back();
        at = static_cast<std::uint32_t>(held_.size() - 1);
    } else {
        at = free_ - 1;
        free_ = held_[at].next_free;
    }
    return &held_[at];
} catch (const std::bad_alloc&) {
    return nullptr;
}

std::optional<Ipv4Addr> Hosts::hold_v6(Ipv4Addr host) noexcept {
    const Ipv6Addr wanted = address(host);
    if (const auto known = find(wanted)) {
        const std::uint32_t index = index_of(*known);
        if (index >= first_.size()) ++held_[index - first_.size()].holders;
        return known;
    }
    std::uint32_t at = 0;
    Entry* const entry = free_entry(at);
    if (entry == nullptr) return {};
    entry->address = wanted;
    entry->holders = 1;
    if (by_address_.insert(hash(wanted), at)) return number_of(first_.size() + at);
    entry->holders = 0;
    entry->next_free = free_;
    free_ = at + 1;
    return {};
}

void Hosts::release_v6(Ipv4Addr host) noexcept {
    const std::uint32_t index = index_of(host);
    if (index < first_.size()) return;
    const auto at = static_cast<std::uint32_t>(index - first_.size());
    Entry& entry = held_[at];
    SKERRY_DEBUG_ASSERT(entry.holders != 0, "a host is released that nobody holds");
    if (--entry.holders != 0) return;
    by_address_.erase(hash(entry.address), at);
    entry.next_free = free_;
    free_ = at + 1;
}

}  // namespace skerry::stack
