#include <skerry/stack/redirects.hpp>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

namespace skerry::stack {

using wire::Ipv4Addr;

Redirects::~Redirects() { forget_all(); }

void Redirects::forget_all() noexcept {
    while (!by_host_.empty()) erase(by_host_.begin());
}

Redirects::ByHost::iterator Redirects::erase(ByHost::iterator at) noexcept {
    hosts_.release(at->second.next_hop);
    hosts_.release({at->first});
    return by_host_.erase(at);
}

Ipv4Addr Redirects::lookup(Ipv4Addr host, Ipv4Addr routed) const noexcept {
    const auto found = by_host_.find(hosts_.current(host).bits);
    return found == by_host_.end() ? routed : found->second.next_hop;
}

// Both are held before what is too old goes: that may have been all that held one of them, and its number is the next
// to be given.
bool Redirects::remember(Ipv4Addr host, Ipv4Addr next_hop, time::Instant now) noexcept {
    const auto hop = hosts_.hold(next_hop);
    if (!hop) return false;
    const auto held = hosts_.hold(host);
    if (held) {
        (void)expire(now);
        const Entry entry{*hop, (now + lifetime).as_nanos()};
        const auto known = by_host_.find(held->bits);
        if (known != by_host_.end()) {
            hosts_.release(std::exchange(known->second, entry).next_hop);
            hosts_.release(*held);
            return true;
        }
        if (by_host_.size() < hosts_max && enter(*held, entry)) return true;
        hosts_.release(*held);
    }
    hosts_.release(*hop);
    return false;
}

bool Redirects::enter(Ipv4Addr host, const Entry& entry) noexcept try {
    by_host_.emplace(host.bits, entry);
    first_ends_ns_ = by_host_.size() == 1 ? entry.until_ns : std::min(first_ends_ns_, entry.until_ns);
    return true;
} catch (const std::bad_alloc&) {
    return false;
}

void Redirects::forget(Ipv4Addr host) noexcept {
    const auto known = by_host_.find(hosts_.current(host).bits);
    if (known != by_host_.end()) erase(known);
}

bool Redirects::expire_some(time::Instant now) noexcept {
    const std::size_t before = by_host_.size();
    first_ends_ns_ = std::numeric_limits<std::int64_t>::max();
    for (auto at = by_host_.begin(); at != by_host_.end();) {
        if (at->second.until_ns > now.as_nanos()) {
            first_ends_ns_ = std::min(first_ends_ns_, at->second.until_ns);
            ++at;
        } else {
            at = erase(at);
        }
    }
    return by_host_.size() != before;
}

}  // namespace skerry::stack
