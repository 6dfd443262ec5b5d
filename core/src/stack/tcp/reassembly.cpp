#include <skerry/stack/tcp/reassembly.hpp>

#include <skerry/stack/sequence.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace skerry::stack::tcp {

namespace {

void drop_all(Frame* first) noexcept {
    while (first != nullptr) std::exchange(first, first->next)->drop();
}

}  // namespace

std::size_t Reassembly::Store::first_that_ends_at_or_behind(std::uint32_t seq) const noexcept {
    const auto at = std::partition_point(blocks.begin(), blocks.end(),
                                         [seq](const Block& block) { return seq_before(block.end(), seq); });
    return static_cast<std::size_t>(at - blocks.begin());
}

// The blocks from `from` on that end at `end` or before it.
void Reassembly::Store::drop_covered(std::size_t from, std::uint32_t end) noexcept {
    std::size_t last = from;
    for (; last < blocks.size() && seq_at_or_before(blocks[last].end(), end); ++last) {
        for (const Frame* frame = blocks[last].first; frame != nullptr; frame = frame->next) --frames;
        drop_all(blocks[last].first);
    }
    const auto at = [this](std::size_t index) { return blocks.begin() + static_cast<std::ptrdiff_t>(index); };
    blocks.erase(at(from), at(last));
}

// The walk to the frame before it is at most as long as the limit, and is needed at the limit only.
void Reassembly::Store::drop_farthest() noexcept {
    Block& block = blocks.back();
    --frames;
    if (block.first == block.last) {
        block.last->drop();
        blocks.pop_back();
        return;
    }
    Frame* before = block.first;
    while (before->next != block.last) before = before->next;
    block.bytes -= block.last->length;
    block.last->drop();
    block.last = before;
    before->next = nullptr;
}

// What grows last is told of first; of each block once.
void Reassembly::Store::note(const Block& grown, std::uint32_t seq) noexcept {
    std::array<std::uint32_t, wire::sack_blocks_max> now{seq};
    std::size_t count = 1;
    for (std::size_t i = 0; i < latest_count && count < now.size(); ++i)
        if (!grown.holds(latest[i])) now[count++] = latest[i];
    latest = now;
    latest_count = count;
}

// Between the blocks in front of `at` and from there on, neither of which it overlaps.
void Reassembly::Store::join(std::size_t at, std::uint32_t seq, Frame& payload) {
    const std::uint32_t end = seq + payload.length;
    const bool joins_front = at != 0 && blocks[at - 1].end() == seq;
    const bool joins_back = at < blocks.size() && blocks[at].seq == end;
    payload.next = nullptr;
    if (joins_front) {
        Block& front = blocks[at - 1];
        front.last = front.last->next = &payload;
        front.bytes += payload.length;
        if (joins_back) {
            payload.next = blocks[at].first;
            front.last = blocks[at].last;
            front.bytes += blocks[at].bytes;
            blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(at));
        }
        --at;
    } else if (joins_back) {
        payload.next = std::exchange(blocks[at].first, &payload);
        blocks[at].seq = seq;
        blocks[at].bytes += payload.length;
    } else {
        blocks.insert(blocks.begin() + static_cast<std::ptrdiff_t>(at), Block{seq, payload.length, &payload, &payload});
    }
    ++frames;
    note(blocks[at], seq);
}

Reassembly::Outcome Reassembly::insert(std::uint32_t seq, Frame& payload, std::size_t limit,
                                       std::uint32_t& dropped) noexcept try {
    if (store_ == nullptr) store_ = std::make_unique<Store>();
    Store& store = *store_;
    std::size_t at = store.first_that_ends_at_or_behind(seq);
    if (at < store.blocks.size() && seq_at_or_before(store.blocks[at].seq, seq)) {
        const std::uint32_t known = store.blocks[at].end() - seq;
        if (known >= payload.length) {
            store.note(store.blocks[at], seq);
            return Outcome::known;
        }
        payload.trim_front(known);
        seq += known;
        ++at;
    }
    // What it covers whole goes for it; what it runs into keeps its beginning.
    const std::uint32_t end = seq + payload.length;
    store.drop_covered(at, end);
    if (at < store.blocks.size() && seq_before(store.blocks[at].seq, end))
        payload.length = static_cast<std::uint16_t>(store.blocks[at].seq - seq);
    if (store.frames >= limit) {
        if (at == store.blocks.size()) {
            free_if_empty();
            return Outcome::full;
        }
        store.drop_farthest();
        ++dropped;
    }
    store.join(at, seq, payload);
    return Outcome::kept;
} catch (const std::bad_alloc&) {
    free_if_empty();
    return Outcome::full;
}

wire::SackBlock Reassembly::known(std::uint32_t seq, std::uint32_t end) const noexcept {
    if (store_ == nullptr) return {end, end};
    const std::size_t at = store_->first_that_ends_at_or_behind(seq + 1);
    if (at == store_->blocks.size() || seq_at_or_after(store_->blocks[at].seq, end)) return {end, end};
    return {seq_max(store_->blocks[at].seq, seq), seq_min(store_->blocks[at].end(), end)};
}

Frame* Reassembly::Store::pop_front() noexcept {
    Block& block = blocks.front();
    Frame* const frame = std::exchange(block.first, block.first->next);
    frame->next = nullptr;
    block.seq += frame->length;
    block.bytes -= frame->length;
    --frames;
    if (block.first == nullptr) blocks.erase(blocks.begin());
    return frame;
}

Frame* Reassembly::take(std::uint32_t next) noexcept {
    Frame* found = nullptr;
    while (store_ != nullptr && found == nullptr && seq_at_or_before(store_->blocks.front().seq, next)) {
        const std::uint32_t known = next - store_->blocks.front().seq;
        Frame* const first = store_->pop_front();
        if (known < first->length) {
            first->trim_front(known);
            found = first;
        } else {
            first->drop();
        }
        free_if_empty();
    }
    return found;
}

void Reassembly::free_if_empty() noexcept {
    if (store_ != nullptr && store_->blocks.empty()) store_.reset();
}

void Reassembly::clear() noexcept {
    if (store_ == nullptr) return;
    for (const Block& block : store_->blocks) drop_all(block.first);
    store_.reset();
}

std::size_t Reassembly::tell(std::span<wire::SackBlock> out) const noexcept {
    if (store_ == nullptr) return 0;
    std::size_t count = 0;
    const auto add = [&](const Block& block) {
        const wire::SackBlock told{block.seq, block.end()};
        if (count < out.size() && std::find(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count), told) ==
                                      out.begin() + static_cast<std::ptrdiff_t>(count))
            out[count++] = told;
    };
    for (std::size_t i = 0; i < store_->latest_count; ++i) {
        const std::size_t at = store_->first_that_ends_at_or_behind(store_->latest[i] + 1);
        if (at < store_->blocks.size() && store_->blocks[at].holds(store_->latest[i])) add(store_->blocks[at]);
    }
    for (std::size_t i = 0; i < store_->blocks.size() && count < out.size(); ++i) add(store_->blocks[i]);
    return count;
}

}  // namespace skerry::stack::tcp
