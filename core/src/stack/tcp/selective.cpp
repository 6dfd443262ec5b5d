// What a sender does about segments that did not arrive when the peer says which did: RFC 6675. The Scoreboard knows
// what is on its way and what is lost; here is what is done about it.

#include <skerry/stack/tcp/sender.hpp>

#include <algorithm>
#include <array>
#include <span>

namespace skerry::stack::tcp {

// Without memory for a scoreboard the duplicates are counted, as of a peer without SACK. A recovery that they began
// goes on as one of this kind: each of them had made its window larger.
bool Sender::make_board(Tcb& tcb, time::Instant now) noexcept {
    if (tcb.board != nullptr) return true;
    if (!tcb.board.make_board(tcb.snd_una)) {
        shared_.drops.count(Drop::tcp_memory);
        return false;
    }
    if (auto& rack = tcb.board.record()->rack; rack)
        rack->resume(tcb.snd_una);
    else if (tcb.uses_rack)
        rack.emplace(tcb.snd_una, tcb.rto.least_known(), now);
    tcb.duplicate_acks = 1;
    if (!tcb.in_recovery) return true;
    tcb.board.record()->rate.begin(in_flight(tcb));
    tcb.congestion.window = tcb.congestion.threshold;
    tcb.board->mark_front_lost(tcb.queue);
    if (SendSegment* const front = tcb.board->next_lost(tcb.queue)) tcb.board->on_sent_again(*front);
    return true;
}

namespace {

// The first block tells of what came twice, when it lies below the acknowledgement or within the second one. RFC 2883
// section 4.
bool reports_copy(const Acknowledgement& ack) noexcept {
    if (ack.blocks.empty()) return false;
    const wire::SackBlock& first = ack.blocks.front();
    if (!seq_before(first.left, first.right)) return false;
    if (seq_at_or_before(first.right, ack.ack)) return true;
    if (ack.blocks.size() < 2) return false;
    const wire::SackBlock& second = ack.blocks[1];
    return seq_at_or_after(first.left, second.left) && seq_at_or_before(first.right, second.right);
}

using Blocks = std::array<wire::SackBlock, wire::sack_blocks_max>;

// From the oldest number on: what one acknowledgement tells of, the newest first, did not overtake each other.
std::span<const wire::SackBlock> in_order(const Acknowledgement& ack, std::uint32_t una, Blocks& room) noexcept {
    const std::span<wire::SackBlock> sorted = std::span(room).first(ack.blocks.size());
    std::copy(ack.blocks.begin(), ack.blocks.end(), sorted.begin());
    std::sort(sorted.begin(), sorted.end(),
              [una](const wire::SackBlock& a, const wire::SackBlock& b) { return a.left - una < b.left - una; });
    return sorted;
}

}  // namespace

// False, and nothing done, when it tells nothing that the plain way does not know.
bool Sender::on_selective_ack(Tcb& tcb, const Acknowledgement& ack) noexcept {
    const bool is_first = tcb.board == nullptr;
    if (!tcb.has_sack || (is_first && (ack.blocks.empty() || !make_board(tcb, ack.now)))) return false;
    const Shared::SendAccounting accounting(shared_, tcb);
    if (is_first) stop_watching_tail(tcb);
    stop_waiting_for_late(tcb);
    const std::uint32_t flight_before = in_flight(tcb);
    const std::uint32_t una_before = tcb.snd_una;
    const std::uint32_t window_before = tcb.snd_wnd;
    const bool is_overtaken = seq_before(ack.ack, tcb.snd_una);
    if (!is_overtaken) update_window(tcb, ack);
    LossRecord& record = *tcb.board.record();
    Delivered delivered(record.rack ? &*record.rack : nullptr, ack.now, ack.echo, tcb.ts_offset, tcb.recover);
    const bool is_forward = tcb.repairs_time_out && record.undo.forward != ForwardStep::none;
    if (seq_after(ack.ack, tcb.snd_una)) advance(tcb, ack, &delivered);
    Scoreboard& board = *tcb.board;
    Blocks room;
    const std::uint32_t told = board.mark_arrived(tcb.queue, in_order(ack, tcb.snd_una, room), &delivered);
    delivered.count(told);
    const bool has_copy = reports_copy(ack);
    const bool is_probe_copied = has_copy && record.tail.is_told_by(ack.blocks.front().right);
    const bool advances = tcb.snd_una != una_before;
    const bool is_news = advances || is_overtaken || told != 0 || ack.length != 0 || tcb.snd_wnd != window_before;
    if (record.tail.is_under_way) judge_tail_probe(tcb, ack.ack, is_probe_copied || !is_news, flight_before);
    if (has_copy) match_copy(tcb, ack.blocks.front());
    const bool goes_on = goes_forward(tcb, delivered, is_forward, told, ack);
    const std::uint32_t lost_before = board.bytes_lost();
    std::chrono::nanoseconds wait{0};
    if (record.rack) {
        record.rack->adapt(tcb.snd_una, tcb.snd_nxt, has_copy && !is_probe_copied);
        wait = find_late(tcb, ack.now);
    } else {
        board.mark_lost(tcb.queue);
    }
    const bool is_lost_first = !tcb.in_recovery && !tcb.repairs_time_out && board.has_lost();
    if (is_lost_first) enter_recovery(tcb);
    if (tcb.in_recovery && delivered.bytes() != 0)
        set_rate(tcb, delivered.bytes(), advances && board.bytes_lost() <= lost_before);
    else if (tcb.is_reducing)
        reduce(tcb, delivered.bytes());
    if (is_lost_first) send_first_lost(tcb, ack.now);
    if (!goes_on) send_what_is_lost(tcb, ack.now);
    wait_for_late(tcb, wait, ack.now);
    if (!tcb.in_recovery && board.is_clean() && !record.tail.is_under_way) {
        tcb.board.reset();
        tcb.duplicate_acks = 0;
        if (tcb.probes_tail) watch_tail(tcb, ack.now);
    }
    return true;
}

void Sender::take_overtaken(Tcb& tcb, const Acknowledgement& ack) noexcept { (void)on_selective_ack(tcb, ack); }

// What is not acknowledged may be far more than is under way, where this recovery follows another: it has all that
// arrived behind the holes, and what was lost. A window that is made of that stays as large as it was, and the queue on
// the way full. So no more counts than the window had, as on Linux; RFC 5681 section 3.2 wants what limited transmit
// sent left out, too.
void Sender::enter_recovery(Tcb& tcb) noexcept {
    if (leaves_reducing(tcb)) return;
    begin_undo(tcb);
    tcb.in_recovery = true;
    tcb.recover = tcb.snd_nxt - 1;
    tcb.owes_cwr = tcb.has_ecn;
    tcb.board.record()->tail.is_under_way = false;
    tcb.board.record()->rate.begin(in_flight(tcb));
    tcb.congestion.on_loss(std::min(in_flight(tcb), tcb.congestion.window));
    tcb.congestion.window = tcb.congestion.threshold;
}

void Sender::set_rate(Tcb& tcb, std::uint32_t delivered, bool goes_well) noexcept {
    if (!tcb.has_rate) return;
    Congestion& congestion = tcb.congestion;
    const std::uint32_t pipe = in_flight(tcb) - tcb.board->off_the_way();
    congestion.window =
        tcb.board.record()->rate.window(delivered, pipe, congestion.threshold, congestion.mss, goes_well);
}

void Sender::note_sent_in_recovery(Tcb& tcb, std::uint32_t bytes) noexcept {
    if (LossRecord* const record = tcb.board.record(); record != nullptr) record->rate.on_sent(bytes);
}

// The oldest goes at once, whatever is under way: RFC 6675 section 5, step 4.3.
void Sender::send_first_lost(Tcb& tcb, time::Instant now) noexcept {
    SendSegment* const oldest = tcb.board->next_lost(tcb.queue);
    if (oldest != nullptr && send_again(tcb, *oldest, now)) tcb.board->on_sent_again(*oldest);
    restart_timer(tcb, now);
}

// In the order of RFC 6675's NextSeg(): what is lost, what is new, what may be lost. Its fourth rule is left out: at
// the end of a transfer it sends a segment again that is usually on its way.
void Sender::send_what_is_lost(Tcb& tcb, time::Instant now) noexcept {
    while (SendSegment* const segment = tcb.board->next_lost(tcb.queue)) {
        // Where there is no frame the next acknowledgement tries again, or time does.
        if (!has_way_for(tcb, in_flight(tcb), segment->length) || !send_again(tcb, *segment, now)) return;
        tcb.board->on_sent_again(*segment);
    }
    if (tcb.queue.has_unsent()) push(tcb, now);
    if (tcb.in_recovery && !tcb.uses_rack) send_what_may_be_lost(tcb, now);
}

void Sender::send_what_may_be_lost(Tcb& tcb, time::Instant now) noexcept {
    while (SendSegment* const segment = tcb.board->next_doubtful(tcb.queue)) {
        if (!has_way_for(tcb, in_flight(tcb), segment->length) || !send_again(tcb, *segment, now)) return;
        tcb.board->on_sent_again(*segment);
    }
}

}  // namespace skerry::stack::tcp
