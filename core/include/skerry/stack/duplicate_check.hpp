#pragma once

// Whether another station on the link has an address of ours, before we use it: its group is asked, without a source,
// and who has it says so within a second. What the network brings back to us of that bears our own number and means
// nothing.
//
// Source: RFC 4862 section 5.4, with DupAddrDetectTransmits 1; RFC 7527 section 4 for the number.

#include "link.hpp"
#include "random.hpp"
#include "timers.hpp"
#include "wire/addresses.hpp"

#include "../time/instant.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// What all checks of a stack have in common.
struct DuplicateCheckSetup {
    using OnUnique = void (*)(void* owner, std::size_t place, time::Instant now) noexcept;

    Link& link;
    Timers& timers;
    Random& random;
    void* owner;
    OnUnique on_unique;  ///< nobody has said that the address is his
};

/// Threads: one core.
class DuplicateCheck : Timer {
public:
    static constexpr unsigned questions = 1;  // RFC 4862 section 5.1
    static constexpr auto again_after = std::chrono::seconds{1};  // when there was no frame, or no room, for a question
    /// Routers may say a minute, which is for hosts that answer slowly. Nobody's address is worth so long a start.
    static constexpr auto retransmit_max = std::chrono::seconds{5};

    DuplicateCheck() noexcept { Timer::on_time = &DuplicateCheck::on_time; }
    ~DuplicateCheck() { stop(); }
    DuplicateCheck(const DuplicateCheck&) = delete;
    DuplicateCheck& operator=(const DuplicateCheck&) = delete;

    /// Asks after `delay`, and waits `retransmit` for an answer, at most retransmit_max. `place` is told to on_unique.
    /// A question that could not leave is none: it is asked again a second later.
    void begin(const DuplicateCheckSetup& setup, std::size_t place, const wire::Ipv6Addr& address,
               std::chrono::nanoseconds delay, std::chrono::nanoseconds retransmit, time::Instant now) noexcept;
    void stop() noexcept { Timers::cancel(*this); }
    [[nodiscard]] bool is_running() const noexcept { return is_linked(); }
    /// Whether a question with this number is ours, come back.
    [[nodiscard]] bool has_asked(std::uint64_t nonce) const noexcept { return asked_ != 0 && nonce == nonce_; }

private:
    [[nodiscard]] bool ask() noexcept;
    static void on_time(Timer& timer, time::Instant now) noexcept;

    const DuplicateCheckSetup* setup_ = nullptr;
    std::size_t place_ = 0;
    wire::Ipv6Addr address_;
    std::chrono::nanoseconds retransmit_{0};
    std::uint64_t nonce_ = 0;
    unsigned asked_ = 0;
};

}  // namespace skerry::stack
