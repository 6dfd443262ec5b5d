#include <skerry/stack/tcp/scoreboard.hpp>

#include <skerry/stack/sequence.hpp>

namespace skerry::stack::tcp {

namespace {

constexpr std::uint32_t arrivals_that_tell = 3;  // RFC 6675 section 2, DupThresh

bool has(const SendSegment& segment, std::uint8_t flags) noexcept { return (segment.flags & flags) != 0; }

void set(SendSegment& segment, std::uint8_t flags) noexcept {
    segment.flags = static_cast<std::uint8_t>(segment.flags | flags);
}

void unset(SendSegment& segment, std::uint8_t flags) noexcept {
    segment.flags = static_cast<std::uint8_t>(segment.flags & ~flags);
}

}  // namespace

// --- what arrived

// Where to begin with a block: behind what the acknowledgement before told of it.
std::uint32_t Scoreboard::already_seen(const wire::SackBlock& block) const noexcept {
    for (const wire::SackBlock& before : seen_)
        if (before.left == block.left && before.left != before.right && !seq_after(before.right, block.right))
            return before.right;
    return block.left;
}

std::uint32_t Scoreboard::arrive(SendSegment& segment) noexcept {
    const std::uint32_t bytes = segment.seq_length();
    if (has(segment, sent_flag::lost)) lost_bytes_ -= bytes;
    if (has(segment, sent_flag::sent_for_loss)) again_bytes_ -= bytes;
    unset(segment, sent_flag::lost | sent_flag::sent_for_loss);
    set(segment, sent_flag::arrived);
    arrived_bytes_ += bytes;
    ++arrived_;
    if (seq_before(segment.seq, judged_)) ++arrived_in_front_;
    highest_ = seq_max(highest_, segment.end());
    return bytes;
}

std::uint32_t Scoreboard::mark_arrived(SendQueue& queue, Blocks blocks, Delivered* delivered) noexcept {
    if (queue.sent() == 0) return 0;
    const std::uint32_t oldest = queue.front().seq;
    const std::uint32_t newest = queue[queue.sent() - 1].end();
    std::array<wire::SackBlock, wire::sack_blocks_max> seen{};
    std::uint32_t fresh = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const wire::SackBlock& block = blocks[i];
        // One from before the acknowledgement tells of a duplicate (RFC 2883), any other is none of ours.
        if (!seq_before(block.left, block.right) || seq_before(block.left, oldest) || seq_after(block.right, newest))
            continue;
        const std::uint32_t from = already_seen(block);
        for (std::uint32_t at = queue.find(from); at < queue.sent(); ++at) {
            SendSegment& segment = queue[at];
            if (seq_after(segment.end(), block.right)) break;
            if (seq_before(segment.seq, block.left) || has(segment, sent_flag::arrived)) continue;
            if (delivered != nullptr) delivered->note(segment);
            fresh += arrive(segment);
        }
        seen[i] = block;
    }
    seen_ = seen;
    return fresh;
}

// --- what is lost

void Scoreboard::lose(SendSegment& segment) noexcept {
    if (has(segment, sent_flag::arrived | sent_flag::lost)) return;
    set(segment, sent_flag::lost);
    lost_bytes_ += segment.seq_length();
}

void Scoreboard::mark_lost(SendQueue& queue) noexcept {
    for (std::uint32_t at = queue.find(judged_); at < queue.sent(); ++at) {
        if (arrived_ - arrived_in_front_ < arrivals_that_tell) return;
        SendSegment& segment = queue[at];
        if (has(segment, sent_flag::arrived)) ++arrived_in_front_;
        lose(segment);
        judged_ = segment.end();
    }
}

void Scoreboard::mark_front_lost(SendQueue& queue) noexcept {
    if (queue.sent() == 0 || has(queue.front(), sent_flag::arrived | sent_flag::sent_for_loss)) return;
    lose(queue.front());
    judged_ = seq_max(judged_, queue.front().end());
}

// Everything before `end` is judged: what there has arrived stands in front.
void Scoreboard::judge_until(SendQueue& queue, std::uint32_t end) noexcept {
    for (std::uint32_t at = queue.find(judged_); at < queue.sent() && seq_before(judged_, end); ++at) {
        if (has(queue[at], sent_flag::arrived)) ++arrived_in_front_;
        judged_ = queue[at].end();
    }
}

