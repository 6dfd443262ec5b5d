#include <skerry/stack/tcp/syn_cookie.hpp>

#include <skerry/stack/random.hpp>
#include <skerry/stack/sequence.hpp>

#include <algorithm>

namespace skerry::stack::tcp {

namespace {

// Of the number.
constexpr std::uint32_t mss_mask = 7;
constexpr std::uint32_t low_mask = 0xff'ffff;
// Of the timestamp.
constexpr std::uint32_t option_mask = 63;
constexpr std::uint32_t no_scale = 15;
constexpr std::uint32_t sack_bit = 16;
constexpr std::uint32_t ecn_bit = 32;
constexpr std::uint32_t no_timestamps = 64;  // in the hash alone

std::uint32_t index_of(std::uint16_t mss) noexcept {
    const auto& table = CookieMint::mss_table;
    const auto above = std::upper_bound(table.begin() + 1, table.end(), mss);
    return static_cast<std::uint32_t>(above - table.begin() - 1);
}

std::uint32_t options_of(const CookieTerms& terms) noexcept {
    if (!terms.has_timestamps) return no_timestamps;
    return (terms.has_scale ? terms.peer_scale : no_scale) | (terms.has_sack ? sack_bit : 0) |
           (terms.has_ecn ? ecn_bit : 0);
}

CookieTerms terms_of(std::uint32_t mss_index, std::uint32_t options) noexcept {
    CookieTerms terms;
    terms.peer_mss = CookieMint::mss_table[mss_index];
    terms.has_timestamps = options != no_timestamps;
    terms.has_scale = terms.has_timestamps && (options & 15U) != no_scale;
    terms.peer_scale = terms.has_scale ? static_cast<std::uint8_t>(options & 15U) : std::uint8_t{0};
    terms.has_sack = (options & sack_bit) != 0;
    terms.has_ecn = (options & ecn_bit) != 0;
    return terms;
}

}  // namespace

CookieMint::CookieMint(std::uint64_t seed) noexcept : key_(key_for(seed, SecretUse::syn_cookies)) {}

// `isn_hash` stands for the addresses: two that have the same one are met once in 2^64, and nobody sees more than half
// of it.
std::uint32_t CookieMint::low_bits(std::uint64_t isn_hash, std::uint32_t irs, std::int64_t period,
                                   std::uint32_t mss_index, std::uint32_t options) const noexcept {
    const std::uint64_t said = static_cast<std::uint64_t>(period) << 10U | options << 3U | mss_index;
    const auto hash = static_cast<std::uint32_t>(siphash_12(key_, isn_hash ^ said, irs));
    return (hash & low_mask & ~mss_mask) | mss_index;
}

std::uint32_t CookieMint::make(std::uint64_t isn_hash, std::uint32_t irs, const CookieTerms& terms,
                               time::Instant now) const noexcept {
    const std::int64_t in = period(now);
    const std::uint32_t low = low_bits(isn_hash, irs, in, index_of(terms.peer_mss), options_of(terms));
    return static_cast<std::uint32_t>(isn_hash) + (static_cast<std::uint32_t>(in) << 24U | low);
}

std::uint32_t CookieMint::timestamp(std::uint32_t clock, const CookieTerms& terms) noexcept {
    const std::uint32_t value = (clock & ~option_mask) | options_of(terms);
    return seq_after(value, clock) ? value - (option_mask + 1) : value;
}

std::optional<CookieTerms> CookieMint::read(std::uint32_t cookie, std::uint64_t isn_hash, std::uint32_t irs,
                                            std::optional<std::uint32_t> echo, std::int64_t last_sent,
                                            time::Instant now) const noexcept {
    const std::uint32_t said = cookie - static_cast<std::uint32_t>(isn_hash);
    const std::uint32_t age = (static_cast<std::uint32_t>(period(now)) - (said >> 24U)) & 0xffU;
    const std::int64_t in = period(now) - age;
    if (age > 1 || in > last_sent) return {};
    const std::uint32_t options = echo ? *echo & option_mask : no_timestamps;
    const std::uint32_t mss_index = said & mss_mask;
    if ((said & low_mask) != low_bits(isn_hash, irs, in, mss_index, options)) return {};
    return terms_of(mss_index, options);
}

}  // namespace skerry::stack::tcp
