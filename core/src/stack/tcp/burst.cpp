// Which segments of those that leave in a row a kernel would hand to its device as one, to be cut by it. We hand over
// each by itself; what shows is the PSH of the last of several, which has the receiving end pass them on. Source:
// Linux's tcp_tso_autosize(), tcp_cwnd_test() and __tcp_transmit_skb().

#include <skerry/stack/tcp/sender.hpp>

#include <algorithm>

namespace skerry::stack::tcp {

// What the way takes in 1/1024 s when twice a window leaves in a round trip, and more on a short way; half a window at
// most.
std::uint32_t Sender::burst_of(const Tcb& tcb) const noexcept {
    constexpr std::uint64_t longest = 65'536;
    const auto round_trip_us = static_cast<std::uint64_t>(std::max<std::int64_t>(tcb.rto.smoothed().count(), 1));
    const std::uint64_t paced = std::uint64_t{2'000'000} * tcb.congestion.window / round_trip_us / 1024;
    const std::uint64_t for_short = longest >> std::min<std::uint64_t>(round_trip_us / 512, 31);
    const std::uint64_t bytes = std::min(paced, longest) + for_short;
    const std::uint64_t wanted =
        std::max<std::uint64_t>(shared_.config.tcp.burst_segments, std::min(bytes, longest) / tcb.mss);
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(tcb.congestion.window / tcb.mss / 2, 1, wanted));
}

// Whether the next segment, the one at `place` of those that leave now, is the last of several. One that leaves again
// leaves by itself.
bool Sender::ends_burst(Tcb& tcb, std::uint32_t place) noexcept {
    if (shared_.config.tcp.burst_segments < 2) [[likely]]
        return false;
    SendQueue& queue = tcb.queue;
    const std::uint32_t at = queue.sent();
    if (at + 1 == queue.size() || seq_before(queue[at].seq, tcb.snd_nxt)) return false;  // the end has its own
    const std::uint32_t burst = burst_of(tcb);
    if (place % burst == 0) return false;
    if (place % burst == burst - 1) return true;
    const SendSegment& next = queue[at + 1];
    const std::uint32_t ahead = next.seq - tcb.snd_una;
    const bool fits = has_way_for(tcb, ahead, next.length) && ahead + next.seq_length() <= tcb.snd_wnd;
    return !fits || (next.length < tcb.mss && !next.is_fin() && !tcb.no_delay && is_kept_back(tcb));
}

}  // namespace skerry::stack::tcp
