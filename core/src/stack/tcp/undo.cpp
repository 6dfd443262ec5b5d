// What a sender does about losses that were none: it takes back what they did to its window. undo.hpp says how it
// knows.

#include <skerry/stack/tcp/sender.hpp>

#include <algorithm>
#include <utility>

namespace skerry::stack::tcp {

// A recovery begins, or a time-out has come: before the window is changed. A time-out within a recovery belongs to it.
// Without memory nothing is taken back.
void Sender::begin_undo(Tcb& tcb) noexcept {
    if (!shared_.config.tcp.undoes_spurious || !tcb.board.make_record()) return;
    Undo& undo = tcb.board.record()->undo;
    if (!tcb.in_recovery && !tcb.repairs_time_out) {
        undo = {};
        undo.window_before = tcb.congestion.window;
        undo.threshold_before = tcb.congestion.threshold;
        undo.owed_cwr = tcb.owes_cwr;
        undo.is_open = true;
    }
    undo.begin = tcb.snd_una;
}

void Sender::note_sent_again(Tcb& tcb, time::Instant now) noexcept {
    if (LossRecord* const record = tcb.board.record(); record != nullptr)
        record->undo.on_sent_again(timestamp(now, tcb.ts_offset), tcb.snd_nxt);
}

// RFC 3522 section 3.2, step 4: what is acknowledged had left before anything was sent again.
bool Sender::is_spurious(const Tcb& tcb, const Acknowledgement& ack) noexcept {
    const LossRecord* const record = tcb.board.record();
    return record != nullptr && tcb.has_timestamps && record->undo.is_older(ack.echo);
}

void Sender::undo(Tcb& tcb) noexcept {
    LossRecord& record = *tcb.board.record();
    Congestion& congestion = tcb.congestion;
    // Duplicates have swollen it: RFC 6582 section 3.2, step 3.
    if (tcb.in_recovery) congestion.window = std::min(congestion.window, congestion.threshold);
    congestion.undo(record.undo.window_before, record.undo.threshold_before);
    const bool came_down_for_mark = record.undo.window_before == 0;
    if (!came_down_for_mark && !record.undo.owed_cwr) tcb.owes_cwr = false;  // nothing came down
    record.undo.is_open = false;
    record.undo.forward = ForwardStep::none;
    tcb.in_recovery = false;
    tcb.repairs_time_out = false;
    if (record.rack) record.rack->on_spurious();
    tcb.queue.send_on_from(tcb.snd_nxt);
    if (tcb.board == nullptr)
        tcb.duplicate_acks = 0;
    else
        tcb.board->mark_none_lost(tcb.queue);
}

// RFC 3708: all that was sent again came twice.
void Sender::match_copy(Tcb& tcb, const wire::SackBlock& copy) noexcept {
    const std::uint32_t copies = (copy.right - copy.left + tcb.mss - 1) / tcb.mss;
    if (tcb.board.record()->undo.match(copy.right, copies)) undo(tcb);
}

// --- F-RTO: RFC 5682

// A time-out has come, before the window is changed. `is_new`: no loss was being repaired before, or the same one.
bool Sender::begin_forward(Tcb& tcb, bool is_new) noexcept {
    begin_undo(tcb);
    LossRecord* const record = tcb.board.record();
    if (record == nullptr || !record->undo.is_open) return false;
    const bool is_wanted = shared_.config.tcp.forward_after_time_out && is_new;
    record->undo.forward = is_wanted ? ForwardStep::first_ack : ForwardStep::none;
    return is_wanted;
}

std::uint32_t Sender::send_two_new(Tcb& tcb, time::Instant now) noexcept {
    std::uint32_t count = 0;
    while (count < 2 && tcb.queue.has_unsent() && fits_their_window(tcb, tcb.queue.next_unsent())) {
        if (!send_next(tcb, now)) break;
        ++count;
    }
    return count;
}

// Something new was acknowledged. Section 2.1, steps 2 and 3, for a peer that does not say what arrived.
void Sender::on_ack_behind_time_out(Tcb& tcb, const Acknowledgement& ack) noexcept {
    if (is_spurious(tcb, ack)) return undo(tcb);
    const bool is_over = seq_after(tcb.snd_una, tcb.recover);
    LossRecord* const record = tcb.board.record();
    if (is_over) {
        tcb.repairs_time_out = false;
        const bool counts = record != nullptr && record->undo.is_of_time_out;
        if (counts && record->rack) record->rack->on_recovery_over();
    }
    if (record == nullptr || tcb.board != nullptr) return;
    switch (std::exchange(record->undo.forward, ForwardStep::none)) {
        case ForwardStep::none: return;
        case ForwardStep::second_ack: return undo(tcb);  // it was sent once
        case ForwardStep::first_ack: break;
    }
    if (is_over) return;
    const bool is_part = (tcb.queue.front().flags & sent_flag::again) != 0;
    if (!is_part && send_two_new(tcb, ack.now) != 0)
        record->undo.forward = ForwardStep::second_ack;
    else
        tcb.queue.send_again();
}

// Steps 2 a and 3 a: the others are lost as well. False when nobody waits for that.
bool Sender::on_duplicate_behind_time_out(Tcb& tcb, time::Instant now) noexcept {
    LossRecord* const record = tcb.board.record();
    if (record == nullptr || tcb.board != nullptr || record->undo.forward == ForwardStep::none) return false;
    const bool is_first = std::exchange(record->undo.forward, ForwardStep::none) == ForwardStep::first_ack;
    tcb.congestion.window = std::min(tcb.congestion.window, 3U * tcb.mss);
    tcb.queue.send_again();
    if (is_first) tcb.queue.mark_sent();  // the oldest is on its way
    push(tcb, now);
    return true;
}

// Section 3.1, for a peer that says what arrived; `is_forward` if so it was before the acknowledgement, which told of
// `told` bytes by its blocks. True when new segments were sent, and nothing else is to be.
//
// As Linux, and sooner than step 3 b, the first acknowledgement already tells by what was not sent again.
bool Sender::goes_forward(Tcb& tcb, const Delivered& delivered, bool is_forward, std::uint32_t told,
                          const Acknowledgement& ack) noexcept {
    Undo& undo = tcb.board.record()->undo;
    if (!is_forward || !undo.is_open) return false;
    if (delivered.has_original()) {
        this->undo(tcb);
        return false;
    }
    const bool goes_on = delivered.bytes() != told;
    if (undo.forward == ForwardStep::first_ack && !goes_on) return false;  // step 2 once more
    const bool is_second = std::exchange(undo.forward, ForwardStep::none) == ForwardStep::second_ack;
    if (is_second || !tcb.repairs_time_out) return false;
    const std::uint32_t newest = tcb.snd_nxt - 1;
    if (send_two_new(tcb, ack.now) == 0) return false;
    tcb.recover = newest;
    undo.forward = ForwardStep::second_ack;
    return true;
}

}  // namespace skerry::stack::tcp
