#pragma once

// The requests of one connection that wait for their answers.
//
// They are numbered as they are sent. TCP answers in order, so an answer finishes the oldest; a datagram's answer
// names its request, may overtake others or never come. Both are one ring of times: its front is the oldest
// request that is not over, what was overtaken stays in it as "over" until the front has passed.

#include "schedule.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace skerry::loadgen {

/// Cost: 24 bytes a request, doubled when full; no allocation once it is as large as the run needs.
class InFlight {
public:
    /// More than this never wait: the connection is as good as dead, and the memory must end somewhere.
    static constexpr std::size_t requests_max = std::size_t{1} << 20;

    struct Times {
        Nanos intended;
        Nanos sent;
    };

    /// Adds a request and returns its number. Shape: not full; asserted.
    std::uint64_t push(Nanos intended, Nanos sent);

    /// Takes the oldest out; nothing when none waits.
    std::optional<Times> finish_oldest() noexcept;
    /// Takes request `number` out; nothing when it is over already or never was.
    std::optional<Times> finish(std::uint64_t number) noexcept;
    /// Gives up the oldest if it was sent before `limit`; true when it was.
    bool drop_sent_before(Nanos limit) noexcept;

    /// The oldest request that is not over, or the one to come when none waits.
    [[nodiscard]] std::uint64_t oldest() const noexcept { return first_; }

    /// Requests that wait.
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
    [[nodiscard]] bool full() const noexcept { return next_ - first_ == requests_max; }
    /// When the oldest was sent; nothing when none waits.
    [[nodiscard]] std::optional<Nanos> oldest_sent() const noexcept;

private:
    struct Slot {
        Times times{};
        bool over = true;
    };

    [[nodiscard]] Slot& at(std::uint64_t number) noexcept { return ring_[number & (ring_.size() - 1)]; }
    [[nodiscard]] const Slot& at(std::uint64_t number) const noexcept { return ring_[number & (ring_.size() - 1)]; }
    Times take(std::uint64_t number) noexcept;
    void grow();

    std::vector<Slot> ring_ = std::vector<Slot>(16);
    std::uint64_t first_ = 0;  // the oldest that is not over, or next_
    std::uint64_t next_ = 0;
    std::size_t waiting_ = 0;
};

}  // namespace skerry::loadgen
