#pragma once

// What the parts of one stack's TCP have in common: its tables and its ways out.

#include "buffer_growth.hpp"
#include "endpoint.hpp"
#include "flow_table.hpp"
#include "half_open.hpp"
#include "options.hpp"
#include "slab.hpp"
#include "tcb.hpp"

#include "../config.hpp"
#include "../drop.hpp"
#include "../hosts.hpp"
#include "../ip_output.hpp"
#include "../link.hpp"
#include "../random.hpp"
#include "../rate_limit.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace skerry::stack::tcp {

/// See time_wait.hpp.
struct TimeWait : ListLink {
    Tuple tuple;
    std::uint32_t index = 0;  ///< in the slab
    std::int64_t deadline_ns = 0;
    std::uint32_t snd_nxt = 0;
    std::uint32_t rcv_nxt = 0;
    std::uint32_t ts_recent = 0;
    std::uint32_t ts_offset = 0;
    std::uint32_t answered_ms = 0;
    std::uint16_t window = 0;
    bool has_timestamps = false;
    std::uint8_t traffic_class = 0;  ///< the TTL is the usual one again, as on Linux
};
static_assert(sizeof(TimeWait) <= 64);

/// What a number of the flow table means.
enum class Kind : std::uint32_t { connection = 0, half_open = 1, time_wait = 2 };

