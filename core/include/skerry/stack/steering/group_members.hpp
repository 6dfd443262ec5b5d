#pragma once

// Which cores are in a multicast group, which is named by Hosts::identity(). Groups are told apart by 1,024 words that
// cores read for each datagram; two that share a word get a copy too many, which the core's own table of groups drops.

#include "core_set.hpp"

#include "../../base/spin_lock.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace skerry::stack {

/// Threads: any.
class GroupMembers {
public:
    /// False when there is no memory.
    [[nodiscard]] bool join(std::uint64_t group, std::uint16_t core) noexcept;
    /// True when no core is in it any more.
    bool leave(std::uint64_t group, std::uint16_t core) noexcept;

    /// Cores that are in the group, and perhaps some more.
    [[nodiscard]] CoreSet of(std::uint64_t group) const noexcept {
        return words_[slot(group)].load(std::memory_order_relaxed);
    }
    /// Cores that are in any group.
    [[nodiscard]] CoreSet of_any() const noexcept { return any_.load(std::memory_order_relaxed); }

private:
    static constexpr std::size_t slots = 1024;
    [[nodiscard]] static std::size_t slot(std::uint64_t group) noexcept {
        return static_cast<std::uint32_t>(group) * 0x9e37'79b1U >> 22U;  // ten bits
    }
    void publish() noexcept;

    SpinLock lock_;  // of those who write
    std::unordered_map<std::uint64_t, CoreSet> groups_;
    std::array<std::atomic<CoreSet>, slots> words_{};
    std::atomic<CoreSet> any_{0};
};

}  // namespace skerry::stack
