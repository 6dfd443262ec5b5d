// Which segments of those that leave in a row a kernel would hand to its device as one, to be cut by it. We hand over
// each by itself; what shows is the PSH of the last of several, which has the receiving end pass them on. Source:
// Linux's tcp_tso_autosize(), tcp_cwnd_test() and __tcp_transmit_skb().

#include <skerry/stack/tcp/sender.hpp>

#include <algorithm>

namespace skerry::stack::tcp {

// Segments: what the way takes in 1/1024 s when twice a window leaves in a round trip, and more on a short way.
std::uint32_t Sender::largest_burst(const Tcb& tcb) const noexcept {
    constexpr std::uint64_t longest = 65'536;
    const auto round_trip_us = static_cast<std::uint64_t>(std::max<std::int64_t>(tcb.rto.smoothed().count(), 1));
    const std::uint64_t paced = std::uint64_t{2'000'000} * tcb.congestion.window / round_trip_us / 1024;
    const std::uint64_t for_short = longest >> std::min<std::uint64_t>(round_trip_us / 512, 31);
    const auto bytes = static_cast<std::uint32_t>(std::min(paced + for_short, longest));
    return std::max<std::uint32_t>(shared_.config.tcp.burst_segments, bytes / tcb.mss);
}

// No more than half a window.
std::uint32_t Sender::burst_of(const Tcb& tcb) const noexcept {
    return std::min(std::max(tcb.congestion.window / tcb.mss / 2, 1U), largest_burst(tcb));
}

// Whether the next segment, the one at `place` of those that leave now, is the last of several.
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

// Whether the next segment, which begins a burst that the windows have no room for, waits for an acknowledgement to
// make more: that of the oldest is due within a millisecond, and others have just left. Linux's tcp_tso_should_defer().
bool Sender::waits_for_burst(Tcb& tcb, std::uint32_t place, time::Instant now) const noexcept {
    if (shared_.config.tcp.burst_segments < 2) [[likely]]
        return false;
    SendQueue& queue = tcb.queue;
    const std::uint32_t at = queue.sent();
    if (at == 0 || at + 1 >= queue.size() || queue.back().is_fin() || tcb.in_recovery) return false;
    if (place % burst_of(tcb) != 0 || seq_before(queue[at].seq, tcb.snd_nxt)) return false;
    const std::uint32_t window = std::min(tcb.congestion.window, tcb.snd_wnd);
    const std::uint32_t ahead = queue[at].seq - tcb.snd_una;
    const std::uint32_t room = window > ahead ? window - ahead : 0;
    if (room >= largest_burst(tcb) * tcb.mss || room >= window / 3) return false;
    constexpr std::chrono::nanoseconds soon = std::chrono::milliseconds{1};
    const std::chrono::nanoseconds since_others{now.as_nanos() - queue[at - 1].sent_ns};
    const std::chrono::nanoseconds round_trip = tcb.rto.smoothed();
    const std::chrono::nanoseconds due = round_trip - std::chrono::nanoseconds{now.as_nanos() - queue.front().sent_ns};
    return since_others <= soon && due <= std::min(round_trip / 2, soon);
}

// One that was the last of a burst is that still when it goes again with the one before.
void Sender::mark_again(Tcb& tcb, SendSegment& segment, time::Instant now) noexcept {
    segment.flags |= sent_flag::again;
    if ((segment.flags & sent_flag::ends_burst) == 0) return;
    const std::uint32_t at = tcb.queue.find(segment.seq);
    const bool goes_with_others = at != 0 && at < tcb.queue.size() && tcb.queue[at - 1].sent_ns == now.as_nanos();
    if (!goes_with_others) segment.flags &= static_cast<std::uint8_t>(~sent_flag::ends_burst);
}

}  // namespace skerry::stack::tcp
