#pragma once

// SipHash-1-3, a keyed hash: who does not know the key can neither make keys that collide in a table nor foretell a
// number that was derived with it. For the 12 bytes of a connection's addresses it is six rounds.
//
// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; one round a word and three at the end.

#include <bit>
#include <cstdint>
#include <initializer_list>

namespace skerry::stack {

struct SipKey {
    std::uint64_t first = 0;
    std::uint64_t second = 0;

    /// One key for each use, so that what one shows to the world says nothing about another.
    [[nodiscard]] static constexpr SipKey of(std::uint64_t seed, std::uint64_t use) noexcept {
        return {mix(seed ^ mix(2 * use)), mix(seed ^ mix(2 * use + 1))};
    }

private:
    static constexpr std::uint64_t mix(std::uint64_t x) noexcept {  // splitmix64
        x += 0x9e3779b97f4a7c15U;
        x = (x ^ x >> 30U) * 0xbf58476d1ce4e5b9U;
        x = (x ^ x >> 27U) * 0x94d049bb133111ebU;
        return x ^ x >> 31U;
    }
};

/// The hash of the 12 bytes that `low` and `high` have in memory on a little-endian CPU.
[[nodiscard]] constexpr std::uint64_t siphash_12(const SipKey& key, std::uint64_t low, std::uint32_t high) noexcept {
    std::uint64_t v0 = key.first ^ 0x736f6d6570736575U;
    std::uint64_t v1 = key.second ^ 0x646f72616e646f6dU;
    std::uint64_t v2 = key.first ^ 0x6c7967656e657261U;
    std::uint64_t v3 = key.second ^ 0x7465646279746573U;
    const auto round = [&]() noexcept {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    };
    const std::uint64_t last = std::uint64_t{12} << 56U | high;
    for (const std::uint64_t word : {low, last}) {
        v3 ^= word;
        round();
        v0 ^= word;
    }
    v2 ^= 0xff;
    round();
    round();
    round();
    return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace skerry::stack
