// What a sender does about segments that did not arrive: duplicate acknowledgements, recovery, time-outs.

#include <skerry/stack/tcp/sender.hpp>

#include <algorithm>

namespace skerry::stack::tcp {

void Sender::on_duplicate(Tcb& tcb, time::Instant now) noexcept {
    if (tcb.repairs_time_out && on_duplicate_behind_time_out(tcb, now)) return;
    if (tcb.in_recovery) {
        // Each says that a segment has left the way, and no more can have than were on it (RFC 5681 section 3.2, step
        // 4): a peer that invents duplicates gets no larger window.
        const std::uint32_t most = tcb.congestion.threshold + (tcb.recover + 1 - tcb.snd_una);
        if (tcb.congestion.window < most) tcb.congestion.window = std::min(tcb.congestion.window + tcb.mss, most);
        return;
    }
    if (tcb.duplicate_acks == 0) stop_watching_tail(tcb);
    if (tcb.duplicate_acks < 0xff) ++tcb.duplicate_acks;
    if (tcb.duplicate_acks < duplicates_that_tell) return push(tcb, now);
    // What a time-out lost was sent again already: its duplicates tell nothing new.
    if (tcb.duplicate_acks != duplicates_that_tell || tcb.repairs_time_out) return;
    if (!leaves_reducing(tcb)) {
        begin_undo(tcb);
        tcb.in_recovery = true;
        tcb.recover = tcb.snd_nxt - 1;
        tcb.owes_cwr = tcb.has_ecn;
        tcb.congestion.on_loss(in_flight(tcb));
    }
    tcb.congestion.window = tcb.congestion.threshold + duplicates_that_tell * tcb.mss;
    send_front_again(tcb, now);
    restart_timer(tcb, now);
}

// An acknowledgement during recovery. RFC 6582 section 3.2, steps 3 and 4.
void Sender::recover(Tcb& tcb, const Acknowledgement& ack, std::uint32_t acked) noexcept {
    Congestion& congestion = tcb.congestion;
    const bool is_over = seq_after(tcb.snd_una, tcb.recover);
    // One that came late says nothing of others, which may well be lost: while what was sent again for them is under
    // way the recovery goes on. As Linux, tcp_try_undo_partial().
    const bool others_are_open = !is_over && tcb.board != nullptr && tcb.board->has_sent_again();
    if (is_spurious(tcb, ack) && !others_are_open) return undo(tcb);
    if (is_over) {
        tcb.in_recovery = false;
        if (tcb.board == nullptr) tcb.duplicate_acks = 0;
        if (LossRecord* const record = tcb.board.record(); record != nullptr && record->rack)
            record->rack->on_recovery_over();
        // What is on its way need not be as much as the window, where it came down with what arrived.
        const bool is_down = tcb.board != nullptr && tcb.has_rate;
        congestion.window =
            is_down ? congestion.threshold
                    : std::min(congestion.threshold, std::max(in_flight(tcb), congestion.mss) + congestion.mss);
        return;
    }
    if (tcb.board != nullptr) {  // it says what is to be sent
        if (!tcb.uses_rack) tcb.board->mark_front_lost(tcb.queue);
        return;
    }
    send_front_again(tcb, ack.now);
    congestion.window -= std::min(acked, congestion.window);
    if (acked >= congestion.mss) congestion.window += congestion.mss;
    congestion.window = std::max(congestion.window, congestion.mss);
}

void Sender::send_front_again(Tcb& tcb, time::Instant now) noexcept {
    if (tcb.queue.sent() != 0) (void)send_again(tcb, tcb.queue.front(), now);
}

bool Sender::send_again(Tcb& tcb, SendSegment& segment, time::Instant now) noexcept {
    mark_again(tcb, segment, now);
    if (!output_.send(tcb, segment, segment.end() == tcb.queue.back().end(), now)) return false;
    segment.sent_ns = now.as_nanos();
    note_sent_again(tcb, now);
    if (tcb.in_recovery) note_sent_in_recovery(tcb, segment.length);
    return true;
}

// A peer that answers our probes, or data that asks in their place, and only never opens its window, is not given up
// unless the user asked for it, or is gone: then nobody else would.
void Sender::count_answers(Tcb& tcb) noexcept {
    const bool is_shut = tcb.is_probing || tcb.snd_wnd == 0;
    if (!is_shut || tcb.user_timeout_ms != 0 || tcb.endpoint == nullptr) return;
    tcb.waiting_since = std::max(tcb.waiting_since, tcb.heard_at);
}

bool Sender::is_given_up(const Tcb& tcb, time::Instant now) const noexcept {
    return now.as_nanos() - tcb.waiting_since >= user_timeout(tcb).count();
}

bool Sender::on_timeout(Tcb& tcb, time::Instant now) noexcept {
    const Shared::SendAccounting accounting(shared_, tcb);
    if (waits_for_late(tcb)) {
        on_late(tcb, now);
        return true;
    }
    if (may_probe_tail(tcb) && on_tail_time(tcb, now)) return true;
    tcb.retransmit_at = never;
    if (tcb.queue.empty()) return true;
    if (tcb.is_corked && tcb.is_probing && push_past_cork(tcb, now)) return true;
    count_answers(tcb);
    if (is_given_up(tcb, now)) return false;
    if (tcb.queue.sent() == 0 && !tcb.is_probing) {  // no frame was there to send it with
        push(tcb, now);
        return true;
    }
    if (tcb.is_probing) {
        push(tcb, now);
        if (tcb.is_probing && !send_what_fits(tcb, now)) ask_for_window(tcb, now);
        return true;
    }
    const bool was_reducing = tcb.is_reducing;
    if (was_reducing) end_reducing(tcb);
    const bool is_forward = begin_forward(tcb, !tcb.in_recovery && (!tcb.repairs_time_out || tcb.has_timed_out));
    tcb.congestion.on_timeout(in_flight(tcb), !tcb.has_timed_out && !was_reducing);
    tcb.owes_cwr = tcb.has_ecn;
    tcb.has_timed_out = true;
    tcb.rto.back_off();
    send_all_again(tcb, is_forward, true, now);
    return true;
}

// Less of the next segment than sender-side silly window avoidance lets go has waited for long enough. Source: RFC 9293
// section 3.8.6.2.1, rule 4; Linux's tcp_write_wakeup(), which sets PSH.
bool Sender::send_what_fits(Tcb& tcb, time::Instant now) noexcept {
    SendQueue& queue = tcb.queue;
    if (tcb.snd_wnd == 0 || tcb.snd_wnd >= queue.next_unsent().length) return false;
    if (!queue.split(queue.sent(), static_cast<std::uint16_t>(tcb.snd_wnd))) return false;
    queue.next_unsent().flags |= sent_flag::psh;
    if (!send_next(tcb, now)) return false;
    tcb.is_probing = false;
    tcb.rto.reset_back_off();
    tcb.waiting_since = now.as_nanos();
    restart_timer(tcb, now);
    return true;
}

void Sender::ask_for_window(Tcb& tcb, time::Instant now) noexcept {
    if (!shared_.config.tcp.probes_with_data || !send_data_probe(tcb, now)) output_.send_probe(tcb, now);
    tcb.rto.back_off();
    restart_probe_timer(tcb, now);
}

// The next byte, or the FIN, as if there were room for it; it stays unsent. A window's probe is not marked (RFC 3168
// section 6.1.6), and what is older than SND.NXT never is. Source: FreeBSD's tcp_output() with TF_FORCEDATA.
bool Sender::send_data_probe(Tcb& tcb, time::Instant now) noexcept {
    SendQueue& queue = tcb.queue;
    if (tcb.snd_wnd != 0) return false;
    if (queue.next_unsent().seq_length() > 1 && !queue.split(queue.sent(), 1)) return false;
    SendSegment& segment = queue.next_unsent();
    const std::uint32_t nxt = tcb.snd_nxt;
    if (seq_before(segment.seq, nxt)) segment.flags |= sent_flag::again;
    tcb.snd_nxt = seq_max(nxt, segment.end());
    if (!output_.send(tcb, segment, queue.sent() + 1 == queue.size(), now)) {
        tcb.snd_nxt = nxt;
        return false;
    }
    segment.sent_ns = now.as_nanos();
    return true;
}

// With `is_forward` and without a scoreboard the oldest alone: what becomes of it is waited for. With `spares_fresh`,
// behind a time-out, not what RACK takes for being on its way.
void Sender::send_all_again(Tcb& tcb, bool is_forward, bool spares_fresh, time::Instant now) noexcept {
    if (tcb.is_reducing) end_reducing(tcb);
    tcb.in_recovery = false;
    tcb.recover = tcb.snd_nxt - 1;
    tcb.repairs_time_out = true;
    if (tcb.has_sack && make_board(tcb, now)) {
        tcb.board.record()->tail.is_under_way = false;
        tcb.board.record()->undo.is_of_time_out = spares_fresh;
        const auto& rack = tcb.board.record()->rack;
        if (rack && spares_fresh)
            tcb.board->mark_all_lost(tcb.queue, rack->lost_if_sent_until(tcb.rto.smoothed(), now));
        else
            tcb.board->mark_all_lost(tcb.queue);
        // The oldest goes, whatever else may still be on its way.
        tcb.congestion.window += in_flight(tcb) - tcb.board->off_the_way();
        restart_timer(tcb, now);
        send_what_is_lost(tcb, now);
        return;
    }
    tcb.duplicate_acks = 0;
    if (is_forward) {
        send_front_again(tcb, now);
        restart_timer(tcb, now);
        return;
    }
    tcb.queue.send_again();
    restart_timer(tcb, now);
    push(tcb, now);
}

// --- too long for the way

void Sender::shorten(Tcb& tcb, std::uint16_t mss, time::Instant now) noexcept {
    const Shared::SendAccounting accounting(shared_, tcb);
    tcb.mss = mss;
    tcb.congestion.mss = mss;
    // What has arrived is left as it is: its marks count segments. Where there is no memory it stays long, and is lost.
    tcb.queue.cut(mss);
    // All goes anew, and what the duplicates of this recovery said had left the way (NewReno) is not off it any more.
    if (tcb.in_recovery && tcb.board == nullptr)
        tcb.congestion.window = std::min(tcb.congestion.window, std::max(tcb.congestion.threshold, tcb.congestion.mss));
    if (tcb.queue.sent() != 0) send_all_again(tcb, false, false, now);
}

}  // namespace skerry::stack::tcp
