#pragma once

// Multicast groups: which ones this host is in, and telling the routers, as IGMPv2 wants it.
//
//   join      a report at once and a second one within 10 s, in case the first was lost
//   query     a report after a random part of the time that the query gives
//   report    of another host: ours is not needed, so it is left out
//   leave     told to the routers, unless another host was the last to report
//
// Source: RFC 2236; RFC 1112 for 224.0.0.1, which every host is in and which nobody reports.

#include "config.hpp"
#include "drop.hpp"
#include "ip_output.hpp"
#include "packet.hpp"
#include "random.hpp"
#include "timers.hpp"
#include "wire/igmp.hpp"

#include "../base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace skerry::stack {

/// Threads: one core.
class Groups {
public:
    Groups(const StackConfig& config, Link& link, IpOutput& output, Timers& timers) noexcept
        : config_(config),
          link_(link),
          output_(output),
          timers_(timers),
          random_(config.drawn_seed(), SecretUse::igmp_numbers) {}
    ~Groups();
    Groups(const Groups&) = delete;
    Groups& operator=(const Groups&) = delete;

    /// One more socket wants the group.
    ///
    /// Errors: no_buffers, when this host is in groups_max already; no_memory.
    [[nodiscard]] Result<> join(wire::Ipv4Addr group, time::Instant now) noexcept;
    /// One socket less. It had joined.
    void leave(wire::Ipv4Addr group, time::Instant now) noexcept;

    [[nodiscard]] bool has(wire::Ipv4Addr group) const noexcept {
        return group == wire::igmp_all_systems || groups_.contains(group.bits);
    }

    /// Takes an IGMP packet over.
    void input(Packet& packet) noexcept;

private:
    struct Group : Timer {
        Groups* table = nullptr;
        wire::Ipv4Addr address;
        std::size_t sockets = 0;
        bool reported_last = false;  // by us: then it is ours to say that nobody is left
    };

    void on_query(const wire::IgmpMessage& query, time::Instant now) noexcept;
    void answer_later(Group& group, const wire::IgmpMessage& query, time::Instant now) noexcept;
    void report(Group& group, time::Instant now) noexcept;
    void transmit(wire::IgmpType type, wire::Ipv4Addr group, wire::Ipv4Addr to, time::Instant now) noexcept;
    [[nodiscard]] std::chrono::nanoseconds random_part_of(std::chrono::nanoseconds time) noexcept;
    static void on_time(Timer& timer, time::Instant now) noexcept;

    const StackConfig& config_;
    Link& link_;
    IpOutput& output_;
    Timers& timers_;
    std::unordered_map<std::uint32_t, std::unique_ptr<Group>> groups_;
    Random random_;
};

}  // namespace skerry::stack
