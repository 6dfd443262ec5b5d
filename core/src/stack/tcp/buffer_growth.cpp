#include <skerry/stack/tcp/buffer_growth.hpp>

#include <algorithm>

namespace skerry::stack::tcp {

namespace {

constexpr std::uint32_t round_trips_read = 4;
constexpr std::uint32_t windows_sent = 2;
// Who has a place and does not come back for so long has stopped reading.
constexpr std::chrono::nanoseconds patience = std::chrono::seconds{1};

// A window that cannot be told makes a buffer smaller than the beginning's, and it does not grow then.
std::uint32_t beyond(std::uint32_t limit, std::uint32_t beginning) noexcept {
    return limit > beginning ? limit - beginning : 0;
}

std::uint32_t told_most(const Tcb& tcb) noexcept { return std::uint32_t{0xffff} << tcb.receive_scale; }

}  // namespace

void BufferGrowth::start(Tcb& tcb, bool is_send_set, bool is_receive_set) const noexcept {
    tcb.grows_send = !is_send_set && !limits_.buffers_in_segments;
    tcb.grows_receive = !is_receive_set && !limits_.buffers_in_segments;
}

std::uint32_t BufferGrowth::send_grown(const Tcb& tcb) const noexcept {
    return tcb.grows_send ? beyond(tcb.send_limit, limits_.send_buffer_bytes) : 0;
}

std::uint32_t BufferGrowth::receive_grown(const Tcb& tcb) const noexcept {
    return tcb.grows_receive ? beyond(tcb.receive_limit, limits_.receive_buffer_bytes) : 0;
}

std::uint32_t BufferGrowth::more_to_send(const Tcb& tcb) const noexcept {
    return beyond(tcb.send_limit, std::min(limits_.send_buffer_bytes, TcpLimits::send_buffer_usual)) / tcb.mss;
}

std::uint32_t BufferGrowth::more_to_receive(const Tcb& tcb, std::uint32_t segment_bytes) const noexcept {
    const std::uint32_t usual = std::min(limits_.receive_buffer_bytes, TcpLimits::receive_buffer_usual);
    return beyond(tcb.receive_limit, usual) / segment_bytes;
}

bool BufferGrowth::grow(std::uint32_t& limit, std::uint32_t wanted, std::uint64_t& grown,
                        std::uint64_t grown_max) noexcept {
    if (wanted <= limit) return true;
    const std::uint64_t more = std::min<std::uint64_t>(wanted - limit, grown_max - std::min(grown, grown_max));
    limit += static_cast<std::uint32_t>(more);
    grown += more;
    return limit == wanted;
}

// The place is given up with each measure, so that those who share it take turns.
void BufferGrowth::on_read(Tcb& tcb, time::Instant now) noexcept {
    if (!tcb.grows_receive) return;
    Measure& measure = measure_of(tcb);
    const std::uint32_t read_to = tcb.rcv_nxt - tcb.received_bytes;
    const std::int64_t took_ns = now.as_nanos() - measure.began_ns;
    if (measure.index != tcb.index) {
        if (measure.index == nobody || took_ns > patience.count()) measure = {tcb.index, read_to, now.as_nanos()};
        return;
    }
    const std::int64_t round_trip_ns = std::chrono::nanoseconds(tcb.rto.smoothed()).count();
    std::uint64_t read = read_to - measure.seq;
    if (took_ns < round_trip_ns && read < tcb.receive_limit / 2) return;
    measure.index = nobody;
    if (round_trip_ns == 0) return;  // nothing was measured: RFC 6298 section 3
    if (took_ns > round_trip_ns)
        read = read * static_cast<std::uint64_t>(round_trip_ns) / static_cast<std::uint64_t>(took_ns);
    const std::uint64_t wanted = std::min<std::uint64_t>(read * round_trips_read, limits_.receive_buffer_max);
    const std::uint32_t most = std::min(static_cast<std::uint32_t>(wanted), told_most(tcb));
    if (!grow(tcb.receive_limit, most, counts_.receive_bytes, limits_.receive_growth_max)) ++counts_.refused;
}

// Asked with each acknowledgement while a write waits: what stays refused counts once.
void BufferGrowth::on_full(Tcb& tcb) noexcept {
    if (!tcb.grows_send) return;
    const std::uint64_t wanted = std::uint64_t{tcb.congestion.window} * windows_sent;
    const auto most = static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, limits_.send_buffer_max));
    const bool is_refused = !grow(tcb.send_limit, most, counts_.send_bytes, limits_.send_growth_max);
    if (is_refused && !tcb.is_send_growth_refused) ++counts_.refused;
    tcb.is_send_growth_refused = is_refused;
}

void BufferGrowth::set_send(Tcb& tcb, std::uint32_t bytes) noexcept {
    counts_.send_bytes -= send_grown(tcb);
    tcb.grows_send = false;
    tcb.send_limit = bytes;
}

void BufferGrowth::set_receive(Tcb& tcb, std::uint32_t bytes) noexcept {
    counts_.receive_bytes -= receive_grown(tcb);
    tcb.grows_receive = false;
    tcb.receive_limit = bytes;
}

void BufferGrowth::forget(const Tcb& tcb) noexcept {
    counts_.send_bytes -= send_grown(tcb);
    counts_.receive_bytes -= receive_grown(tcb);
    if (Measure& measure = measure_of(tcb); measure.index == tcb.index) measure.index = nobody;
}

}  // namespace skerry::stack::tcp