void Scoreboard::mark_lost_again(SendQueue& queue, std::uint32_t at) noexcept {
    SendSegment& segment = queue[at];
    if (has(segment, sent_flag::sent_for_loss)) {
        again_bytes_ -= segment.seq_length();
        unset(segment, sent_flag::sent_for_loss);
    }
    lose(segment);
    judge_until(queue, segment.end());
    next_ = seq_min(next_, segment.seq);
}

void Scoreboard::mark_all_lost(SendQueue& queue, std::int64_t sent_until) noexcept {
    if (queue.sent() == 0) return;
    const bool is_forgotten = has(queue.front(), sent_flag::arrived);
    for (std::uint32_t at = 0; at < queue.sent(); ++at) {
        SendSegment& segment = queue[at];
        if (is_forgotten) unset(segment, sent_flag::arrived);
        if (at != 0 && segment.sent_ns > sent_until) continue;
        if (has(segment, sent_flag::sent_for_loss)) again_bytes_ -= segment.seq_length();
        unset(segment, sent_flag::sent_for_loss);
        lose(segment);
    }
    if (is_forgotten) {
        arrived_bytes_ = arrived_ = 0;
        seen_ = {};
        highest_ = queue.front().seq;
    }
    arrived_in_front_ = arrived_;
    judged_ = queue[queue.sent() - 1].end();
    next_ = next_doubtful_ = queue.front().seq;
}

void Scoreboard::mark_none_lost(SendQueue& queue) noexcept {
    for (std::uint32_t at = 0; at < queue.sent(); ++at) unset(queue[at], sent_flag::lost | sent_flag::sent_for_loss);
    lost_bytes_ = again_bytes_ = 0;
}

// --- what is acknowledged

std::uint32_t Scoreboard::forget(SendQueue& queue, std::uint32_t ack, Delivered* delivered) noexcept {
    std::uint32_t arrived_before = 0;
    for (std::uint32_t at = 0; at < queue.sent() && seq_before(queue[at].seq, ack); ++at) {
        const SendSegment& segment = queue[at];
        const bool is_whole = !seq_after(segment.end(), ack);
        const std::uint32_t bytes = is_whole ? segment.seq_length() : ack - segment.seq;
        if (has(segment, sent_flag::lost)) lost_bytes_ -= bytes;
        if (has(segment, sent_flag::sent_for_loss)) again_bytes_ -= bytes;
        if (!has(segment, sent_flag::arrived)) {
            if (is_whole && delivered != nullptr) delivered->note(segment);
            continue;
        }
        arrived_bytes_ -= bytes;
        arrived_before += bytes;
        if (!is_whole) continue;
        --arrived_;
        if (seq_before(segment.seq, judged_)) --arrived_in_front_;
    }
    highest_ = seq_max(highest_, ack);
    judged_ = seq_max(judged_, ack);
    next_ = seq_max(next_, ack);
    next_doubtful_ = seq_max(next_doubtful_, ack);
    return arrived_before;
}

// --- what is to be sent again

SendSegment* Scoreboard::next_lost(SendQueue& queue) noexcept {
    if (lost_bytes_ == 0) return nullptr;
    for (std::uint32_t at = queue.find(next_); at < queue.sent() && seq_before(queue[at].seq, judged_); ++at) {
        SendSegment& segment = queue[at];
        if (has(segment, sent_flag::lost) && !has(segment, sent_flag::sent_for_loss)) return &segment;
        next_ = segment.end();
    }
    return nullptr;
}

SendSegment* Scoreboard::next_doubtful(SendQueue& queue) noexcept {
    std::uint32_t at = queue.find(seq_max(judged_, next_doubtful_));
    for (; at < queue.sent() && seq_before(queue[at].seq, highest_); ++at) {
        if (!has(queue[at], sent_flag::arrived | sent_flag::sent_for_loss)) return &queue[at];
        next_doubtful_ = queue[at].end();
    }
    return nullptr;
}

void Scoreboard::on_sent_again(SendSegment& segment) noexcept {
    if (has(segment, sent_flag::sent_for_loss)) return;
    set(segment, sent_flag::sent_for_loss);
    again_bytes_ += segment.seq_length();
}

}  // namespace skerry::stack::tcp