[[nodiscard]] constexpr std::uint32_t flow_number(Kind kind, std::uint32_t index) noexcept {
    return static_cast<std::uint32_t>(kind) << 30U | index;
}
[[nodiscard]] constexpr Kind flow_kind(std::uint32_t number) noexcept { return static_cast<Kind>(number >> 30U); }
[[nodiscard]] constexpr std::uint32_t flow_index(std::uint32_t number) noexcept { return number & 0x3fff'ffffU; }

/// What ECN did, since the stack began.
struct EcnCounts {
    std::uint64_t agreed = 0;   ///< connections
    std::uint64_t marked = 0;   ///< segments with data that came and had met congestion
    std::uint64_t reduced = 0;  ///< windows that came down because a peer told of a mark
};

struct Shared {
    /// Carries the changes of one connection's queues over to the sums: of both, or of the sending one alone.
    class Accounting;
    class SendAccounting;

    Shared(const StackConfig& stack_config, Link& stack_link, IpOutput& ipv4, Timers& stack_timers,
           DropCounters& counters) noexcept
        : config(stack_config),
          link(stack_link),
          output(ipv4),
          timers(stack_timers),
          drops(counters),
          secrets(stack_config.seed),
          random(stack_config.drawn_seed(), SecretUse::tcp_numbers),
          resets(stack_config.tcp.resets_per_second),
          challenges(stack_config.tcp.challenges_per_second),
          buffers(stack_config.tcp),
          window_step(stack_config.tcp.tells_all_room ? 1 : own_mss(stack_config)),
          window_least(stack_config.tcp.tells_all_room ? own_mss(stack_config) : 0) {}

    const StackConfig& config;
    Link& link;
    IpOutput& output;
    Timers& timers;
    DropCounters& drops;
    Secrets secrets;
    Random random;  ///< ports and jitter
    FlowTable flows;
    Slab<Tcb> tcbs;
    Slab<HalfOpen> half_opens;
    Slab<TimeWait> time_waits;
    ReadyList ready;
    IntrusiveList<AckLink> owed;  ///< acknowledgements that nothing carried yet: the next flush looks at them
    RateLimit resets;
    RateLimit challenges;
    EcnCounts ecn;
    BufferGrowth buffers;
    std::uint32_t window_step;   ///< how far the end of a window moves at least, when it moves
    std::uint32_t window_least;  ///< with less room than that it does not
    std::size_t send_frames = 0;     ///< descriptors in all send queues
    std::size_t receive_frames = 0;  ///< frames in all queues of what came
    std::uint64_t buffers_given = 0;  ///< that programs gave away, and that were kept to be sent as they are

    [[nodiscard]] const Tuple& tuple_of(std::uint32_t number) noexcept {
        switch (flow_kind(number)) {
            case Kind::half_open: return half_opens[flow_index(number)].tuple;
            case Kind::time_wait: return time_waits[flow_index(number)].tuple;
            case Kind::connection: break;
        }
        return tcbs[flow_index(number)].tuple;
    }
    [[nodiscard]] std::uint32_t find(const Tuple& tuple) noexcept {
        return flows.find(secrets.hash(tuple), [&](std::uint32_t number) { return tuple_of(number) == tuple; });
    }

    /// Enters a flow, for the other cores too. False when there is no memory.
    [[nodiscard]] bool enter(const Tuple& tuple, std::uint32_t number) noexcept {
        if (!flows.insert(secrets.hash(tuple), number)) return false;
        if (config.steering == nullptr || config.steering->enter(tuple)) return true;
        flows.erase(secrets.hash(tuple), number);
        return false;
    }
    /// Takes a flow out, and lets its peer's address go.
    void leave(const Tuple& tuple, std::uint32_t number) noexcept {
        flows.erase(secrets.hash(tuple), number);
        if (config.steering != nullptr) config.steering->leave(tuple);
        let_go(tuple);
    }

    /// Before a flow is entered: keeps the address of its peer, and names it by the number that stays. False when there
    /// is no memory.
    [[nodiscard]] bool hold(Tuple& tuple) noexcept {
        const auto remote = output.hosts().hold(tuple.remote);
        if (remote) tuple.remote = *remote;
        return remote.has_value();
    }
    void let_go(const Tuple& tuple) noexcept { output.hosts().release(tuple.remote); }

    /// What numbers that go on from an older connection's are made of.
    [[nodiscard]] Tuple lasting(Tuple tuple) const noexcept {
        tuple.remote.bits = output.hosts().lasting(tuple.remote);
        return tuple;
    }
    /// The payload of a segment that the way to `remote` takes.
    [[nodiscard]] std::uint16_t path_mss(wire::Ipv4Addr remote, bool has_timestamps) const noexcept {
        return tcp::path_mss(output.path_mtu(remote), remote, has_timestamps);
    }
    /// Whether it is an address of ours.
    [[nodiscard]] bool is_own(wire::Ipv4Addr address) const noexcept { return output.is_own(address); }

    /// Whether the frame of what came may be kept until it is read.
    [[nodiscard]] bool may_keep_received() noexcept {
        return receive_frames < config.tcp.receive_frames_max && link.may_keep_to_read();
    }
    [[nodiscard]] static std::size_t receive_frames_of(const Tcb& tcb) noexcept {
        return tcb.received.size() + tcb.reassembly.size();
    }

    /// Whoever has the connection is told.
    void mark_ready(Tcb& tcb) noexcept {
        if (tcb.endpoint != nullptr) ready.mark(*tcb.endpoint);
    }
    /// The next flush acknowledges, unless something carries it before.
    void owe_ack(Tcb& tcb) noexcept { owe_ack_at(tcb, std::numeric_limits<std::int64_t>::min()); }
    /// So it does when `at` has come; before that it sets the timer. So what is answered in the same turn touches none.
    void owe_ack_at(Tcb& tcb, std::int64_t at) noexcept {
        tcb.ack_at = at;
        if (!static_cast<AckLink&>(tcb).is_linked()) owed.push_back(tcb);
    }
    /// The peer acknowledged something new, so the neighbour on the way there need not be asked whether it lives
    /// (RFC 4861 section 7.3.1). Once in 2^32 ns for each connection; the check that it spares waits for 5 s.
    void confirm_way(Tcb& tcb, time::Instant now) noexcept {
        const auto turn = static_cast<std::uint8_t>(now.as_nanos() >> 32U | 1U << 7U);
        if (tcb.confirmed_in == turn) [[likely]]
            return;
        tcb.confirmed_in = turn;
        output.confirm(tcb.tuple.remote, now);
    }
    /// Sees to it that the timer fires at `deadline`, which is one of the connection's, or before it. In the usual case
    /// it stands before it, from a segment that was acknowledged long ago, and will look again.
    void arm(Tcb& tcb, std::int64_t deadline) noexcept {
        Timer& timer = tcb;
        if ((timer.is_linked() && timer.deadline_ns <= deadline) || deadline == never) [[likely]]
            return;
        timers.set(timer, time::Instant::from_nanos(deadline));
    }
    /// The same of the earliest one.
    void arm(Tcb& tcb) noexcept {
        arm(tcb, std::min({tcb.retransmit_at, tcb.ack_at, tcb.keep_alive_at, tcb.give_up_at}));
    }
};

class Shared::SendAccounting {
public:
    SendAccounting(Shared& shared, const Tcb& tcb) noexcept : shared_(shared), tcb_(tcb), sent_(tcb.queue.size()) {}
    ~SendAccounting() { shared_.send_frames += std::size_t{tcb_.queue.size()} - sent_; }
    SendAccounting(const SendAccounting&) = delete;
    SendAccounting& operator=(const SendAccounting&) = delete;

private:
    Shared& shared_;
    const Tcb& tcb_;
    std::size_t sent_;
};

class Shared::Accounting {
public:
    Accounting(Shared& shared, const Tcb& tcb) noexcept
        : sending_(shared, tcb), shared_(shared), tcb_(tcb), received_(receive_frames_of(tcb)) {}
    ~Accounting() { shared_.receive_frames += receive_frames_of(tcb_) - received_; }
    Accounting(const Accounting&) = delete;
    Accounting& operator=(const Accounting&) = delete;

private:
    SendAccounting sending_;
    Shared& shared_;
    const Tcb& tcb_;
    std::size_t received_;
};

}  // namespace skerry::stack::tcp
