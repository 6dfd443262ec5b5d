#pragma once

// Which hosts cores ask for by ARP or neighbour discovery. The answer may come by any core's queue, and nobody proves
// there that he was asked: so what crosses without limit is one answer for each question, and all else that neighbours
// say has a share (RateLimit) that a flood of it may use up.
//
// A host is named by Hosts::identity(). A question that finds no place among four is not remembered: its answer crosses
// with the rest, as long as there is a share left.

#include "core_set.hpp"

#include "../../base/spin_lock.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// Threads: any.
class Questions {
public:
    /// The core asks for this host.
    void ask(std::uint64_t host, std::uint16_t core) noexcept;
    /// It does no longer.
    void forget(std::uint64_t host, std::uint16_t core) noexcept;
    /// Cores that ask for it. From now on they do not: a second answer is none.
    [[nodiscard]] CoreSet take(std::uint64_t host) noexcept;

    static constexpr std::size_t places = 4096;

private:
    static constexpr std::size_t ways = 4;

    struct Place {
        std::atomic<std::uint64_t> host{0};
        std::atomic<CoreSet> cores{0};  // none: the place is free
    };

    /// The first of the four places of this host.
    [[nodiscard]] static std::size_t first_of(std::uint64_t host) noexcept {
        return static_cast<std::size_t>(host * 0x9e37'79b9'7f4a'7c15U >> 54U) * ways;  // ten bits
    }
    /// Null when nobody asks for it.
    [[nodiscard]] Place* find(std::uint64_t host) noexcept;

    SpinLock lock_;  // of those who write
    std::array<Place, places> places_;
};

}  // namespace skerry::stack
