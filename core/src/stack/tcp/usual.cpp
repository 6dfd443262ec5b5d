// The usual segment: of a connection that stands, exactly the next one, with nothing unusual about it. It is read at
// fixed places and goes straight to the two halves of its connection; every other goes the long way, through tcp.cpp.
//
// With many connections most of the time goes into waiting for memory, so what segments of a burst will touch is
// fetched while those in front of them are worked on: all slots of the table at once, then, one step a segment, the
// connection eight places ahead, the socket three ahead, the read that waits in it, and the buffer of the one three
// places behind, which is written when the whole burst is in. Each step finds what an earlier one has brought. So
// memory and work run beside each other, a dozen lines a segment. The rest of a task's frame its scheduler fetches,
// while tasks run.
//
// Rejected: passes over the whole burst, each for one kind of memory. No work is done while they wait: a tenth to a
// fifth more for each segment that comes.

#include <skerry/stack/tcp/tcp.hpp>

#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/stack/wire/checksum.hpp>

#include <algorithm>

namespace skerry::stack::tcp {

namespace {

constexpr std::size_t buffer_bytes_fetched = 2 * cache_line_bytes;

// How far from the segment that is worked on each step is.
constexpr std::size_t connections_ahead = 8;
constexpr std::size_t sockets_ahead = 3;
constexpr std::size_t buffers_behind = 3;

// Inlined in any case: g++ takes a function that only prefetches for one without effect, and leaves calls of it out.
SKERRY_ALWAYS_INLINE void fetch(const void* at, std::size_t bytes) noexcept {
    if (bytes == 0) return;
    const auto* const first = static_cast<const std::byte*>(at);
    for (std::size_t i = 0; i < bytes - 1; i += cache_line_bytes) prefetch_write(first + i);
    prefetch_write(first + bytes - 1);
}

// A connection that a segment in front has ended stands where it stood, without an endpoint.
SKERRY_ALWAYS_INLINE void fetch_socket(Glance& glance) noexcept {
    glance.endpoint = glance.connection != nullptr && glance.has_payload() ? glance.connection->endpoint : nullptr;
    if (glance.endpoint != nullptr) fetch(glance.endpoint, Endpoint::bytes_fetched);
}

SKERRY_ALWAYS_INLINE void fetch_read(Glance& glance) noexcept {
    const bool is_waited_for = glance.endpoint != nullptr && glance.endpoint->waiter != nullptr;
    glance.read = is_waited_for ? *glance.endpoint->waiter : nullptr;
    if (glance.read != nullptr) fetch(glance.read, sizeof(*glance.read));
}

SKERRY_ALWAYS_INLINE void fetch_buffer(const Glance& glance) noexcept {
    if (glance.read == nullptr) return;
    fetch(glance.read->into.data(), std::min(glance.read->into.size(), buffer_bytes_fetched));
}

}  // namespace

SKERRY_ALWAYS_INLINE void Tcp::fetch_connection(Glance& glance) noexcept {
    if (!glance.has_hash) return;
    const std::uint32_t number = shared_.flows.first(glance.hash);
    if (number == FlowTable::none || flow_kind(number) != Kind::connection) return;
    glance.connection = &shared_.tcbs[flow_index(number)];
    fetch(glance.connection, Tcb::bytes_of_usual_segment);
}

bool Tcp::fetch_slots(std::span<Glance> burst) noexcept {
    const Tuple* before = last_ != nullptr ? &last_->tuple : nullptr;
    bool is_needed = false;
    for (Glance& glance : burst) {
        // One that follows another of its connection finds everything there.
        if (glance.protocol != wire::ip_protocol::tcp || (before != nullptr && *before == glance.tuple)) continue;
        before = &glance.tuple;
        glance.hash = shared_.secrets.hash(glance.tuple);
        glance.has_hash = is_needed = true;
        shared_.flows.fetch(glance.hash);
    }
    if (!is_needed) return false;
    for (Glance& glance : burst.first(std::min(burst.size(), connections_ahead))) fetch_connection(glance);
    for (Glance& glance : burst.first(std::min(burst.size(), sockets_ahead))) fetch_socket(glance);
    return true;
}

void Tcp::fetch_around(std::span<Glance> burst, std::size_t at) noexcept {
    if (at + connections_ahead < burst.size()) fetch_connection(burst[at + connections_ahead]);
    if (at + sockets_ahead < burst.size()) fetch_socket(burst[at + sockets_ahead]);
    fetch_read(burst[at]);
    if (at >= buffers_behind) fetch_buffer(burst[at - buffers_behind]);
}

Tcb* Tcp::find_slow(const Glance& glance) noexcept {
    const std::uint64_t hash = glance.has_hash ? glance.hash : shared_.secrets.hash(glance.tuple);
    const std::uint32_t number =
        shared_.flows.find(hash, [&](std::uint32_t candidate) { return shared_.tuple_of(candidate) == glance.tuple; });
    if (number == FlowTable::none || flow_kind(number) != Kind::connection) return nullptr;
    return last_ = &shared_.tcbs[flow_index(number)];
}

bool Tcp::input_usual(const Glance& glance, time::Instant now) noexcept {
    Tcb* const found = find(glance);
    if (found == nullptr) return false;
    Tcb& tcb = *found;
    const std::byte* const at = glance.transport();
    const std::uint32_t segment_bytes = glance.ip_bytes() - static_cast<std::uint32_t>(wire::ipv4_bytes);
    const std::uint32_t header_bytes =
        static_cast<std::uint32_t>(wire::tcp_bytes + (tcb.has_timestamps ? wire::tcp_timestamps_bytes : 0));
    const std::uint32_t rest = wire::load_be32(at + 12);
    // The length of the header, and ACK with or without PSH.
    if (segment_bytes < header_bytes || (rest >> 16U & 0xf0f7U) != (header_bytes << 10U | flag::ack)) return false;
    Acknowledgement ack;
    std::uint32_t stamp = 0;
    if (tcb.has_timestamps) {
        const std::span<const std::byte> options(at + wire::tcp_bytes, wire::tcp_timestamps_bytes);
        if (!wire::has_only_timestamps(options)) return false;
        const wire::TcpTimestamps stamps = wire::load_only_timestamps(options);
        if (seq_before(stamps.value, tcb.ts_recent)) return false;
        stamp = stamps.value;
        ack.echo = stamps.echo;
    }
    ack.seq = wire::load_be32(at + 4);
    ack.ack = wire::load_be32(at + 8);
    ack.length = segment_bytes - header_bytes;
    ack.window = static_cast<std::uint16_t>(rest);
    ack.now = now;
    if (!tcb.receives_as_usual() || ack.seq != tcb.rcv_nxt || ack.ack - tcb.snd_una > tcb.snd_nxt - tcb.snd_una ||
        seq_after(ack.seq + ack.length, tcb.rcv_right))
        return false;
    if (!glance.checksums_hold(segment_bytes, true)) [[unlikely]]
        return false;
    if (ack.length != 0 && !receiver_.may_keep()) [[unlikely]]
        return false;

    on_heard(tcb, now);
    if (tcb.has_timestamps && stamp != tcb.ts_recent && ack.seq == tcb.last_ack_sent)
        remember_timestamp(tcb, stamp, now);
    if (ack.length == 0) {
        glance.frame->drop();
    } else {
        glance.trim_to(ack.length);
        if (!receiver_.take_next(tcb, *glance.frame, now)) glance.frame->drop();
    }
    sender_.on_ack(tcb, ack);  // what it lets go acknowledges the payload
    return true;
}

}  // namespace skerry::stack::tcp
