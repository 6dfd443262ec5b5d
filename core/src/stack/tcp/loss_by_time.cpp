// What a sender does about segments that are late: it asks its Rack which are lost, and waits for the others.

#include <skerry/stack/tcp/sender.hpp>

namespace skerry::stack::tcp {

// Marks what is lost. Returns how long to wait for what may only be late; 0 when there is nothing of the kind.
std::chrono::nanoseconds Sender::find_late(Tcb& tcb, time::Instant now) noexcept {
    LossRecord& record = *tcb.board.record();
    const std::chrono::nanoseconds smoothed = tcb.rto.smoothed();
    const bool is_recovering = tcb.in_recovery || tcb.repairs_time_out;
    const std::chrono::nanoseconds window = record.rack->window(is_recovering, tcb.board->segments_arrived(), smoothed);
    return record.rack->mark_lost(tcb.queue, *tcb.board, window, now);
}

// Only when what was found lost is sent again, because that sets the timer too.
void Sender::wait_for_late(Tcb& tcb, std::chrono::nanoseconds wait, time::Instant now) noexcept {
    LossRecord& record = *tcb.board.record();
    const std::int64_t due = now.as_nanos() + wait.count();
    if (wait.count() == 0 || due >= tcb.retransmit_at) return;
    record.time_out_at = tcb.retransmit_at;
    record.reorder_at = tcb.retransmit_at = due;
    shared_.arm(tcb, due);
}

bool Sender::waits_for_late(const Tcb& tcb) noexcept {
    const LossRecord* const record = tcb.board.record();
    return record != nullptr && tcb.retransmit_at != never && tcb.retransmit_at == record->reorder_at;
}

void Sender::stop_waiting_for_late(Tcb& tcb) noexcept {
    LossRecord& record = *tcb.board.record();
    if (waits_for_late(tcb)) tcb.retransmit_at = record.time_out_at;
    record.reorder_at = never;
}

// RFC 8985 section 6.2, step 5: what was waited for has not come.
void Sender::on_late(Tcb& tcb, time::Instant now) noexcept {
    stop_waiting_for_late(tcb);
    if (tcb.board == nullptr) return;
    const std::chrono::nanoseconds wait = find_late(tcb, now);
    if (!tcb.in_recovery && !tcb.repairs_time_out && tcb.board->has_lost()) {
        enter_recovery(tcb);
        set_rate(tcb, tcb.mss, false);
        send_first_lost(tcb, now);
    }
    send_what_is_lost(tcb, now);
    wait_for_late(tcb, wait, now);
}

}  // namespace skerry::stack::tcp
