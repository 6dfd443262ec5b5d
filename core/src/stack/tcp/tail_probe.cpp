// What a sender does when the end of what it sent may be lost: no later segment would tell of that, and a time-out is
// long. Where nothing is acknowledged for two round trips it sends one more, and what the peer answers tells what is
// missing. RFC 8985 section 7.
//
// A probe that is under way keeps a scoreboard, so that each acknowledgement goes the long way until its answer is
// known. Without memory for one there is no probe, and the time-out comes.
//
// The timer is lazy. The segment that leaves alone has the time-out's, which is earlier than two round trips and a
// delayed acknowledgement, but for one whose round trips vary a lot; the second brings it forward, and when it fires it
// looks at what was sent last. So a dialogue pays nothing for it.

#include <skerry/stack/tcp/sender.hpp>

#include <algorithm>

namespace skerry::stack::tcp {

// Nothing is known to be missing, and there is no probe under way.
bool Sender::may_probe_tail(const Tcb& tcb) noexcept {
    return tcb.probes_tail && tcb.duplicate_acks == 0 && !tcb.repairs_time_out && !tcb.in_recovery && !tcb.is_probing &&
           tcb.queue.sent() != 0;
}

// Section 7.2. A segment that is alone may wait for its acknowledgement as long as the peer puts that off.
std::int64_t Sender::tail_wait_ns(const Tcb& tcb) const noexcept {
    const TcpLimits& limits = shared_.config.tcp;
    if (tcb.rto.smoothed().count() == 0) return limits.rto_initial.count();
    const std::chrono::nanoseconds more = tcb.queue.sent() == 1 ? limits.rto_min : limits.tail_probe_slack;
    return (std::chrono::nanoseconds{2 * tcb.rto.smoothed()} + more).count();
}

// Something left, or was acknowledged: the timer comes no later than the probe is due.
void Sender::watch_tail(Tcb& tcb, time::Instant now) noexcept {
    if (!may_probe_tail(tcb)) return;
    const std::int64_t due = now.as_nanos() + tail_wait_ns(tcb);
    if (due >= tcb.retransmit_at) return;
    tcb.retransmit_at = due;
    shared_.arm(tcb, due);
}

// Something is missing: that will be told of by what arrives, or by the time-out.
void Sender::stop_watching_tail(Tcb& tcb) noexcept {
    if (!tcb.probes_tail || tcb.queue.sent() == 0 || tcb.is_probing || tcb.repairs_time_out) return;
    tcb.retransmit_at = time_out_at(tcb);
    shared_.arm(tcb, tcb.retransmit_at);
}

std::int64_t Sender::time_out_at(Tcb& tcb) const noexcept {
    const std::int64_t due =
        std::max(tcb.queue.front().sent_ns, tcb.waiting_since) + tcb.rto.value(shared_.config.tcp).count();
    return std::min(due, tcb.waiting_since + user_timeout(tcb).count());
}

// False when it is the time-out that is due.
bool Sender::on_tail_time(Tcb& tcb, time::Instant now) noexcept {
    if (is_given_up(tcb, now)) return false;
    const std::int64_t last = std::max(tcb.queue[tcb.queue.sent() - 1].sent_ns, tcb.waiting_since);
    const std::int64_t due = std::min(last + tail_wait_ns(tcb), time_out_at(tcb));
    if (due > now.as_nanos()) {
        tcb.retransmit_at = due;
        return true;
    }
    if (send_tail_probe(tcb, now)) {
        restart_timer(tcb, now);
        return true;
    }
    tcb.retransmit_at = time_out_at(tcb);
    return tcb.retransmit_at > now.as_nanos();
}

// Section 7.3: what is new, whatever the congestion window says, else the last once more.
bool Sender::send_tail_probe(Tcb& tcb, time::Instant now) noexcept {
    if (!make_board(tcb, now)) return false;
    SendQueue& queue = tcb.queue;
    const bool is_new = queue.has_unsent() && fits_their_window(tcb, queue.next_unsent());
    const bool is_sent = is_new ? send_next(tcb, now) : send_again(tcb, queue[queue.sent() - 1], now);
    if (!is_sent) {
        tcb.board.reset();
        tcb.duplicate_acks = 0;
        return false;
    }
    tcb.board.record()->tail = {tcb.snd_nxt, true, !is_new};
    return true;
}

// Section 7.4.2. What goes beyond the probe, without a word that it came twice, was repaired by it: the rest of the
// flight was acknowledged, but one segment had been lost.
void Sender::judge_tail_probe(Tcb& tcb, std::uint32_t ack, bool have_both_arrived,
                              std::uint32_t flight_before) noexcept {
    TailProbe& tail = tcb.board.record()->tail;
    if (seq_before(ack, tail.end)) return;
    const bool has_repaired = tail.is_again && !have_both_arrived && seq_after(ack, tail.end);
    const bool is_open = tail.is_again && !have_both_arrived && !has_repaired;
    if (is_open) return;
    tail.is_under_way = false;
    if (!has_repaired || tcb.in_recovery || tcb.repairs_time_out || tcb.is_reducing) return;
    tcb.owes_cwr = tcb.has_ecn;
    tcb.congestion.on_loss(flight_before);
    tcb.congestion.window = tcb.congestion.threshold;
}

}  // namespace skerry::stack::tcp
