#include <skerry/stack/path_mtus.hpp>

#include <skerry/stack/wire/ipv6.hpp>

#include <algorithm>
#include <limits>
#include <new>

namespace skerry::stack {

using wire::Ipv4Addr;

namespace {

// RFC 1191 section 7.1: what a router that names no size is likely to take.
constexpr std::uint16_t plateaus[] = {32'000, 17'914, 8'166, 4'352, 2'002, 1'492, 1'006, 552};

std::uint16_t next_plateau(std::uint16_t packet_bytes) noexcept {
    for (const std::uint16_t plateau : plateaus)
        if (plateau < packet_bytes) return plateau;
    return PathMtus::least_v4;
}

}  // namespace

PathMtus::~PathMtus() {
    for (const auto& [host, entry] : by_host_) hosts_.release({host});
}

std::uint16_t PathMtus::lookup(Ipv4Addr host) const noexcept {
    const std::uint16_t of_link = is_host_number(host) ? link_mtu_v6_ : config_.mtu;
    if (by_host_.empty()) return of_link;
    const auto found = by_host_.find(hosts_.current(host).bits);
    return found == by_host_.end() ? of_link : std::min(found->second.mtu, of_link);
}

bool PathMtus::lower(Ipv4Addr host, const TooLong& said, time::Instant now) noexcept {
    const auto least = is_host_number(host) ? static_cast<std::uint16_t>(wire::ipv6_mtu_min) : least_v4;
    const std::uint16_t named = said.mtu != 0 ? said.mtu : next_plateau(said.packet_bytes);
    // A packet that was no longer than what the router takes was not too long for it.
    if (said.packet_bytes <= named) return false;
    const std::uint16_t mtu = std::max(named, least);
    return mtu < of(host) && remember(host, mtu, now);
}

bool PathMtus::remember(Ipv4Addr host, std::uint16_t mtu, time::Instant now) noexcept try {
    expire(now);
    const std::int64_t until = (now + lifetime).as_nanos();
    const auto known = by_host_.find(hosts_.current(host).bits);
    if (known != by_host_.end()) {
        known->second = {mtu, until};
        return true;
    }
    const auto held = hosts_.hold(host);
    if (!held) return false;
    // Another one goes, whichever comes first: its next packet that is too long tells of it again. What is said of a
    // connection must not be lost because a stranger filled the table.
    if (by_host_.size() >= hosts_max) {
        drops_.count(Drop::path_mtus_full);
        hosts_.release({by_host_.begin()->first});
        by_host_.erase(by_host_.begin());
    }
    try {
        by_host_.emplace(held->bits, Entry{mtu, until});
    } catch (...) {
        hosts_.release(*held);
        throw;
    }
    first_ends_ns_ = by_host_.size() == 1 ? until : std::min(first_ends_ns_, until);
    return true;
} catch (const std::bad_alloc&) {
    return false;
}

void PathMtus::expire_some(time::Instant now) noexcept {
    if (now.as_nanos() < first_ends_ns_) return;
    first_ends_ns_ = std::numeric_limits<std::int64_t>::max();
    for (auto at = by_host_.begin(); at != by_host_.end();) {
        if (at->second.until_ns > now.as_nanos()) {
            first_ends_ns_ = std::min(first_ends_ns_, at->second.until_ns);
            ++at;
        } else {
            hosts_.release({at->first});
            at = by_host_.erase(at);
        }
    }
}

}  // namespace skerry::stack
