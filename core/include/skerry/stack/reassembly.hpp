#pragma once

// Datagrams that come in pieces, of both families: a piece of IPv6 is told in IPv4's terms (packet.hpp). A datagram
// whose pieces overlap is dropped whole: no sound sender makes one, and which bytes win is how filters are passed by
// (RFC 5722 says so for IPv6; here it holds for IPv4 too). Identical copies of a piece are no overlap. Of IPv6 what
// comes later of it goes as well, as long as it would have been waited for; IPv4's numbers are too few for that.
//
// Limits, each with its reason in drop.hpp: datagrams, bytes, and pieces of one datagram; at the limit the oldest
// datagram goes, so that a flood of first fragments cannot keep sound ones out for longer than it lasts. What is not
// complete after 30 s, of IPv6 60 s, goes too. The whole ones are the heap's and not the pool's, so they have a limit
// of their own.
//
// Source: RFC 791 section 3.2, RFC 815, RFC 8200 section 4.5; RFC 1858 for the first piece.

#include "config.hpp"
#include "drop.hpp"
#include "frame_queue.hpp"
#include "hosts.hpp"
#include "random.hpp"
#include "siphash.hpp"
#include "timers.hpp"
#include "wire/ipv4.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

namespace skerry::stack {

/// Threads: one core.
class Reassembly {
public:
    Reassembly(const StackConfig& config, Hosts& hosts, Timers& timers, DropCounters& drops) noexcept
        : limits_(config.reassembly),
          hosts_(hosts),
          timers_(timers),
          drops_(drops),
          by_key_(0, HashOfKey{key_for(config.seed, SecretUse::reassembly)}) {}
    ~Reassembly();
    Reassembly(const Reassembly&) = delete;
    Reassembly& operator=(const Reassembly&) = delete;

    /// Takes a piece over, which begins behind its network headers. The whole datagram, when this was the last missing
    /// one: a frame of the heap that begins behind the headers of the first piece, and `header` describes it. Else
    /// null.
    [[nodiscard]] Frame* add(Frame& piece, wire::Ipv4Header& header, std::uint32_t id, time::Instant now) noexcept;
    [[nodiscard]] Frame* add(Frame& piece, wire::Ipv4Header& header, time::Instant now) noexcept {
        return add(piece, header, header.id, now);
    }

    /// First pieces, IP header in front, of datagrams whose rest did not come in time. Whoever takes them tells their
    /// senders. RFC 1122 section 3.3.2, RFC 8200 section 4.5.
    [[nodiscard]] FrameQueue& expired() noexcept { return expired_; }

    [[nodiscard]] std::size_t datagrams() const noexcept { return by_key_.size(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    struct Key {
        wire::Ipv4Addr source;
        wire::Ipv4Addr destination;
        std::uint32_t id = 0;
        std::uint8_t protocol = 0;
        friend bool operator==(const Key&, const Key&) noexcept = default;
    };
    struct HashOfKey {
        SipKey secret;
        std::size_t operator()(const Key& key) const noexcept;
    };
    struct Piece {
        Frame* frame = nullptr;
        wire::Ipv4Header header;

        [[nodiscard]] std::uint32_t begin() const noexcept { return header.fragment_offset_bytes; }
        [[nodiscard]] std::uint32_t end() const noexcept { return begin() + header.payload_bytes(); }
    };
    struct Partial : Timer {
        Reassembly* table = nullptr;
        Key key;
        std::vector<Piece> pieces;  // by offset
        std::uint32_t payload_bytes = 0;  // of the whole; 0: the last piece has not come
        std::uint32_t got_bytes = 0;
        std::size_t held_bytes = 0;  // of memory
        bool is_spoiled = false;  // it has no pieces, and none is taken
    };
    using Partials = std::list<Partial>;  // the oldest first

    [[nodiscard]] Partial* find_or_make(const Key& key, time::Instant now);
    [[nodiscard]] Key hold(const Key& key);
    void release(const Key& held) noexcept;
    [[nodiscard]] Partial& enter(const Key& held);
    [[nodiscard]] Drop insert(Partial& partial, const Piece& piece);
    [[nodiscard]] bool make_room(const Partial& partial, std::size_t bytes) noexcept;
    [[nodiscard]] Frame* finish(Partial& partial, wire::Ipv4Header& header) noexcept;
    void forget(Partial& partial, Drop why) noexcept;
    void drop_pieces(Partial& partial, Drop why) noexcept;
    void count(const Key& key, Drop why) noexcept;
    void expire(Partial& partial) noexcept;
    static void on_time(Timer& timer, time::Instant now) noexcept;

    const ReassemblyLimits& limits_;
    Hosts& hosts_;
    Timers& timers_;
    DropCounters& drops_;
    Partials partials_;
    std::unordered_map<Key, Partials::iterator, HashOfKey> by_key_;
    FrameQueue expired_;
    std::size_t bytes_ = 0;
};

}  // namespace skerry::stack
