#pragma once

// Which multicast groups a host is in, with which sources, and when the routers hear of it: one state machine for
// IGMPv3 and MLDv2, which say the same in other bytes. What is a family's own stands behind MembershipSpeaker.
//
//   change    told at once and robustness - 1 times more within a second each, in case one was lost: TO_IN and TO_EX
//             when the mode changes, ALLOW and BLOCK for sources. Who has left is remembered until that is said
//   query     answered after a random part of the time that it gives. One answer to all queries that wait: the sooner
//             time, and all that any of them asked
//   older     while a router of an older version is about nobody speaks newer: reports without sources, spared by
//             another host's, and a leave by whoever reported last. 4 minutes 20 s after its last query it is gone
//
// The interface's filter (RFC 3376 section 3.2) is counted: with a membership for all sources it is EXCLUDE of those
// that each such member shuts out and nobody joined, else INCLUDE of all that somebody joined.
//
// Where several cores share an address each is a host of its own on the link, as routers see it. What takes away is
// not told while other cores are in the group, nor whom this one shuts out.
//
// Source: RFC 3376 sections 3.2, 5, 7.2, 8; RFC 3810 sections 4.2, 6, 8.2, 9; RFC 2236 section 3; RFC 2710 section 4.

#include "config.hpp"
#include "hosts.hpp"
#include "random.hpp"
#include "timers.hpp"
#include "wire/addresses.hpp"

#include "../base/result.hpp"
#include "../time/instant.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace skerry::stack {

/// RFC 3376 section 4.2.12 and RFC 3810 section 5.2.12.
enum class MembershipRecordType : std::uint8_t {
    is_include = 1,
    is_exclude = 2,
    to_include = 3,
    to_exclude = 4,
    allow_new = 5,
    block_old = 6,
};

/// What a report says of one group. Groups and sources are named as hosts.hpp says.
struct MembershipRecord {
    MembershipRecordType type = MembershipRecordType::is_exclude;
    wire::Ipv4Addr group;
    std::span<const wire::Ipv4Addr> sources;
};

/// What a query asks.
struct MembershipQuery {
    bool is_general = false;
    wire::Ipv4Addr group;  ///< of one that is not general
    unsigned version = 0;
    std::chrono::nanoseconds max_response{};
    unsigned robustness = 0;  ///< of the newest version; 0: not told
    std::chrono::nanoseconds interval{};  ///< of the newest version; 0: not told
    std::span<const wire::Ipv4Addr> sources;  ///< empty: the whole group
};

/// How a family says it.
class MembershipSpeaker {
public:
    /// 3 of IGMP, 2 of MLD.
    [[nodiscard]] virtual unsigned newest_version() const noexcept = 0;
    /// The first version that knows a leave.
    [[nodiscard]] virtual unsigned leave_version() const noexcept = 0;
    /// Whether routers are to hear of a group at all.
    [[nodiscard]] virtual bool is_told(wire::Ipv4Addr group) const noexcept = 0;
    /// Puts a record into the report that is being made, or into the next one when that is full.
    virtual void add(const MembershipRecord& record, time::Instant now) noexcept = 0;
    /// Sends what add() has left.
    virtual void flush(time::Instant now) noexcept = 0;
    /// In the words of an older version.
    virtual void report_old(wire::Ipv4Addr group, unsigned version, time::Instant now) noexcept = 0;
    virtual void leave_old(wire::Ipv4Addr group, time::Instant now) noexcept = 0;

protected:
    ~MembershipSpeaker() = default;
};

/// Lifetime: all that it is made with outlives it.
/// Threads:  one core.
class Membership {
public:
    /// So many sources of one group fit into a record of the smallest MTU, whatever the configuration says.
    static constexpr std::size_t sources_most = 64;

    Membership(MembershipSpeaker& speaker, const StackConfig& config, Hosts& hosts, Timers& timers,
               Random& random) noexcept;
    ~Membership();
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;

    /// One more socket wants the group, for one source or, when that is 0.0.0.0, for all.
    ///
    /// Errors: no_buffers, at the limit of groups or of sources; no_memory.
    [[nodiscard]] Result<> join(wire::Ipv4Addr group, wire::Ipv4Addr source, time::Instant now) noexcept;
    /// One socket less. It had joined, and, for all, shut these sources out.
    void leave(wire::Ipv4Addr group, wire::Ipv4Addr source, time::Instant now,
               std::span<const wire::Ipv4Addr> blocked = {}) noexcept;

    /// One of the sockets that joined for all shuts a source out, or, having done so, lets it in again.
    ///
    /// Errors: as join().
    [[nodiscard]] Result<> block(wire::Ipv4Addr group, wire::Ipv4Addr source, time::Instant now) noexcept;
    void unblock(wire::Ipv4Addr group, wire::Ipv4Addr source, time::Instant now) noexcept;

