#pragma once

// Which core has a connection. Every connection is here, those that are half open and those in TIME-WAIT too, so that a
// segment finds its core by whatever queue it comes, whoever listens on the port by now. A core looks here when a
// segment is for none of its own connections, so a segment that comes by the right queue costs nothing.
//
// A connection is one word, 48 bits of a keyed hash and the core, in one of the two buckets of eight that the hash
// names: an insertion is one compare-and-swap, an erasure one store, a look-up two cache lines. There are no
// tombstones, because a search does not go on behind its buckets. A large table is two thirds full and more when both
// buckets of a connection are full for the first time, so it has half as many words again as it has to hold.
//
// Rejected: remembering only those that a rule does not find (who listens may change, and every core would have to look
// through its connections then); asking core after core (a flood of segments for no connection would visit all).

#include "core_set.hpp"

#include "../siphash.hpp"
#include "../tcp/tuple.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace skerry::stack {

/// A connection by numbers that mean the same to every core.
struct FlowKey {
    std::uint64_t hosts = 0;
    std::uint32_t ports = 0;

    /// One of IPv4.
    explicit constexpr FlowKey(const tcp::Tuple& tuple) noexcept
        : FlowKey(tuple, std::uint64_t{tuple.remote.bits} << 32U) {}
    /// One of IPv6, whose peer's number is its core's own: `remote` is Hosts::identity() of it. Ours have the same
    /// numbers everywhere.
    constexpr FlowKey(const tcp::Tuple& tuple, std::uint64_t remote) noexcept
        : hosts(remote ^ tuple.local.bits), ports(tuple.local_port | std::uint32_t{tuple.remote_port} << 16U) {}
};

/// Threads: any.
class FlowOwners {
public:
    static constexpr std::uint16_t nobody = 0xffff;

    /// Room for about `flows_max` and more, 12 to 24 bytes each, of which touched pages exist.
    FlowOwners(std::size_t flows_max, const SipKey& key);
    FlowOwners(const FlowOwners&) = delete;
    FlowOwners& operator=(const FlowOwners&) = delete;

    /// False when both buckets are full. The flow is in nobody's.
    [[nodiscard]] bool insert(const FlowKey& flow, std::uint16_t core) noexcept;
    /// It is there, and that core's.
    void erase(const FlowKey& flow, std::uint16_t core) noexcept;
    /// The core, or nobody.
    [[nodiscard]] std::uint16_t find(const FlowKey& flow) const noexcept;

private:
    static constexpr std::size_t bucket_words = 8;
    static constexpr std::uint64_t core_mask = 0xffff;

    struct Free {
        void operator()(std::uint64_t* words) const noexcept;
    };
    struct Place {
        std::uint64_t* first = nullptr;
        std::uint64_t* second = nullptr;
        std::uint64_t print = 0;  // the word without the core
    };
    [[nodiscard]] Place place_of(const FlowKey& flow) const noexcept;

    SipKey key_;
    std::size_t mask_;  // of buckets
    std::unique_ptr<std::uint64_t[], Free> memory_;
    std::uint64_t* words_;
};

}  // namespace skerry::stack
