#include <skerry/stack/tcp/time_wait.hpp>

namespace skerry::stack::tcp {

TimeWaits::TimeWaits(Shared& shared, Output& output) noexcept : shared_(shared), output_(output) {
    timer_.owner = this;
    timer_.on_time = [](Timer& timer, time::Instant now) noexcept { static_cast<Expiry&>(timer).owner->expire(now); };
}

TimeWaits::~TimeWaits() {
    while (!by_deadline_.empty()) remove(by_deadline_.front());
    Timers::cancel(timer_);
}

void TimeWaits::enter(Tcb& tcb, time::Instant now) noexcept {
    if (shared_.time_waits.size() >= shared_.config.tcp.time_wait_max && !by_deadline_.empty()) {
        shared_.drops.count(Drop::tcp_time_wait_full);
        remove(by_deadline_.front());
    }
    const std::uint64_t hash = shared_.secrets.hash(tcb.tuple);
    const std::uint32_t number = flow_number(Kind::connection, tcb.index);
    tcb.in_table = false;
    TimeWait* const entry = shared_.time_waits.make();
    if (entry == nullptr) {
        shared_.drops.count(Drop::tcp_memory);
        return shared_.leave(tcb.tuple, number);
    }
    entry->tuple = tcb.tuple;
    entry->snd_nxt = tcb.snd_nxt;
    entry->rcv_nxt = tcb.rcv_nxt;
    entry->ts_recent = tcb.ts_recent;
    entry->ts_offset = tcb.ts_offset;
    entry->has_timestamps = tcb.has_timestamps;
    entry->window = output_.window(tcb);
    entry->traffic_class = tcb.marks.traffic_class;
    shared_.flows.replace(hash, number, flow_number(Kind::time_wait, entry->index));
    keep(*entry, now);
}

void TimeWaits::keep(TimeWait& entry, time::Instant now) noexcept {
    if (entry.is_linked()) entry.unlink();
    by_deadline_.push_back(entry);
    const time::Instant deadline = now + shared_.config.tcp.time_wait;
    entry.deadline_ns = deadline.as_nanos();
    if (!timer_.is_linked()) shared_.timers.set(timer_, deadline);
}

void TimeWaits::remove(TimeWait& entry) noexcept {
    shared_.leave(entry.tuple, flow_number(Kind::time_wait, entry.index));
    replaced(entry);
}

void TimeWaits::replaced(TimeWait& entry) noexcept {
    entry.unlink();
    shared_.time_waits.free(entry);
    if (by_deadline_.empty()) Timers::cancel(timer_);
}

void TimeWaits::lose(wire::Ipv4Addr local) noexcept {
    TimeWait* next = by_deadline_.empty() ? nullptr : &by_deadline_.front();
    while (next != nullptr) {
        TimeWait& entry = *next;
        next = by_deadline_.next_of(entry);
        if (entry.tuple.local == local) remove(entry);
    }
}

void TimeWaits::expire(time::Instant now) noexcept {
    while (!by_deadline_.empty() && by_deadline_.front().deadline_ns <= now.as_nanos()) remove(by_deadline_.front());
    if (!by_deadline_.empty()) shared_.timers.set(timer_, time::Instant::from_nanos(by_deadline_.front().deadline_ns));
}

// Whether a SYN begins a new connection: by its timestamp where there is one, else by its number. RFC 6191 section 2;
// an older timestamp is an old SYN, whatever its number is.
bool TimeWaits::is_newer(const TimeWait& entry, const Segment& segment) noexcept {
    const wire::TcpOptions& options = segment.options;
    if (entry.has_timestamps && options.has_timestamps && options.timestamps.value != entry.ts_recent)
        return seq_after(options.timestamps.value, entry.ts_recent);
    return seq_after(segment.seq(), entry.rcv_nxt);
}

bool TimeWaits::may_be_followed(const TimeWait& entry, time::Instant now) const noexcept {
    const TcpLimits& limits = shared_.config.tcp;
    const auto since = now - time::Instant::from_nanos(entry.deadline_ns) + limits.time_wait;
    return entry.has_timestamps && limits.timestamps && since > limits.time_wait_reuse;
}

TimeWaits::Outcome TimeWaits::input(TimeWait& entry, const Segment& segment, bool may_begin) noexcept {
    if (segment.has(flag::rst)) return {Drop::tcp_reset, {}};
    const bool is_syn = segment.has(flag::syn) && !segment.has(flag::ack) && !segment.has(flag::fin);
    if (is_syn && may_begin && is_newer(entry, segment)) return {Drop::none, next_isn(entry)};
    if (!segment.has(flag::ack) && !segment.has(flag::syn)) return {Drop::tcp_flags, {}};
    // Pure acknowledgements say nothing here. Others are answered, but not without end.
    if (segment.length() == 0 && segment.seq() == entry.rcv_nxt) return {};
    // The very one, and no other that anybody sends: it would keep the place for ever.
    const bool is_their_end = segment.has(flag::fin) && segment.end() == entry.rcv_nxt;
    if (is_their_end) keep(entry, segment.now());
    if (was_within(entry.answered_ms, shared_.config.tcp.challenge_interval, segment.now()))
        return {Drop::tcp_sequence, {}};
    entry.answered_ms = mark_ms(segment.now());
    output_.send_ack(entry, segment.now());
    return {is_their_end ? Drop::none : Drop::tcp_sequence, {}};
}

}  // namespace skerry::stack::tcp
