#include <skerry/stack/ipv6_link.hpp>

#include <skerry/stack/wire/ipv6.hpp>

#include <algorithm>
#include <bit>
#include <span>

namespace skerry::stack {

using wire::Ipv4Addr;
using wire::Ipv6Addr;

Ipv6Facts facts_of(const StackConfig& config) noexcept {
    Ipv6Facts facts;
    facts.reachable = config.neighbours.reachable;
    facts.retransmit = config.neighbours.retransmit;
    const bool is_checked = config.finds_out_ipv6();
    const AddressState state = is_checked ? AddressState::tentative : AddressState::preferred;
    facts.is_settled = !is_checked;
    if (!config.link_local6.is_unspecified()) facts.link_local = {config.link_local6, 64, state};
    static_assert(ipv6_addresses_max <= Ipv6Facts::addresses_max && ipv6_addresses_max <= Ipv6Facts::prefixes_max);
    for (std::size_t place = 0; place < config.ipv6_count(); ++place) {
        const OwnIpv6 own = config.ipv6_at(place);
        facts.addresses[place] = {own.address, own.prefix_bits, state};
        const OnLinkPrefix network{own.address.masked(own.prefix_bits), own.prefix_bits};
        const auto known = std::span(facts.on_link).first(facts.prefixes);
        if (std::find(known.begin(), known.end(), network) == known.end()) facts.on_link[facts.prefixes++] = network;
    }
    if (!config.gateway6.is_unspecified()) facts.router[facts.routers++] = config.gateway6;
    return facts;
}

// --- what is ours

void Ipv6Link::set(const Ipv6Facts& facts) noexcept {
    std::array<time::Instant, Ipv6Facts::routers_max> avoided{};
    for (std::size_t i = 0; i < facts.routers; ++i)
        for (std::size_t before = 0; before < facts_.routers; ++before)
            if (facts.router[i] == facts_.router[before]) avoided[i] = avoided_until_[before];
    facts_ = facts;
    avoided_until_ = avoided;
    const auto shown = [this](const OwnAddress& own) {
        has_any_ |= own.is_usable();
        return own.is_usable() ? own.address : Ipv6Addr{};
    };
    has_any_ = false;
    hosts_.set_own(Hosts::own_link_local, shown(facts.link_local));
    for (std::size_t i = 0; i < facts.addresses.size(); ++i)
        hosts_.set_own(Hosts::own_v6_at(i), shown(facts.addresses[i]));
}

bool Ipv6Link::is_group_of_questions(const Ipv6Addr& group) const noexcept {
    const auto has = [&group](const OwnAddress& own) {
        return own.state != AddressState::none && own.address.solicited_node() == group;
    };
    return has(facts_.link_local) || std::any_of(facts_.addresses.begin(), facts_.addresses.end(), has);
}

bool Ipv6Link::is_tentative(const Ipv6Addr& address) const noexcept {
    const auto is_it = [&address](const OwnAddress& own) {
        return own.state == AddressState::tentative && own.address == address;
    };
    return is_it(facts_.link_local) || std::any_of(facts_.addresses.begin(), facts_.addresses.end(), is_it);
}

// --- the way

bool Ipv6Link::is_on_link(const Ipv6Addr& address) const noexcept {
    if (address.is_link_local()) return true;
    const auto known = std::span(facts_.on_link).first(facts_.prefixes);
    return std::any_of(known.begin(), known.end(),
                       [&](const OnLinkPrefix& each) { return address.is_within(each.prefix, each.bits); });
}

bool Ipv6Link::is_router(const Ipv6Addr& address) const noexcept {
    const auto known = std::span(facts_.router).first(facts_.routers);
    return std::find(known.begin(), known.end(), address) != known.end();
}

Ipv6Addr Ipv6Link::first_hop(const Ipv6Addr& address, time::Instant now) const noexcept {
    if (const Ipv6Route* const route = routes_.find(address); route != nullptr)
        return route->router.is_unspecified() ? address : route->router;
    return facts_.routers != 0 ? router(now) : Ipv6Addr{};
}

const Ipv6Addr& Ipv6Link::router(time::Instant now) const noexcept {
    std::size_t best = 0;
    for (std::size_t i = 0; i < facts_.routers; ++i) {
        if (avoided_until_[i] <= now) return facts_.router[i];
        if (avoided_until_[i] < avoided_until_[best]) best = i;
    }
    return facts_.router[best];
}

void Ipv6Link::avoid(const Ipv6Addr& neighbour, time::Instant now) noexcept {
    for (std::size_t i = 0; i < facts_.routers; ++i)
        if (facts_.router[i] == neighbour) avoided_until_[i] = now + avoided_for;
}

// --- the source

namespace {

// RFC 6724 section 3.1: of unicast addresses the link-local ones have that scope, the others are global.
std::uint8_t scope_of(const Ipv6Addr& address) noexcept {
    if (address.is_multicast()) return address.scope();
    return address.is_link_local() ? wire::multicast_scope::link_local : wire::multicast_scope::global;
}

// Not beyond the prefix of the source.
unsigned bits_in_common(const OwnAddress& source, const Ipv6Addr& destination) noexcept {
    const std::uint64_t high = source.address.high ^ destination.high;
    const std::uint64_t low = source.address.low ^ destination.low;
    const int equal = high != 0 ? std::countl_zero(high) : 64 + std::countl_zero(low);
    return std::min(static_cast<unsigned>(equal), unsigned{source.prefix_bits});
}

}  // namespace

bool is_better_source(const OwnAddress& a, const OwnAddress& b, const Ipv6Addr& destination) noexcept {
    if (a.address == destination || b.address == destination) return a.address == destination;  // rule 1
    const std::uint8_t scope_a = scope_of(a.address);
    const std::uint8_t scope_b = scope_of(b.address);
    if (scope_a != scope_b) {  // rule 2: the smaller one that is enough, or else the larger one
        const std::uint8_t smaller = std::min(scope_a, scope_b);
        return (smaller < scope_of(destination)) == (scope_b == smaller);
    }
    if (a.state != b.state) return a.state == AddressState::preferred;  // rule 3
    const bool is_local = destination.is_unique_local();
    const bool matches_a = a.address.is_unique_local() == is_local;
    if (matches_a != (b.address.is_unique_local() == is_local)) return matches_a;  // rule 6
    return bits_in_common(a, destination) > bits_in_common(b, destination);        // rule 8
}

Ipv4Addr Ipv6Link::source_for(const Ipv6Addr& destination) const noexcept {
    const OwnAddress* best = facts_.link_local.is_usable() ? &facts_.link_local : nullptr;
    Ipv4Addr number = best != nullptr ? Hosts::own_link_local : Hosts::any_v6;
    for (std::size_t i = 0; i < facts_.addresses.size(); ++i) {
        const OwnAddress& each = facts_.addresses[i];
        if (each.address.is_unspecified()) break;  // the first places are taken first
        if (!each.is_usable() || (best != nullptr && !is_better_source(each, *best, destination))) continue;
        best = &each;
        number = Hosts::own_v6_at(i);
    }
    return number;
}

}  // namespace skerry::stack
