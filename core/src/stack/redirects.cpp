#include <skerry/stack/redirects.hpp>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

namespace skerry::stack {

using wire::Ipv4Addr;

Redirects::~Redirects() {
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

bool Redirects::remember(Ipv4Addr host, Ipv4Addr next_hop, time::Instant now) noexcept {
    (void)expire(now);
    const std::int64_t until = (now + lifetime).as_nanos();
    const auto hop = hosts_.hold(next_hop);
    if (!hop) return false;
    const auto known = by_host_.find(hosts_.current(host).bits);
    if (known != by_host_.end()) {
        hosts_.release(std::exchange(known->second, Entry{*hop, until}).next_hop);
        return true;
    }
    const auto held = by_host_.size() < hosts_max ? hosts_.hold(host) : std::nullopt;
    if (held && enter(*held, {*hop, until})) return true;
    if (held) hosts_.release(*held);
    hosts_.release(*hop);
    drops_.count(Drop::redirects_full);
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
