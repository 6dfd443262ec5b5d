#include "tcp_wishes.hpp"

#include <algorithm>
#include <bit>

namespace skerry::pkt {

stack::tcp::Opening opening_of(const TcpWishes& wishes, Flavour flavour) noexcept {
    constexpr int scale_max = 14;
    stack::tcp::Opening opening;
    opening.mss_max = wishes.mss_max;
    if (wishes.send_buffer_bytes) opening.send_buffer_bytes = static_cast<std::uint32_t>(*wishes.send_buffer_bytes);
    if (wishes.receive_buffer_bytes) {
        opening.receive_buffer_bytes = static_cast<std::uint32_t>(*wishes.receive_buffer_bytes);
        const int bits = static_cast<int>(std::bit_width(opening.receive_buffer_bytes));
        if (flavour == Flavour::linux_like)
            opening.window_scale = static_cast<std::uint8_t>(std::clamp(bits - 16, 0, scale_max));
    }
    return opening;
}

void apply(const TcpWishes& wishes, stack::tcp::Tcp& tcp, stack::tcp::Tcb& tcb, time::Instant now) {
    tcb.resets_on_close = wishes.resets_on_close;
    tcb.user_timeout_ms = wishes.user_timeout_ms;
    tcb.mark(wishes.marks_to(tcb.tuple.remote));
    if (tcb.no_delay != wishes.no_delay) tcp.set_no_delay(tcb, wishes.no_delay, now);
    if (tcb.is_corked != wishes.is_corked) tcp.set_cork(tcb, wishes.is_corked, now);
    if (wishes.congestion && *wishes.congestion != tcb.congestion.algorithm())
        tcp.set_congestion(tcb, *wishes.congestion);
    const bool is_by_itself = tcb.quick_acks_left != 0;  // and would end by itself
    if (wishes.quick_ack && (*wishes.quick_ack != tcb.quick_ack || is_by_itself))
        tcp.set_quick_ack(tcb, *wishes.quick_ack);
    const bool is_new_watch = tcb.keep_alive != wishes.keep.keep_alive ||
                              tcb.keep_alive_idle_s != wishes.keep.keep_alive_idle_s ||
                              tcb.keep_alive_interval_s != wishes.keep.keep_alive_interval_s ||
                              tcb.keep_alive_count != wishes.keep.keep_alive_count;
    if (!is_new_watch) return;
    tcb.keep_alive = wishes.keep.keep_alive;
    tcb.keep_alive_idle_s = wishes.keep.keep_alive_idle_s;
    tcb.keep_alive_interval_s = wishes.keep.keep_alive_interval_s;
    tcb.keep_alive_count = wishes.keep.keep_alive_count;
    tcp.restart_keep_alive(tcb, now);
}

}  // namespace skerry::pkt
