#include <skerry/stack/tcp/reassembly.hpp>

#include <skerry/stack/sequence.hpp>

#include <algorithm>
#include <new>

namespace skerry::stack::tcp {

Reassembly::Outcome Reassembly::insert(std::uint32_t seq, Frame& payload, std::size_t limit,
                                       std::uint32_t& dropped) noexcept try {
    // The first piece that ends behind the beginning of this one.
    auto at =
        std::find_if(pieces_.begin(), pieces_.end(), [seq](const Piece& piece) { return seq_after(piece.end(), seq); });
    if (at != pieces_.end() && seq_at_or_before(at->seq, seq)) {
        const std::uint32_t known = at->end() - seq;
        if (known >= payload.length) return Outcome::known;
        payload.trim_front(known);
        seq += known;
        ++at;
    }
    // What it covers whole goes for it; what it runs into keeps its beginning.
    const std::uint32_t end = seq + payload.length;
    auto last = at;
    while (last != pieces_.end() && seq_at_or_before(last->end(), end)) {
        last->frame->drop();
        ++last;
    }
    at = pieces_.erase(at, last);
    if (at != pieces_.end() && seq_before(at->seq, end)) payload.length = static_cast<std::uint16_t>(at->seq - seq);
    if (payload.length == 0) return Outcome::known;
    if (pieces_.size() >= limit) {
        if (at == pieces_.end()) return Outcome::full;
        pieces_.back().frame->drop();
        pieces_.pop_back();
        ++dropped;
    }
    pieces_.insert(at, Piece{seq, payload.length, &payload});
    return Outcome::kept;
} catch (const std::bad_alloc&) {
    return Outcome::full;
}

Frame* Reassembly::take(std::uint32_t next) noexcept {
    while (!pieces_.empty() && seq_at_or_before(pieces_.front().seq, next)) {
        const Piece first = pieces_.front();
        pieces_.erase(pieces_.begin());
        const std::uint32_t known = next - first.seq;
        if (known < first.bytes) {
            first.frame->trim_front(known);
            return first.frame;
        }
        first.frame->drop();
    }
    if (pieces_.empty() && pieces_.capacity() != 0) std::vector<Piece>().swap(pieces_);
    return nullptr;
}

void Reassembly::clear() noexcept {
    for (const Piece& piece : pieces_) piece.frame->drop();
    std::vector<Piece>().swap(pieces_);
}

}  // namespace skerry::stack::tcp
