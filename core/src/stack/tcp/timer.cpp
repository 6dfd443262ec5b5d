// What a connection does when its time comes.

#include <skerry/stack/tcp/tcp.hpp>

#include <chrono>

namespace skerry::stack::tcp {

void Tcp::on_time(Timer& timer, time::Instant now) noexcept {
    auto& tcb = static_cast<Tcb&>(timer);
    tcb.tcp->on_time(tcb, now);
}

void Tcp::on_time(Tcb& tcb, time::Instant now) noexcept {
    const std::int64_t now_ns = now.as_nanos();
    if (tcb.ack_at <= now_ns) output_.send_ack(tcb, now);
    if (tcb.retransmit_at <= now_ns && !on_retransmit(tcb, now)) return;
    if (tcb.keep_alive_at <= now_ns && !on_keep_alive(tcb, now)) return;
    if (tcb.give_up_at <= now_ns) return end(tcb, Errc::timed_out);
    tcb.queue.shrink();
    shared_.arm(tcb);
}

// What ICMP has said since the last progress tells more than that there was none. Linux's tcp_write_err().
Error Tcp::why_given_up(const Tcb& tcb) noexcept {
    return tcb.has_soft_error ? Error::from_os(tcb.os_error) : Error(Errc::timed_out);
}

bool Tcp::on_retransmit(Tcb& tcb, time::Instant now) noexcept {
    const bool is_opening = tcb.state == State::syn_sent || tcb.state == State::syn_received;
    if (is_opening ? active_.on_timeout(tcb, now) : sender_.on_timeout(tcb, now)) return true;
    end(tcb, why_given_up(tcb));
    return false;
}

void Tcp::restart_keep_alive(Tcb& tcb, time::Instant now) noexcept {
    tcb.keep_alive_sent = 0;
    tcb.keep_alive_at = never;
    if (!tcb.keep_alive || tcb.state == State::closed) return;
    if (tcb.heard_at == 0) tcb.heard_at = now.as_nanos();
    tcb.keep_alive_at = tcb.heard_at + std::chrono::nanoseconds{std::chrono::seconds{tcb.keep_alive_idle_s}}.count();
    shared_.arm(tcb, tcb.keep_alive_at);
}

// RFC 9293 section 3.8.4. While data is under way that does the asking.
bool Tcp::on_keep_alive(Tcb& tcb, time::Instant now) noexcept {
    const std::chrono::nanoseconds idle = std::chrono::seconds{tcb.keep_alive_idle_s};
    const std::chrono::nanoseconds silence{now.as_nanos() - tcb.heard_at};
    if (silence < idle || !tcb.queue.empty()) {
        tcb.keep_alive_at = (silence < idle ? tcb.heard_at : now.as_nanos()) + idle.count();
        return true;
    }
    const bool is_silent_too_long = tcb.user_timeout_ms != 0
                                        ? tcb.keep_alive_sent != 0 && silence >= sender_.user_timeout(tcb)
                                        : tcb.keep_alive_sent >= tcb.keep_alive_count;
    if (is_silent_too_long) {
        output_.send_reset(tcb, now);
        end(tcb, why_given_up(tcb));
        return false;
    }
    ++tcb.keep_alive_sent;
    output_.send_probe(tcb, now);
    tcb.keep_alive_at =
        now.as_nanos() + std::chrono::nanoseconds{std::chrono::seconds{tcb.keep_alive_interval_s}}.count();
    return true;
}

}  // namespace skerry::stack::tcp
