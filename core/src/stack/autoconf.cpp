#include <skerry/stack/autoconf.hpp>

#include <skerry/stack/interface_id.hpp>
#include <skerry/stack/ndp_frame.hpp>

#include <algorithm>
#include <utility>

namespace skerry::stack {

using wire::Ipv6Addr;
using wire::MacAddr;
using wire::NdpMessage;
using wire::NdpPrefix;

Autoconf::Autoconf(const StackConfig& config, const Ipv6Link& ipv6_link, Hosts& hosts, Link& link, Groups& groups,
                   Timers& timers, DropCounters& drops, void* owner, OnFacts on_facts) noexcept
    : config_(config),
      ipv6_link_(ipv6_link),
      hosts_(hosts),
      link_(link),
      groups_(groups),
      timers_(timers),
      drops_(drops),
      owner_(owner),
      on_facts_(on_facts),
      random_(config.drawn_seed(), SecretUse::autoconf_numbers),
      setup_{link, timers, random_, this,
             [](void* self, std::size_t place, time::Instant now) noexcept {
                 static_cast<Autoconf*>(self)->on_unique(place, now);
             }},
      facts_(ipv6_link.facts()),
      routers_(config, ipv6_link.port_mtu(), random_, drops),
      search_(ipv6_link, link, timers, this,
              [](void* self, time::Instant now) noexcept { static_cast<Autoconf*>(self)->publish(now); }) {
    Timer::on_time = &Autoconf::on_time;
}

// RFC 4862 section 5.4.2: hosts that start together shall not ask together. One whose address somebody wrote down was
// started by somebody too, and waits for nothing.
void Autoconf::begin(time::Instant now) noexcept {
    for (std::size_t place = 0; place < places; ++place)
        if (own(place).state == AddressState::tentative)
            check(place, config_.autoconf6 ? drawn_delay() : std::chrono::nanoseconds{0}, now);
    publish(now);
}

std::chrono::nanoseconds Autoconf::drawn_delay() noexcept {
    return std::chrono::milliseconds{random_.next() % random_delay_max.count()};
}

// --- is it ours?

void Autoconf::check(std::size_t place, std::chrono::nanoseconds delay, time::Instant now) noexcept {
    OwnAddress& address = own(place);
    address.state = AddressState::tentative;
    // Without memory for its group nobody could ask us either; who can is heard all the same where no switch filters.
    lives_[place].has_joined =
        config_.reports_own_groups && groups_.join(hosts_.name(address.address.solicited_node()), {}, now).has_value();
    lives_[place].check.begin(setup_, place, address.address, delay, facts_.retransmit, now);
}

std::size_t Autoconf::place_of(const Ipv6Addr& tentative) noexcept {
    std::size_t place = 0;
    while (place < places && !(own(place).state == AddressState::tentative && own(place).address == tentative)) ++place;
    return place;
}

void Autoconf::on_unique(std::size_t place, time::Instant now) noexcept {
    own(place).state = state_by_time(lives_[place], now);
    announce(own(place).address);
    if (place == of_link_local && config_.autoconf6) search_.begin(now);
    publish(now);
}

// Whoever knows the address by another card learns of ours: RFC 4861 section 7.2.6. Once, because only a station that
// was replaced is waited for.
void Autoconf::announce(const Ipv6Addr& address) noexcept {
    NdpMessage message;
    message.type = wire::Icmpv6Type::neighbour_advertisement;
    message.target = address;
    message.overrides = true;
    message.has_target_link = true;
    message.target_link = link_.mac();
    const Ipv6Addr to = Ipv6Addr::all_nodes();
    Frame* const frame = make_ndp_packet(link_, message, address, to);
    if (frame != nullptr) link_.send(*frame, MacAddr::of_group(to), wire::ether_type::ipv6);
}

Drop Autoconf::on_question(const NdpMessage& question, time::Instant now) noexcept {
    const std::size_t place = place_of(question.target);
    if (place == places || (question.has_nonce && lives_[place].check.has_asked(question.nonce))) return Drop::none;
    on_duplicate(place, now);
    return Drop::ndp_duplicate;
}

Drop Autoconf::on_claim(const Ipv6Addr& address, time::Instant now) noexcept {
    const std::size_t place = place_of(address);
    if (place == places) return Drop::none;
    on_duplicate(place, now);
    return Drop::ndp_duplicate;
}

// A configured one is given up. One of ours is made anew, a few times: RFC 7217 section 6.
void Autoconf::on_duplicate(std::size_t place, time::Instant now) noexcept {
    OwnAddress& address = own(place);
    Life& life = lives_[place];
    facts_.duplicate = address.address;
    end(place, now);
    const Ipv6Addr prefix = address.address.masked(made_prefix_bits);
    const auto made = [&](std::uint8_t attempt) {
        return stable_address(config_.interface_key(), prefix, config_.mac, attempt);
    };
    const bool is_made = address.address == made(life.attempt);
    life.is_given_up = !is_made || life.attempt == attempts_max;
    if (!life.is_given_up) {
        address.address = made(++life.attempt);
        check(place, attempt_delay, now);
    }
    publish(now);
}

// --- what routers say

Drop Autoconf::on_router(const NdpMessage& said, const Packet& packet) noexcept {
    const time::Instant now = packet.now;
    if (!messages_.take(now, random_)) return Drop::ndp_router_rate;
    if (said.router.lifetime_s != 0) search_.stop();
    routers_.take(packet.v6->ip.source, said.router, now);
    const bool is_to_all = packet.v6->ip.destination.is_multicast();
    for (std::size_t i = 0; i < said.router.prefixes; ++i)
        if (said.router.prefix[i].autonomous) take_prefix(said.router.prefix[i], is_to_all, now);
    publish(now);
    return Drop::none;
}

void Autoconf::on_no_router(const Ipv6Addr& address, time::Instant now) noexcept {
    routers_.remove(address);
    publish(now);
}

// RFC 4862 section 5.5.3 (b) to (d). The link's own prefix is refused with what no network has.
void Autoconf::take_prefix(const NdpPrefix& said, bool is_to_all, time::Instant now) noexcept {
    if (!is_of_network(said) || said.preferred_s > said.valid_s || said.prefix_bits != made_prefix_bits)
        return drops_.count(Drop::ndp_prefix_refused);
    for (std::size_t place = 0; place < of_link_local; ++place)
        if (own(place).state != AddressState::none && own(place).address.high == said.prefix.high)
            return renew(place, said, now);
    if (said.valid_s != 0) make(said, is_to_all, now);
}

// RFC 4862 section 5.5.3 (e): anybody on the link can write an advertisement, so one that takes an address away leaves
// it two hours, in which the real router says how it is.
void Autoconf::renew(std::size_t place, const NdpPrefix& said, time::Instant now) noexcept {
    Life& life = lives_[place];
    life.preferred_until = end_of(said.preferred_s, now);
    const time::Instant until = end_of(said.valid_s, now);
    const time::Instant least = now + least_valid;
    if (until > least || until > life.valid_until)
        life.valid_until = until;
    else if (life.valid_until > least)
        life.valid_until = least;
    if (own(place).is_usable()) own(place).state = state_by_time(life, now);
}

void Autoconf::make(const NdpPrefix& said, bool is_to_all, time::Instant now) noexcept {
    const std::size_t place = free_place(said.prefix, now);
    if (place == places) return drops_.count(Drop::ndp_addresses_full);
    Life& life = lives_[place];
    OwnAddress& address = own(place);
    const bool is_back = address.address.high == said.prefix.high;
    if (is_back && life.is_given_up) return;
    if (!is_back) life.attempt = 0;
    life.is_given_up = false;
    life.preferred_until = end_of(said.preferred_s, now);
    life.valid_until = end_of(said.valid_s, now);
    address.address = stable_address(config_.interface_key(), said.prefix, config_.mac, life.attempt);
    address.prefix_bits = made_prefix_bits;
    check(place, is_to_all ? drawn_delay() : std::chrono::nanoseconds{0}, now);
}

// The one that this prefix had, or one that nobody had, or the one that has rested longest.
std::size_t Autoconf::free_place(const Ipv6Addr& prefix, time::Instant now) noexcept {
    std::size_t best = places;
    for (std::size_t place = 0; place < of_link_local; ++place) {
        const OwnAddress& address = own(place);
        if (address.state != AddressState::none) continue;
        if (address.address.high == prefix.high) return place;
        const bool is_new = address.address.is_unspecified();
        if (!is_new && now - lives_[place].ended < place_rests) continue;
        if (best == places || lives_[place].ended < lives_[best].ended) best = place;
    }
    return best;
}

// --- time

void Autoconf::end(std::size_t place, time::Instant now) noexcept {
    OwnAddress& address = own(place);
    lives_[place].check.stop();
    lives_[place].ended = now;
    address.state = AddressState::none;
    if (std::exchange(lives_[place].has_joined, false))
        groups_.leave(hosts_.name(address.address.solicited_node()), {}, now);
}

void Autoconf::expire(time::Instant now) noexcept {
    routers_.expire(now);
    for (std::size_t place = 0; place < places; ++place) {
        if (own(place).state == AddressState::none) continue;
        if (lives_[place].valid_until <= now)
            end(place, now);
        else if (own(place).is_usable())
            own(place).state = state_by_time(lives_[place], now);
    }
}

void Autoconf::on_time(Timer& timer, time::Instant now) noexcept {
    auto& self = static_cast<Autoconf&>(timer);
    self.expire(now);
    self.publish(now);
}

bool Autoconf::is_any_checked() const noexcept {
    return std::any_of(lives_.begin(), lives_.end(), [](const Life& life) { return life.check.is_running(); });
}

bool Autoconf::is_settled() const noexcept {
    if (facts_.is_settled) return true;
    if (facts_.link_local.state == AddressState::tentative) return false;  // a router may have been heard before
    const auto is_usable = [](const OwnAddress& each) { return each.is_usable(); };
    if (config_.autoconf6 && std::any_of(facts_.addresses.begin(), facts_.addresses.end(), is_usable)) return true;
    return !search_.is_running() && !is_any_checked();
}

void Autoconf::publish(time::Instant now) noexcept {
    time::Instant soonest = routers_.next_end();
    for (std::size_t place = 0; place < places; ++place) {
        if (own(place).state == AddressState::none) continue;
        const Life& life = lives_[place];
        if (life.preferred_until > now) soonest = std::min(soonest, life.preferred_until);
        soonest = std::min(soonest, life.valid_until);
    }
    Timers::cancel(*this);
    if (soonest != time::Instant::max()) timers_.set(*this, soonest);
    routers_.tell(facts_);
    facts_.is_settled = is_settled();
    if (facts_ != ipv6_link_.facts()) on_facts_(owner_, facts_);
}

}  // namespace skerry::stack
