#include "tcp_wishes.hpp"

#include <algorithm>

namespace skerry::pkt {

namespace {

// The limits of stack::Sockets.
std::uint32_t buffer_bytes(int asked) {
    constexpr std::uint32_t least = 4096;
    constexpr std::uint32_t most = 4U << 20U;
    return std::clamp(static_cast<std::uint32_t>(asked), least, most);
}

}  // namespace

void apply(const TcpWishes& wishes, stack::tcp::Tcp& tcp, stack::tcp::Tcb& tcb, time::Instant now) {
    tcb.resets_on_close = wishes.resets_on_close;
    tcb.user_timeout_ms = wishes.user_timeout_ms;
    if (wishes.send_buffer_bytes) tcb.send_limit = buffer_bytes(*wishes.send_buffer_bytes);
    if (wishes.receive_buffer_bytes)
        tcb.receive_limit =
            std::min(buffer_bytes(*wishes.receive_buffer_bytes), std::uint32_t{0xffff} << tcb.receive_scale);
    if (tcb.no_delay != wishes.no_delay) tcp.set_no_delay(tcb, wishes.no_delay, now);
    if (wishes.quick_ack && *wishes.quick_ack != tcb.quick_ack) tcp.set_quick_ack(tcb, *wishes.quick_ack);
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
