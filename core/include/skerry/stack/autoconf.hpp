#pragma once

// Our IPv6 addresses, before and while we have them: each is looked for first (duplicate_check.hpp), and where routers
// say what addresses there are, one is made of each prefix that they name and ends when they say so. Of several cores
// the first has this; the others learn what it found out (Ipv6Facts).
//
//   the link-local address is ours ─► routers are asked (router_search.hpp) ─► a router says ─┬─ prefixes ─► addresses
//                                                                                            └─ RouterList
//
// An address keeps its place, which is its number everywhere above (Hosts), so that what is bound to it is bound to it
// again when it comes back. Its place is another's at the earliest two minutes after it ended, when no handshake and no
// TIME-WAIT knows it any more.
//
// Source: RFC 4862 sections 5.3 to 5.5; RFC 7217 section 6 for what follows a duplicate.

#include "config.hpp"
#include "drop.hpp"
#include "duplicate_check.hpp"
#include "groups.hpp"
#include "ipv6_link.hpp"
#include "packet.hpp"
#include "random.hpp"
#include "rate_limit.hpp"
#include "router_list.hpp"
#include "router_search.hpp"
#include "timers.hpp"
#include "wire/ndp.hpp"

#include "../time/instant.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// Threads: one core.
class Autoconf : Timer {
public:
    using OnFacts = void (*)(void* owner, const Ipv6Facts& facts) noexcept;

    /// What is found out is told to `on_facts`.
    Autoconf(const StackConfig& config, const Ipv6Link& ipv6_link, Hosts& hosts, Link& link, Groups& groups,
             Timers& timers, DropCounters& drops, void* owner, OnFacts on_facts) noexcept;
    ~Autoconf() { Timers::cancel(*this); }
    Autoconf(const Autoconf&) = delete;
    Autoconf& operator=(const Autoconf&) = delete;

    void begin(time::Instant now) noexcept;

    /// A router's advertisement. Why nothing of it was taken.
    ///
    /// Errors: ndp_router_rate; of its parts the counters tell.
    [[nodiscard]] Drop on_router(const wire::NdpMessage& said, const Packet& packet) noexcept;
    /// Who was a router says that it is none.
    void on_no_router(const wire::Ipv6Addr& address, time::Instant now) noexcept;
    /// Another station asks whether an address is free that we are looking for too. ndp_duplicate, or none for what is
    /// our own question.
    [[nodiscard]] Drop on_question(const wire::NdpMessage& question, time::Instant now) noexcept;
    /// Another station says that an address that we look for is its own.
    [[nodiscard]] Drop on_claim(const wire::Ipv6Addr& address, time::Instant now) noexcept;

    static constexpr std::uint32_t routers_per_second = 1000;
    static constexpr std::uint8_t attempts_max = 3;  // RFC 7217 section 7: IDGEN_RETRIES
    static constexpr auto attempt_delay = std::chrono::seconds{1};  // IDGEN_DELAY
    static constexpr auto random_delay_max = std::chrono::milliseconds{1000};  // MAX_RTR_SOLICITATION_DELAY
    static constexpr auto least_valid = std::chrono::hours{2};  // RFC 4862 section 5.5.3 (e)
    static constexpr auto place_rests = std::chrono::minutes{2};
    static constexpr std::uint8_t made_prefix_bits = 64;  // RFC 4291 section 2.5.1

private:
    static constexpr std::size_t of_link_local = Ipv6Facts::addresses_max;  // its place, behind the others
    static constexpr std::size_t places = Ipv6Facts::addresses_max + 1;

    /// What is known of an address beside what all know.
    struct Life {
        DuplicateCheck check;
        time::Instant preferred_until = time::Instant::max();
        time::Instant valid_until = time::Instant::max();
        time::Instant ended;
        std::uint8_t attempt = 0;
        bool is_given_up = false;  // each that was tried is another's
        bool has_joined = false;  // its group, which a program may be in too
    };

    [[nodiscard]] OwnAddress& own(std::size_t place) noexcept {
        return place == of_link_local ? facts_.link_local : facts_.addresses[place];
    }
    [[nodiscard]] std::size_t place_of(const wire::Ipv6Addr& tentative) noexcept;
    [[nodiscard]] std::chrono::nanoseconds drawn_delay() noexcept;
    void check(std::size_t place, std::chrono::nanoseconds delay, time::Instant now) noexcept;
    void on_unique(std::size_t place, time::Instant now) noexcept;
    void on_duplicate(std::size_t place, time::Instant now) noexcept;
    void announce(const wire::Ipv6Addr& address) noexcept;
    void take_prefix(const wire::NdpPrefix& said, bool is_to_all, time::Instant now) noexcept;
    void renew(std::size_t place, const wire::NdpPrefix& said, time::Instant now) noexcept;
    void make(const wire::NdpPrefix& said, bool is_to_all, time::Instant now) noexcept;
    [[nodiscard]] std::size_t free_place(const wire::Ipv6Addr& prefix, time::Instant now) noexcept;
    void end(std::size_t place, time::Instant now) noexcept;
    void expire(time::Instant now) noexcept;
    [[nodiscard]] AddressState state_by_time(const Life& life, time::Instant now) const noexcept {
        return life.preferred_until > now ? AddressState::preferred : AddressState::deprecated;
    }
    [[nodiscard]] bool is_any_checked() const noexcept;
    [[nodiscard]] bool is_settled() const noexcept;
    /// Something may have changed.
    void publish(time::Instant now) noexcept;
    static void on_time(Timer& timer, time::Instant now) noexcept;

    const StackConfig& config_;
    const Ipv6Link& ipv6_link_;
    Hosts& hosts_;
    Link& link_;
    Groups& groups_;
    Timers& timers_;
    DropCounters& drops_;
    void* owner_;
    OnFacts on_facts_;
    Random random_;
    RateLimit messages_{routers_per_second};
    DuplicateCheckSetup setup_;
    Ipv6Facts facts_;
    std::array<Life, places> lives_;
    RouterList routers_;
    RouterSearch search_;
};

}  // namespace skerry::stack
