#include <skerry/stack/steering/toeplitz.hpp>

#include <skerry/stack/random.hpp>

#include <bit>

namespace skerry::stack {

namespace {

/// The 32 bits of the key from its bit `at` on.
std::uint32_t window(const Toeplitz::Key& key, std::size_t at) noexcept {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < 5; ++i) bits = bits << 8U | key[at / 8 + i];
    return static_cast<std::uint32_t>(bits >> (8U - at % 8));
}

}  // namespace

Toeplitz::Key Toeplitz::key_of(std::uint64_t seed, RssKey kind) noexcept {
    Random random(seed, SecretUse::rss_key);
    Key key;
    if (kind == RssKey::symmetric) {
        // As polynomials the hash is the product of the flow's 16 bits and these, modulo x^16 + 1 = (x + 1)^16. What
        // has an odd number of ones is no multiple of x + 1, so that the product takes every value once.
        auto pattern = static_cast<std::uint16_t>(random.next());
        if (std::popcount(pattern) % 2 == 0) pattern ^= 1U;
        for (std::size_t i = 0; i < key.size(); ++i)
            key[i] = static_cast<std::uint8_t>(i % 2 == 0 ? pattern >> 8U : pattern);
        return key;
    }
    for (std::uint8_t& byte : key) byte = static_cast<std::uint8_t>(random.next());
    return key;
}

Toeplitz::Toeplitz(const Key& key) noexcept : key_(key) {
    for (std::size_t nibble = 0; nibble < nibbles; ++nibble)
        for (std::size_t value = 0; value < 16; ++value) {
            std::uint32_t hash = 0;
            for (std::size_t bit = 0; bit < 4; ++bit)
                if ((value >> (3 - bit) & 1U) != 0) hash ^= window(key, nibble * 4 + bit);
            table_[nibble][value] = hash;
        }
}

}  // namespace skerry::stack
