#include <skerry/stack/reassembly.hpp>

#include <skerry/stack/ip_marks.hpp>
#include <skerry/stack/long_frame.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

namespace skerry::stack {

namespace {

// The pieces that RFC 1858 section 4.2 warns of: the first holds less than the ports and flags of TCP, or the second
// begins inside them.
constexpr std::uint32_t first_piece_bytes_min = 16;

/// Writes the ECN bits of a header, of whichever family.
void set_ecn(std::byte* header, std::size_t header_bytes, std::uint8_t ecn, bool is_v6) noexcept {
    const std::uint8_t shift = is_v6 ? 4 : 0;  // of the octet behind the first, which has a part of the flow label
    const std::uint32_t others = wire::load_8(header + 1) & ~(std::uint32_t{wire::ecn::mask} << shift);
    header[1] = static_cast<std::byte>(others | std::uint32_t{ecn} << shift);
    if (is_v6) return;
    wire::store_checksum(header + 10, 0);
    wire::store_checksum(header + 10, wire::fold(wire::sum({header, header_bytes})));
}

/// The ECN bits of the whole: the first piece's, but a mark on any is one on the whole. Nothing where one is marked and
/// another cannot be: they contradict each other. RFC 3168 section 5.3.
template <class Pieces>
std::optional<std::uint8_t> ecn_of(const Pieces& pieces) noexcept {
    const auto of = [](const auto& piece) { return static_cast<std::uint8_t>(piece.header.tos & wire::ecn::mask); };
    const auto has = [&](std::uint8_t ecn) {
        return std::any_of(pieces.begin(), pieces.end(), [&](const auto& piece) { return of(piece) == ecn; });
    };
    if (!has(wire::ecn::experienced)) return of(pieces.front());
    if (has(wire::ecn::not_ect)) return {};
    return wire::ecn::experienced;
}

Drop of_v6(Drop why) noexcept {
    switch (why) {
        case Drop::ipv4_fragment_tiny: return Drop::ipv6_fragment_tiny;
        case Drop::ipv4_fragment_copy: return Drop::ipv6_fragment_copy;
        case Drop::ipv4_fragment_overlap: return Drop::ipv6_fragment_overlap;
        case Drop::ipv4_fragment_end: return Drop::ipv6_fragment_end;
        case Drop::ipv4_reassembly_full: return Drop::ipv6_reassembly_full;
        case Drop::ipv4_reassembly_timeout: return Drop::ipv6_reassembly_timeout;
        default: return why;
    }
}

}  // namespace

void Reassembly::count(const Key& key, Drop why) noexcept {
    drops_.count(is_host_number(key.source) ? of_v6(why) : why);
}

// Keyed: with keys that collide a stranger would make each piece search through limits_.datagrams_max entries.
std::size_t Reassembly::HashOfKey::operator()(const Key& key) const noexcept {
    const std::uint64_t addresses = std::uint64_t{key.source.bits} << 32U | key.destination.bits;
    return siphash_12(secret, addresses ^ std::uint64_t{key.protocol} << 24U, key.id);
}

Reassembly::~Reassembly() {
    while (!partials_.empty()) forget(partials_.front(), Drop::ipv4_reassembly_timeout);
    while (Frame* const piece = expired_.pop()) piece->drop();
}

Frame* Reassembly::add(Frame& piece, wire::Ipv4Header& header, std::uint32_t id, time::Instant now) noexcept try {
    const Key key{header.source, header.destination, id, header.protocol};
    if (header.protocol == wire::ip_protocol::tcp && header.fragment_offset_bytes < first_piece_bytes_min &&
        (header.fragment_offset_bytes != 0 || header.payload_bytes() < first_piece_bytes_min)) {
        count(key, Drop::ipv4_fragment_tiny);
        piece.drop();
        return nullptr;
    }
    Partial* const partial = find_or_make(key, now);
    const Drop why = insert(*partial, {&piece, header});
    if (why == Drop::none) {
        const bool complete = partial->payload_bytes != 0 && partial->got_bytes == partial->payload_bytes;
        return complete ? finish(*partial, header) : nullptr;
    }
    count(key, why);
    piece.drop();
    // A copy changes nothing; whatever else is wrong with one piece is wrong with the datagram.
    if (why == Drop::ipv4_fragment_copy) return nullptr;
    if (why == Drop::ipv4_fragment_overlap && is_host_number(key.source)) {
        drop_pieces(*partial, why);
        partial->is_spoiled = true;
    } else {
        forget(*partial, why);
    }
    return nullptr;
} catch (const std::bad_alloc&) {
    drops_.count(Drop::ipv4_reassembly_full);
    piece.drop();
    return nullptr;
}

Reassembly::Partial* Reassembly::find_or_make(const Key& key, time::Instant now) {
    if (const auto found = by_key_.find(key); found != by_key_.end()) return &*found->second;
    const Key held = hold(key);  // before others let go of what it names
    while (!partials_.empty() && (partials_.size() >= limits_.datagrams_max || bytes_ >= limits_.bytes_max))
        forget(partials_.front(), Drop::ipv4_reassembly_full);
    Partial& partial = enter(held);
    partial.table = this;
    partial.key = held;
    partial.on_time = &on_time;
    timers_.set(partial, now + (is_host_number(held.source) ? limits_.timeout6 : limits_.timeout));
    return &partial;
}

// The destination too: a group's number passes, and the next piece would come to another.
Reassembly::Key Reassembly::hold(const Key& key) {
    const auto source = hosts_.hold(key.source);
    if (!source) throw std::bad_alloc();
    const auto destination = hosts_.hold(key.destination);
    if (!destination) {
        hosts_.release(*source);
        throw std::bad_alloc();
    }
    return {*source, *destination, key.id, key.protocol};
}

void Reassembly::release(const Key& held) noexcept {
    hosts_.release(held.source);
    hosts_.release(held.destination);
}

Reassembly::Partial& Reassembly::enter(const Key& held) try {
    partials_.emplace_back();
    try {
        by_key_.emplace(held, std::prev(partials_.end()));
    } catch (...) {
        partials_.pop_back();
        throw;
    }
    return partials_.back();
} catch (...) {
    release(held);
    throw;
}

Drop Reassembly::insert(Partial& partial, const Piece& piece) {
    if (partial.is_spoiled) return Drop::ipv4_fragment_overlap;
    if (partial.pieces.size() >= limits_.pieces_max) return Drop::ipv4_reassembly_full;
    const auto at = std::lower_bound(partial.pieces.begin(), partial.pieces.end(), piece,
                                     [](const Piece& a, const Piece& b) { return a.begin() < b.begin(); });
    if (at != partial.pieces.end() && at->begin() == piece.begin() && at->end() == piece.end())
        return Drop::ipv4_fragment_copy;
    if (at != partial.pieces.end() && piece.end() > at->begin()) return Drop::ipv4_fragment_overlap;
    if (at != partial.pieces.begin() && std::prev(at)->end() > piece.begin()) return Drop::ipv4_fragment_overlap;
    const bool is_last = !piece.header.more_fragments;
    if (partial.payload_bytes != 0 && (is_last || piece.end() > partial.payload_bytes))
        return Drop::ipv4_fragment_overlap;
    if (is_last && !partial.pieces.empty() && partial.pieces.back().end() > piece.end())
        return Drop::ipv4_fragment_overlap;
    if (!make_room(partial, piece.frame->capacity)) return Drop::ipv4_reassembly_full;
    partial.pieces.insert(at, piece);
    if (is_last) partial.payload_bytes = piece.end();
    partial.got_bytes += piece.header.payload_bytes();
    partial.held_bytes += piece.frame->capacity;
    bytes_ += piece.frame->capacity;
    return Drop::none;
}

// For each piece, and not only for a datagram's first: a thousand that grow slowly would hold the whole pool.
bool Reassembly::make_room(const Partial& partial, std::size_t bytes) noexcept {
    while (bytes_ + bytes > limits_.bytes_max && &partials_.front() != &partial)
        forget(partials_.front(), Drop::ipv4_reassembly_full);
    return bytes_ + bytes <= limits_.bytes_max;
}

Frame* Reassembly::finish(Partial& partial, wire::Ipv4Header& header) noexcept {
    const Piece& first = partial.pieces.front();
    // Each piece was measured with its own header, and the first one's, which the whole gets, may be the longest.
    if (first.header.header_bytes + partial.payload_bytes > wire::ipv4_datagram_bytes_max) {
        forget(partial, Drop::ipv4_fragment_end);
        return nullptr;
    }
    const auto ecn = ecn_of(partial.pieces);
    if (!ecn) {
        forget(partial, Drop::ipv4_fragment_overlap);
        return nullptr;
    }
    header = first.header;
    const bool may_make = bytes_in_long_frames() < limits_.heap_bytes_max;
    Frame* const whole = may_make ? make_long_frame(partial.payload_bytes) : nullptr;
    if (whole == nullptr) {
        forget(partial, Drop::ipv4_reassembly_full);
        return nullptr;
    }
    std::memcpy(whole->data - header.header_bytes, first.frame->data - header.header_bytes, header.header_bytes);
    if (*ecn != (header.tos & wire::ecn::mask)) {
        set_ecn(whole->data - header.header_bytes, header.header_bytes, *ecn, is_host_number(header.source));
        header.tos = static_cast<std::uint8_t>((header.tos & ~wire::ecn::mask) | *ecn);
    }
    for (const Piece& piece : partial.pieces)
        std::memcpy(whole->data + piece.begin(), piece.frame->data, piece.header.payload_bytes());
    whole->set_arrival(*first.frame);
    header.more_fragments = false;
    header.total_bytes = static_cast<std::uint16_t>(header.header_bytes + partial.payload_bytes);
    forget(partial, Drop::none);
    return whole;
}

void Reassembly::drop_pieces(Partial& partial, Drop why) noexcept {
    for (const Piece& piece : partial.pieces) {
        if (why != Drop::none) count(partial.key, why);
        piece.frame->drop();
    }
    bytes_ -= partial.held_bytes;
    partial.held_bytes = 0;
    partial.pieces.clear();
}

void Reassembly::forget(Partial& partial, Drop why) noexcept {
    drop_pieces(partial, why);
    release(partial.key);
    Timers::cancel(partial);
    const auto found = by_key_.find(partial.key);
    const Partials::iterator at = found->second;
    by_key_.erase(found);
    partials_.erase(at);
}

void Reassembly::on_time(Timer& timer, time::Instant) noexcept {
    auto& partial = static_cast<Partial&>(timer);
    partial.table->expire(partial);
}

void Reassembly::expire(Partial& partial) noexcept {
    const bool has_first = !partial.pieces.empty() && partial.pieces.front().begin() == 0;
    if (has_first) {
        Piece& first = partial.pieces.front();
        ++first.frame->handles;
        first.frame->untrim_front(first.header.header_bytes);
        expired_.push(*first.frame);
    }
    forget(partial, Drop::ipv4_reassembly_timeout);
}

}  // namespace skerry::stack
