// What a sender does about segments that did not arrive when the peer says which did: RFC 6675. The Scoreboard knows
// what is on its way and what is lost; here is what is done about it.

#include <skerry/stack/tcp/sender.hpp>

#include <new>

namespace skerry::stack::tcp {

// Without memory for a scoreboard the duplicates are counted, as of a peer without SACK. A recovery that they began
// goes on as one of this kind: each of them had made its window larger.
bool Sender::make_board(Tcb& tcb) noexcept {
    if (tcb.board != nullptr) return true;
    tcb.board.reset(new (std::nothrow) Scoreboard(tcb.snd_una));
    if (tcb.board == nullptr) {
        shared_.drops.count(Drop::tcp_memory);
        return false;
    }
    tcb.duplicate_acks = 1;
    if (!tcb.in_recovery) return true;
    tcb.congestion.window = tcb.congestion.threshold;
    tcb.board->mark_front_lost(tcb.queue);
    if (SendSegment* const front = tcb.board->next_lost(tcb.queue)) tcb.board->on_sent_again(*front);
    return true;
}

// False, and nothing done, when it tells nothing that the plain way does not know.
bool Sender::on_selective_ack(Tcb& tcb, const Acknowledgement& ack) noexcept {
    if (!tcb.has_sack || (tcb.board == nullptr && (ack.blocks.empty() || !make_board(tcb)))) return false;
    const Shared::SendAccounting accounting(shared_, tcb);
    update_window(tcb, ack);
    if (seq_after(ack.ack, tcb.snd_una)) advance(tcb, ack);
    Scoreboard& board = *tcb.board;
    (void)board.mark_arrived(tcb.queue, ack.blocks);
    board.mark_lost(tcb.queue);
    if (!tcb.in_recovery && !tcb.repairs_time_out && board.has_lost()) enter_recovery(tcb, ack.now);
    send_what_is_lost(tcb, ack.now);
    if (!tcb.in_recovery && board.is_clean()) {
        tcb.board.reset();
        tcb.duplicate_acks = 0;
    }
    return true;
}

// The oldest goes at once, whatever is under way: RFC 6675 section 5, step 4.3.
void Sender::enter_recovery(Tcb& tcb, time::Instant now) noexcept {
    tcb.in_recovery = true;
    tcb.recover = tcb.snd_nxt - 1;
    tcb.congestion.on_loss(in_flight(tcb));
    tcb.congestion.window = tcb.congestion.threshold;
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
    if (tcb.in_recovery) send_what_may_be_lost(tcb, now);
}

void Sender::send_what_may_be_lost(Tcb& tcb, time::Instant now) noexcept {
    while (SendSegment* const segment = tcb.board->next_doubtful(tcb.queue)) {
        if (!has_way_for(tcb, in_flight(tcb), segment->length) || !send_again(tcb, *segment, now)) return;
        tcb.board->on_sent_again(*segment);
    }
}

}  // namespace skerry::stack::tcp
