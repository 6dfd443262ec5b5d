#pragma once

// SYN cookies: a handshake that nobody keeps. What a kept one would remember goes out in the SYN-ACK and comes back
// with the final acknowledgement, under a keyed hash, so that who never saw the SYN-ACK cannot make one up.
//
//   sequence number   the one of RFC 6528 rounded down to its period, and in the 24 bits below 21 of the hash and 3 of
//                     the MSS
//   timestamp         the clock with its low six bits replaced: 4 the peer's scale (15: none), 1 SACK, 1 ECN, as
//                     Linux's. It is never newer than the clock, so what is sent later is newer
//
// The hash is over the addresses, the peer's first number, the period and all that is agreed on, so that neither can be
// changed on the way. A period is 2^24 units of 4 us, 67.1 s; the cookies of this one and of the one before it are
// good. The period is hashed whole: when its eight bits in the number come round, after 4.8 hours, an old cookie is no
// good. A blind acknowledgement meets one of 16 good numbers in 2^32: at a million a second once in 270 s, and only
// while cookies are sent.
//
// What is lost against a kept handshake: the MSS is rounded down to one of eight; without timestamps there is no
// scaling, no SACK and no ECN; with them the timestamp is up to 63 ms old; the first round trip is not measured; the
// SYN-ACK is not sent again, the peer's SYN comes again instead; when the final acknowledgement and the first data are
// lost both, what comes then is reset; a scale that the listener is set to meanwhile counts, though the peer heard of
// another; an acknowledgement that somebody has recorded opens a connection again until it is stale.
//
// Budget: a SYN answered by cookie takes no longer than one that is kept, and 400 ns at most, with software checksums,
// of which the cookie's three short hashes are 100; beside the frames, which come round, one cache line that is not
// warm: the slot of the flow table in which nobody is found. Nothing is allocated. bench/stack_syn_flood measures it.
//
// Rejected: Linux's number, which adds the peer's to it (the same peer's next connection would not begin above this
// one); two bits of MSS, of which the smallest is 536 (more would be sent than a peer with less can take, RFC 9293
// MUST-16).
//
// Source: RFC 4987 section 3.6; Bernstein, "SYN cookies", 1996; Linux's net/ipv4/syncookies.c.

#include "half_open.hpp"

#include "../siphash.hpp"
#include "../../time/instant.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace skerry::stack::tcp {

/// How often since the stack began.
struct CookieCounts {
    std::uint64_t sent = 0;
    std::uint64_t accepted = 0;  ///< made a connection
    std::uint64_t refused = 0;  ///< while good ones may be under way: forged, stale, or of something else
};

/// What both ends agreed on, as far as a cookie says it.
struct CookieTerms {
    std::uint16_t peer_mss = 0;
    std::uint8_t peer_scale = 0;
    bool has_timestamps = false;
    bool has_scale = false;
    bool has_sack = false;
    bool has_ecn = false;

    friend constexpr bool operator==(const CookieTerms&, const CookieTerms&) noexcept = default;
};

/// Makes cookies, and knows its own.
///
/// Threads: none of its own; all cores of an address make the same ones.
class CookieMint {
public:
    /// No cookie was sent yet.
    static constexpr std::int64_t no_period = -2;
    /// What a peer's MSS is rounded down to. Less than the first is taken for it anyway (peer_mss_min); 1,440 and 1,460
    /// are Ethernet's of both families, 1,220 the least of IPv6, 1,360 and 1,400 those of tunnels, 8,940 of long
    /// frames.
    static constexpr std::array<std::uint16_t, 8> mss_table{48, 536, 1220, 1360, 1400, 1440, 1460, 8940};

    explicit CookieMint(std::uint64_t seed) noexcept;

    [[nodiscard]] static std::int64_t period(time::Instant now) noexcept { return now.as_nanos() / period_ns; }
    /// Whether a cookie of `sent` may still be good.
    [[nodiscard]] static bool is_recent(std::int64_t sent, time::Instant now) noexcept {
        return period(now) - sent <= 1;
    }

    /// The first number of a SYN-ACK. `isn_hash` is what RFC 6528 derives from the addresses, `irs` the SYN's number.
    [[nodiscard]] std::uint32_t make(std::uint64_t isn_hash, std::uint32_t irs, const CookieTerms& terms,
                                     time::Instant now) const noexcept;
    /// Its timestamp, before the connection's offset is added.
    [[nodiscard]] static std::uint32_t timestamp(std::uint32_t clock, const CookieTerms& terms) noexcept;

    /// What an acknowledgement's number and the timestamp that it echoes, without the offset, say. Nothing when the
    /// cookie is not ours, stale, or newer than `last_sent`, the period of the newest.
    [[nodiscard]] std::optional<CookieTerms> read(std::uint32_t cookie, std::uint64_t isn_hash, std::uint32_t irs,
                                                  std::optional<std::uint32_t> echo, std::int64_t last_sent,
                                                  time::Instant now) const noexcept;

private:
    static constexpr std::int64_t period_ns = std::int64_t{4000} << 24U;

    [[nodiscard]] std::uint32_t low_bits(std::uint64_t isn_hash, std::uint32_t irs, std::int64_t period,
                                         std::uint32_t mss_index, std::uint32_t options) const noexcept;

    SipKey key_;
};

}  // namespace skerry::stack::tcp