    /// Whether any socket is in it.
    [[nodiscard]] bool has(wire::Ipv4Addr group) const noexcept;

    /// False when it is about a group that we are not in.
    [[nodiscard]] bool on_query(const MembershipQuery& query, time::Instant now) noexcept;
    /// Another host has reported the group in an older version's words. False when we are not in it.
    [[nodiscard]] bool on_report(wire::Ipv4Addr group, time::Instant now) noexcept;

    /// The version that is spoken by now.
    [[nodiscard]] unsigned version(time::Instant now) const noexcept;

private:
    struct Source {
        wire::Ipv4Addr address;
        std::uint32_t members = 0;  // who joined for it
        std::uint32_t blockers = 0;  // who joined for all others. Both 0: what was, which is still being told
        unsigned reports_left = 0;
        bool was_heard = false;  // before the change at hand
    };
    struct Group;
    struct GroupTimer : Timer {
        Group* group = nullptr;
    };
    struct Group {
        Membership* table = nullptr;
        wire::Ipv4Addr address;
        std::uint32_t members_for_all = 0;
        std::vector<Source> sources;
        std::vector<wire::Ipv4Addr> asked;  // by queries that wait for their answer; held
        bool is_asked_whole = false;
        bool reported_last = false;  // in an older version, by us: then it is ours to say that nobody is left
        unsigned mode_reports_left = 0;
        bool is_told_again = false;  // in an older version: a join's second report waits
        GroupTimer answer;
        GroupTimer change;

        [[nodiscard]] bool is_wanted() const noexcept;
        [[nodiscard]] bool hears(const Source& source) const noexcept {
            return source.members != 0 || source.blockers < members_for_all;
        }
        [[nodiscard]] Source* find(wire::Ipv4Addr source) noexcept;
    };
    /// What a group was before the change at hand.
    struct Before {
        bool is_wanted = false;
        bool hears_all = false;
    };
    struct GeneralTimer : Timer {
        Membership* table = nullptr;
    };

    [[nodiscard]] Group* find(wire::Ipv4Addr group) const noexcept;
    [[nodiscard]] Result<> join_held(wire::Ipv4Addr group, wire::Ipv4Addr source, time::Instant now) noexcept;
    [[nodiscard]] Result<> add_group(wire::Ipv4Addr group) noexcept;
    [[nodiscard]] Result<> add_source(Group& group, wire::Ipv4Addr source) noexcept;
    [[nodiscard]] static Before look(Group& group) noexcept;
    void changed(Group& group, const Before& before, time::Instant now) noexcept;
    void make_room() noexcept;
    void erase(Group& group) noexcept;
    void forget_gone(Group& group) noexcept;
    void tell_change(Group& group, time::Instant now) noexcept;
    void tell_old_change(Group& group, time::Instant now) noexcept;
    void add_change(Group& group, time::Instant now) noexcept;
    void answer(Group& group, time::Instant now) noexcept;
    void answer_all(time::Instant now) noexcept;
    void add_state(const Group& group, time::Instant now) noexcept;
    void note_version(const MembershipQuery& query, time::Instant now) noexcept;
    void ask(Group& group, std::span<const wire::Ipv4Addr> sources) noexcept;
    void forget_asked(Group& group) noexcept;
    void set_sooner(Timer& timer, time::Instant due) noexcept;
    [[nodiscard]] std::chrono::nanoseconds random_part_of(std::chrono::nanoseconds time) noexcept;
    [[nodiscard]] std::size_t sources_max() const noexcept;
    [[nodiscard]] bool others_are_in(const Group& group) const noexcept;

    [[nodiscard]] std::span<const wire::Ipv4Addr> shut_out(const Group& group) noexcept;
    [[nodiscard]] std::span<const wire::Ipv4Addr> heard_of_asked(Group& group) noexcept;
    template <class Wanted>
    [[nodiscard]] std::span<const wire::Ipv4Addr> listed(const Group& group, Wanted wanted) noexcept;

    MembershipSpeaker& speaker_;
    const StackConfig& config_;
    Hosts& hosts_;
    Timers& timers_;
    Random& random_;
    std::unordered_map<std::uint32_t, std::unique_ptr<Group>> groups_;
    std::vector<wire::Ipv4Addr> list_;  // of the record that is being made
    GeneralTimer general_;
    unsigned robustness_;
    std::chrono::nanoseconds interval_;
    std::array<time::Instant, 2> older_until_{};  // by version - 1
};

}  // namespace skerry::stack
