#pragma once

// Hot path. How the datagrams of one socket come, learned from what its receives found: it decides which system calls
// a receive makes and how the socket is registered.
//
// One at a time, each after the answer to the one before: recvfrom takes it, which costs 0.5 us less than a recvmmsg
// with a second slot that finds nothing, and the registration is level-triggered, so nobody needs to ask whether the
// socket is empty now.
//
// Together: recvmmsg takes about as many as came last, and the registration is edge-triggered. After a batch that
// emptied the socket the next datagram comes with an edge and its epoll_wait; but when it comes before this batch is
// answered, a receive that does not wait for the edge finds it and saves that call. Whether peers are that fast is
// learned as well (Guess).
//
// From the first to the second as soon as a datagram waits that nobody had waited for; a level-triggered socket would
// keep the core awake. Back after 32 that came alone.

#include "message_arrays.hpp"

#include <skerry/base/guess.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace skerry::kernel_io::epoll {

class Arrivals {
public:
    [[nodiscard]] bool are_single() const noexcept { return single_; }

    // --- one at a time

    /// One was received that a task had waited for. True: the next receive is to look without waiting, whether this one
    /// came alone. After 13 and 11 in turn, so that no rhythm of the peers stays unseen.
    [[nodiscard]] bool look_for_another() noexcept {
        if (--look_in_ != 0) return false;
        looks_late_ = !looks_late_;
        look_in_ = looks_late_ ? 13 : 11;
        return true;
    }

    /// Whether they may be received one at a time; if not, came_together() is to follow.
    void allow_single(bool allowed) noexcept { may_be_single_ = allowed; }

    /// One was there that nobody had waited for, or several were. True: the registration changes.
    [[nodiscard]] bool came_together() noexcept {
        alone_ = 0;
        return std::exchange(single_, false);
    }

    // --- together

    /// What a batch asks for: every slot costs a buffer and its description.
    [[nodiscard]] std::size_t expected() const noexcept { return expected_; }

    /// A batch got all it asked for.
    void filled() noexcept { expected_ = std::min(expected_ * 2, messages_max); }

    /// A batch got `count`, and the socket is empty. True: the next receive does not wait for the edge.
    [[nodiscard]] bool drained(std::size_t count) noexcept {
        if (count < expected_ / 4) expected_ = std::max(expected_ / 2, expected_min);
        if (guessing_) guess_.right();  // it found something
        guessing_ = guess_.tries();
        return guessing_;
    }

    /// A receive that did not wait found nothing.
    void found_nothing() noexcept {
        if (std::exchange(guessing_, false)) guess_.wrong();
    }

    /// An edge came, which is not a guess.
    void edge() noexcept { guessing_ = false; }

    /// An edge brought one, and nothing was behind it. True: the registration changes.
    [[nodiscard]] bool came_alone() noexcept {
        if (++alone_ < alone_max) return false;
        alone_ = 0;
        single_ = may_be_single_;
        return single_;
    }

private:
    /// The least a batch asks for: with two, one datagram that comes alone also shows that no other waits.
    static constexpr std::size_t expected_min = 2;
    static constexpr std::uint8_t alone_max = 32;

    bool single_ = true;
    bool may_be_single_ = true;
    bool guessing_ = false;
    std::uint8_t look_in_ = 13;
    bool looks_late_ = true;
    std::uint8_t alone_ = 0;
    Guess guess_;
    std::size_t expected_ = expected_min;
};

}  // namespace skerry::kernel_io::epoll
