#include <skerry/stack/tcp/info.hpp>

#include <algorithm>
#include <chrono>
#include <limits>

namespace skerry::stack::tcp {

using backend::TcpInfo;
using backend::TcpState;

TcpState to_tcp_state(State state) noexcept {
    switch (state) {
        case State::syn_sent: return TcpState::syn_sent;
        case State::syn_received: return TcpState::syn_received;
        case State::established: return TcpState::established;
        case State::fin_wait_1: return TcpState::fin_wait_1;
        case State::fin_wait_2: return TcpState::fin_wait_2;
        case State::close_wait: return TcpState::close_wait;
        case State::closing: return TcpState::closing;
        case State::last_ack: return TcpState::last_ack;
        case State::closed: break;
    }
    return TcpState::closed;
}

TcpInfo info_of(const Tcb& tcb, const TcpLimits& limits) noexcept {
    TcpInfo info;
    info.state = to_tcp_state(tcb.state);
    info.round_trip = tcb.rto.smoothed();
    info.round_trip_variation = tcb.rto.deviation();
    info.retransmission_timeout = std::chrono::duration_cast<std::chrono::microseconds>(tcb.rto.value(limits));
    info.send_mss = tcb.mss;
    info.congestion_window = tcb.congestion.window;
    info.slow_start_threshold = tcb.congestion.threshold == std::numeric_limits<std::uint32_t>::max()
                                    ? TcpInfo::no_threshold
                                    : tcb.congestion.threshold;
    info.send_window = tcb.snd_wnd;
    info.unacknowledged = std::min(tcb.queue.bytes(), tcb.snd_nxt - tcb.snd_una);  // a FIN has a number too
    info.unsent = tcb.queue.bytes() - info.unacknowledged;
    info.retransmitted = tcb.retransmitted;
    info.has_timestamps = tcb.has_timestamps;
    info.has_sack = tcb.has_sack;
    info.has_ecn = tcb.has_ecn;
    info.has_seen_ecn = tcb.has_seen_ect;
    info.has_window_scale = tcb.has_scale || tcb.send_scale != 0 || tcb.receive_scale != 0;
    return info;
}

}  // namespace skerry::stack::tcp
