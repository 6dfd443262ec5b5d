#pragma once

// Asks for routers when the stack starts, so that nobody waits for what they say every few minutes: three times, four
// seconds apart, until one answers.
//
// Source: RFC 4861 section 6.3.7. Its random delay is that of the check of our link-local address, before this.

#include "ipv6_link.hpp"
#include "link.hpp"
#include "timers.hpp"

#include "../time/instant.hpp"

#include <chrono>

namespace skerry::stack {

/// Threads: one core.
class RouterSearch : Timer {
public:
    using OnEnd = void (*)(void* owner, time::Instant now) noexcept;

    /// `on_end` is told when nobody has answered.
    RouterSearch(const Ipv6Link& ipv6_link, Link& link, Timers& timers, void* owner, OnEnd on_end) noexcept
        : ipv6_link_(ipv6_link), link_(link), timers_(timers), owner_(owner), on_end_(on_end) {
        Timer::on_time = &RouterSearch::on_time;
    }
    ~RouterSearch() { stop(); }
    RouterSearch(const RouterSearch&) = delete;
    RouterSearch& operator=(const RouterSearch&) = delete;

    /// Asks in the next turn: by then our address is known.
    void begin(time::Instant now) noexcept;
    /// One has answered.
    void stop() noexcept { Timers::cancel(*this); }
    [[nodiscard]] bool is_running() const noexcept { return is_linked(); }

    // RFC 4861 section 10.
    static constexpr unsigned questions_max = 3;
    static constexpr auto interval = std::chrono::seconds{4};
    static constexpr auto last_wait = std::chrono::seconds{1};

private:
    void ask() noexcept;
    static void on_time(Timer& timer, time::Instant now) noexcept;

    const Ipv6Link& ipv6_link_;
    Link& link_;
    Timers& timers_;
    void* owner_;
    OnEnd on_end_;
    unsigned asked_ = 0;
};

}  // namespace skerry::stack
