#include <skerry/stack/router_list.hpp>

#include <skerry/stack/wire/ipv6.hpp>

#include <algorithm>
#include <iterator>

namespace skerry::stack {

using wire::Ipv6Addr;

namespace {

constexpr int configured = 2;  // before what any router says of itself

}  // namespace

// What is configured does not end.
RouterList::RouterList(const StackConfig& config, std::uint16_t port_mtu, Random& random, DropCounters& drops) noexcept
    : port_mtu_(port_mtu),
      random_(random),
      drops_(drops),
      reachable_(config.neighbours.reachable),
      retransmit_(config.neighbours.retransmit) {
    const Ipv6Facts facts = facts_of(config);
    for (std::size_t i = 0; i < facts.routers; ++i)
        router_[routers_++] = {facts.router[i], time::Instant::max(), configured};
    for (std::size_t i = 0; i < facts.prefixes; ++i) prefix_[prefixes_++] = {facts.on_link[i], time::Instant::max()};
}

void RouterList::take(const Ipv6Addr& router, const wire::NdpRouter& said, time::Instant now) noexcept {
    take_router(router, said, now);
    take_parameters(said, now);
    for (std::size_t i = 0; i < said.prefixes; ++i)
        if (said.prefix[i].on_link) take_prefix(said.prefix[i], now);
}

// --- routers

void RouterList::take_router(const Ipv6Addr& router, const wire::NdpRouter& said, time::Instant now) noexcept {
    const auto begin = router_.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(routers_);
    auto at = std::find_if(begin, end, [&](const Router& each) { return each.address == router; });
    if (at != end && at->preference == configured) return;
    if (said.lifetime_s == 0) return remove(router);
    if (at == end) {
        if (routers_ == router_.size()) return drops_.count(Drop::ndp_routers_full);
        ++routers_;
    }
    *at = {router, now + std::chrono::seconds{said.lifetime_s}, said.preference};
    // In the order in which they came where none is preferred; std::stable_sort would take memory for that.
    const auto is_preferred = [](const Router& a, const Router& b) { return a.preference > b.preference; };
    const auto last = begin + static_cast<std::ptrdiff_t>(routers_);
    for (auto each = begin; each != last; ++each)
        std::rotate(std::upper_bound(begin, each, *each, is_preferred), each, std::next(each));
}

void RouterList::remove(const Ipv6Addr& router) noexcept {
    const auto end = router_.begin() + static_cast<std::ptrdiff_t>(routers_);
    const auto is_gone = [&](const Router& each) { return each.address == router && each.preference != configured; };
    routers_ = static_cast<std::size_t>(std::remove_if(router_.begin(), end, is_gone) - router_.begin());
}

// --- prefixes

void RouterList::take_prefix(const wire::NdpPrefix& said, time::Instant now) noexcept {
    if (!is_of_network(said)) return drops_.count(Drop::ndp_prefix_refused);
    const OnLinkPrefix prefix{said.prefix, said.prefix_bits};
    const auto end = prefix_.begin() + static_cast<std::ptrdiff_t>(prefixes_);
    auto at = std::find_if(prefix_.begin(), end, [&](const Prefix& each) { return each.prefix == prefix; });
    if (said.valid_s == 0) {
        if (at == end) return;
        *at = prefix_[--prefixes_];
        return;
    }
    if (at == end) {
        if (prefixes_ == prefix_.size()) return drops_.count(Drop::ndp_prefixes_full);
        ++prefixes_;
    }
    *at = {prefix, end_of(said.valid_s, now)};
}

// --- the rest. 0 is "not said".

void RouterList::take_parameters(const wire::NdpRouter& said, time::Instant now) noexcept {
    const auto take = [&](bool is_said, bool is_sound) {
        if (is_said && !is_sound) drops_.count(Drop::ndp_router_value);
        return is_said && is_sound;
    };
    if (take(said.hop_limit != 0, said.hop_limit >= hop_limit_min)) hop_limit_ = said.hop_limit;
    if (take(said.has_mtu, said.mtu >= wire::ipv6_mtu_min && said.mtu <= port_mtu_))
        mtu_ = static_cast<std::uint16_t>(said.mtu);
    if (take(said.retransmit_ms != 0,
             said.retransmit_ms >= retransmit_ms_min && said.retransmit_ms <= retransmit_ms_max))
        retransmit_ = std::chrono::milliseconds{said.retransmit_ms};
    if (take(said.reachable_ms != 0, said.reachable_ms <= reachable_ms_max) &&
        said.reachable_ms != base_reachable_ms_) {
        base_reachable_ms_ = said.reachable_ms;
        draw_reachable(now);
    }
}

// Between half of it and one and a half, so that hosts do not ask in step.
void RouterList::draw_reachable(time::Instant now) noexcept {
    const std::uint64_t base_ns = std::uint64_t{base_reachable_ms_} * 1'000'000U;
    const std::uint64_t drawn = random_.next();  // of 2^32
    reachable_ =
        std::chrono::nanoseconds{base_ns / 2 + (base_ns >> 32U) * drawn + ((base_ns & 0xffff'ffffU) * drawn >> 32U)};
    draw_again_ = now + reachable_again;
}

// --- time

void RouterList::expire(time::Instant now) noexcept {
    const auto is_over = [now](const auto& each) { return each.until <= now; };
    const auto routers_end = router_.begin() + static_cast<std::ptrdiff_t>(routers_);
    routers_ = static_cast<std::size_t>(std::remove_if(router_.begin(), routers_end, is_over) - router_.begin());
    const auto prefixes_end = prefix_.begin() + static_cast<std::ptrdiff_t>(prefixes_);
    prefixes_ = static_cast<std::size_t>(std::remove_if(prefix_.begin(), prefixes_end, is_over) - prefix_.begin());
    if (draw_again_ <= now) draw_reachable(now);
}

time::Instant RouterList::next_end() const noexcept {
    time::Instant next = draw_again_;
    for (std::size_t i = 0; i < routers_; ++i) next = std::min(next, router_[i].until);
    for (std::size_t i = 0; i < prefixes_; ++i) next = std::min(next, prefix_[i].until);
    return next;
}

void RouterList::tell(Ipv6Facts& facts) const noexcept {
    facts.router = {};
    facts.on_link = {};
    facts.routers = routers_;
    facts.prefixes = prefixes_;
    for (std::size_t i = 0; i < routers_; ++i) facts.router[i] = router_[i].address;
    for (std::size_t i = 0; i < prefixes_; ++i) facts.on_link[i] = prefix_[i].prefix;
    facts.hop_limit = hop_limit_;
    facts.mtu = mtu_;
    facts.reachable = reachable_;
    facts.retransmit = retransmit_;
}

}  // namespace skerry::stack
