// What a connection does about routers that mark packets instead of dropping them: RFC 3168 section 6.1, as Linux does.
//
// The receiver tells of a mark in all that it sends, until the sender says that its window came down. The sender lets
// it come down once for each window of data. All of this goes the long way: a marked frame is not the usual one
// (glance.hpp), nor is a segment with ECE or CWR, nor any of a connection whose window comes down. What comes unmarked
// is as fast as without ECN, but for the first segments, which are looked at for the peer's ECT, so that info() can
// tell of it.

#include <skerry/stack/tcp/receiver.hpp>
#include <skerry/stack/tcp/sender.hpp>

#include <algorithm>

namespace skerry::stack::tcp {

// --- the receiver: section 6.1.3

// Of data that is new: what was sent again says nothing of the way (section 6.1.5). At the first mark the sender is
// told at once, as is what comes next: its window may be small.
void Receiver::note_mark(Tcb& tcb, std::uint8_t ecn) noexcept {
    if (ecn == wire::ecn::not_ect) return;
    tcb.has_seen_ect = true;
    tcb.ect_looks = 0;
    if (ecn != wire::ecn::experienced) return;
    ++shared_.ecn.marked;
    if (tcb.echoes_mark) return;
    tcb.echoes_mark = true;
    if (tcb.quick_ack && tcb.quick_acks_left == 0) return;  // each is told at once anyway
    constexpr std::uint8_t quick = 2;
    tcb.quick_acks_left = std::max<std::uint8_t>(tcb.quick_acks_left, quick) & quick_acks_max;
    tcb.quick_ack = tcb.owes_for_one = true;
}

// A window that came down may be one segment long: its sender waits for the acknowledgement.
void Receiver::stop_echoing(Tcb& tcb) noexcept {
    tcb.echoes_mark = false;
    tcb.owes_for_one = true;
}

// --- the sender: section 6.1.2

// While the window comes down, or something lost is repaired, another mark is of the same window. So it is as long as
// nothing is acknowledged that was sent since: the peer has not heard yet that it came down.
bool Sender::take_ack_with_ecn(Tcb& tcb, const Acknowledgement& ack, bool is_echo) noexcept {
    if (tcb.ect_looks != 0) --tcb.ect_looks;
    if (tcb.is_reducing && seq_after(ack.ack, tcb.recover + 1)) end_reducing(tcb);
    LossRecord* const record = tcb.board.record();
    if (is_echo && record != nullptr) record->undo.window_before = 0;  // it came down with reason
    const bool is_known = tcb.is_reducing || tcb.in_recovery || tcb.repairs_time_out || ack.ack == tcb.recover + 1;
    if (is_echo && !is_known && tcb.queue.sent() != 0) begin_reducing(tcb);
    if (!tcb.is_reducing) return take_ack(tcb, ack);

    const std::uint32_t una_before = tcb.snd_una;
    const bool is_plain = tcb.board == nullptr && ack.blocks.empty();
    const bool lets_go = take_ack(tcb, ack);
    if (is_plain && tcb.is_reducing) reduce(tcb, tcb.snd_una - una_before);
    if (tcb.is_reducing && tcb.queue.empty()) end_reducing(tcb);  // nothing is under way that could end it
    return lets_go;
}

// With a rate it comes down as what was under way arrives, else at once. What follows is new, and not sent again, so
// how much it is the numbers say.
void Sender::begin_reducing(Tcb& tcb) noexcept {
    ++shared_.ecn.reduced;
    tcb.owes_cwr = true;
    tcb.recover = tcb.snd_nxt - 1;
    const std::uint32_t window_before = tcb.congestion.window;
    tcb.congestion.on_mark();
    tcb.is_reducing = true;
    const bool is_fixed = tcb.congestion.algorithm() == CongestionControl::fixed;
    if (tcb.has_rate && !is_fixed && tcb.board.make_record()) {
        LossRecord& record = *tcb.board.record();
        record.is_reducing = true;
        record.tail.is_under_way = false;
        record.undo.is_open = false;
        record.rate.begin(window_before);
    } else {
        tcb.congestion.window = tcb.congestion.threshold;
    }
}

void Sender::reduce(Tcb& tcb, std::uint32_t delivered) noexcept {
    LossRecord* const record = tcb.board.record();
    if (record == nullptr || !record->is_reducing || delivered == 0) return;
    const std::uint32_t off_the_way = tcb.board != nullptr ? tcb.board->off_the_way() : 0;
    Congestion& congestion = tcb.congestion;
    record->rate.set_sent(tcb.snd_nxt - 1 - tcb.recover);
    congestion.window =
        record->rate.window(delivered, in_flight(tcb) - off_the_way, congestion.threshold, congestion.mss, true);
}

void Sender::end_reducing(Tcb& tcb) noexcept {
    tcb.is_reducing = false;
    tcb.congestion.window = tcb.congestion.threshold;
    if (LossRecord* const record = tcb.board.record(); record != nullptr) record->is_reducing = false;
    if (tcb.board == nullptr) tcb.board.reset();
}

// Something is lost within the window of a mark: what it asks for is being done, and goes on as a recovery, whose end
// is that of any: all that is under way now (RFC 6582 section 3.2, RFC 6675 section 5). If it ended where the mark's
// window does, an acknowledgement of just that would tell of nothing, and a peer without SACK whose next segment is
// lost, too, would be waited for until a time-out. What was sent since the mark is a second window, but no more than a
// round trip is between the two, and one answer to it is enough: RFC 3168 section 6.1.2 allows that. Where all of the
// mark's window has arrived the loss is of the next one.
bool Sender::leaves_reducing(Tcb& tcb) noexcept {
    if (!tcb.is_reducing) return false;
    if (seq_after(tcb.snd_una, tcb.recover)) {
        end_reducing(tcb);
        return false;
    }
    tcb.is_reducing = false;
    tcb.in_recovery = true;
    const std::uint32_t sent_since = tcb.snd_nxt - 1 - tcb.recover;
    tcb.recover = tcb.snd_nxt - 1;
    LossRecord* const record = tcb.board.record();
    if (record == nullptr) return true;
    record->tail.is_under_way = false;
    record->undo.is_open = false;
    if (record->is_reducing)
        record->rate.set_sent(sent_since);
    else
        record->rate.begin(in_flight(tcb));
    record->is_reducing = false;
    return true;
}

}  // namespace skerry::stack::tcp
