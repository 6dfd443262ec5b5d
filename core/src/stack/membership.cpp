#include <skerry/stack/membership.hpp>

#include <skerry/stack/steering/core_steering.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace skerry::stack {

using wire::Ipv4Addr;

namespace {

using std::chrono::nanoseconds;

// RFC 3376 section 8 and RFC 3810 section 9; the older interval is RFC 2236's section 8.10 and RFC 2710's 7.10.
constexpr unsigned robustness_default = 2;
constexpr auto query_interval_default = std::chrono::seconds{125};
constexpr auto response_interval = std::chrono::seconds{10};
constexpr auto unsolicited_interval = std::chrono::seconds{1};
constexpr auto unsolicited_interval_old = std::chrono::seconds{10};

// A router may ask for an answer in no time at all. So that whoever asks without end does not get one a packet,
// answers wait for a part of this at least.
constexpr auto response_least = std::chrono::milliseconds{100};

}  // namespace

Membership::Membership(MembershipSpeaker& speaker, const StackConfig& config, Hosts& hosts, Timers& timers,
                       Random& random) noexcept
    : speaker_(speaker),
      config_(config),
      hosts_(hosts),
      timers_(timers),
      random_(random),
      robustness_(robustness_default),
      interval_(query_interval_default) {
    general_.table = this;
    general_.on_time = [](Timer& timer, time::Instant now) noexcept {
        static_cast<GeneralTimer&>(timer).table->answer_all(now);
    };
}

Membership::~Membership() {
    Timers::cancel(general_);
    for (auto& [address, group] : groups_) {
        Timers::cancel(group->answer);
        Timers::cancel(group->change);
        if (config_.steering != nullptr && group->is_wanted()) config_.steering->leave(group->address);
    }
}

std::size_t Membership::sources_max() const noexcept { return std::min(config_.group_sources_max, sources_most); }

bool Membership::Group::is_wanted() const noexcept {
    return members_for_all != 0 ||
           std::any_of(sources.begin(), sources.end(), [](const Source& each) { return each.members != 0; });
}

Membership::Group* Membership::find(Ipv4Addr group) const noexcept {
    const auto found = groups_.find(group.bits);
    return found == groups_.end() ? nullptr : found->second.get();
}

bool Membership::has(Ipv4Addr group) const noexcept {
    const Group* const found = find(group);
    return found != nullptr && found->is_wanted();
}

// What other cores are in stays as it is, whatever this one leaves.
bool Membership::others_are_in(const Group& group) const noexcept {
    return config_.steering != nullptr && config_.steering->others_in_group(group.address) != 0;
}

// --- joining and leaving

// Making room for one lets others go, and their addresses with them: these two keep their numbers meanwhile.
Result<> Membership::join(Ipv4Addr address, Ipv4Addr source, time::Instant now) noexcept {
    const auto held_address = hosts_.hold(address);
    if (!held_address) return Errc::no_memory;
    const auto held_source = hosts_.hold(source);
    Result<> joined = held_source ? join_held(*held_address, *held_source, now) : Result<>(Errc::no_memory);
    if (held_source) hosts_.release(*held_source);
    hosts_.release(*held_address);
    return joined;
}

Result<> Membership::join_held(Ipv4Addr address, Ipv4Addr source, time::Instant now) noexcept {
    if (find(address) == nullptr)
        if (auto added = add_group(address); !added) return added;
    Group& group = *find(address);
    if (!source.is_unspecified())
        if (auto added = add_source(group, source); !added) {
            if (!group.is_wanted() && !group.change.is_linked()) erase(group);
            return added;
        }
    const Before before = look(group);
    if (!before.is_wanted && config_.steering != nullptr && !config_.steering->join(address)) {
        erase(group);
        return Errc::no_memory;
    }
    ++(source.is_unspecified() ? group.members_for_all : group.find(source)->members);
    changed(group, before, now);
    return {};
}

Membership::Source* Membership::Group::find(Ipv4Addr source) noexcept {
    const auto found =
        std::find_if(sources.begin(), sources.end(), [&](const Source& each) { return each.address == source; });
    return found == sources.end() ? nullptr : &*found;
}

Membership::Before Membership::look(Group& group) noexcept {
    for (Source& each : group.sources) each.was_heard = group.hears(each);
    return {group.is_wanted(), group.members_for_all != 0};
}

// Tells routers what look() saw otherwise: the mode, or else sources. An older version has no sources, so only the
// first join and the last leave are news to it; and what other cores hear goes on.
void Membership::changed(Group& group, const Before& before, time::Instant now) noexcept {
    const bool is_wanted = group.is_wanted();
    const bool is_newest = version(now) == speaker_.newest_version();
    const bool are_others =
        is_wanted ? others_are_in(group) : config_.steering != nullptr && !config_.steering->leave(group.address);
    const bool is_told = speaker_.is_told(group.address);
    const auto reports = [&](bool gives) {
        const bool is_news = gives ? is_newest || !before.is_wanted : !are_others && (is_newest || !is_wanted);
        return is_told && is_news ? robustness_ : 0;
    };
    const bool hears_all = group.members_for_all != 0;
    unsigned most = 0;
    if (hears_all != before.hears_all) {
        group.mode_reports_left = reports(hears_all);
        most = group.mode_reports_left;
    } else {
        for (Source& each : group.sources) {
            const bool hears = group.hears(each);
            if (hears == each.was_heard) continue;
            each.reports_left = reports(hears);
            most = std::max(most, each.reports_left);
        }
    }
    if (most != 0) return tell_change(group, now);
    if (!is_wanted) return erase(group);
    forget_gone(group);
}

Result<> Membership::block(Ipv4Addr address, Ipv4Addr source, time::Instant now) noexcept {
    Group* const group = find(address);
    if (group == nullptr) return Errc::address_not_available;
    if (auto added = add_source(*group, source); !added) return added;
    const Before before = look(*group);
    ++group->find(hosts_.current(source))->blockers;
    changed(*group, before, now);
    return {};
}

void Membership::unblock(Ipv4Addr address, Ipv4Addr source, time::Instant now) noexcept {
    Group* const group = find(address);
    Source* const entry = group != nullptr ? group->find(source) : nullptr;
    if (entry == nullptr || entry->blockers == 0) return;
    const Before before = look(*group);
    --entry->blockers;
    changed(*group, before, now);
}

// Those that have left and are still being told make room.
void Membership::make_room() noexcept {
    const auto left =
        std::find_if(groups_.begin(), groups_.end(), [](const auto& each) { return !each.second->is_wanted(); });
    if (left != groups_.end()) erase(*left->second);
}

Result<> Membership::add_group(Ipv4Addr address) noexcept try {
    if (groups_.size() >= config_.groups_max) make_room();
    if (groups_.size() >= config_.groups_max) return Errc::no_buffers;
    const auto held = hosts_.hold(address);
    if (!held) return Errc::no_memory;
    auto made = std::make_unique<Group>();
    made->table = this;
    made->address = *held;
    made->answer.group = made->change.group = made.get();
    made->answer.on_time = [](Timer& timer, time::Instant now) noexcept {
        Group& group = *static_cast<GroupTimer&>(timer).group;
        group.table->answer(group, now);
    };
    made->change.on_time = [](Timer& timer, time::Instant now) noexcept {
        Group& group = *static_cast<GroupTimer&>(timer).group;
        group.table->tell_change(group, now);
    };
    list_.reserve(sources_max());
    groups_.emplace(held->bits, std::move(made));
    return {};
} catch (const std::bad_alloc&) {
    return Errc::no_memory;
}

Result<> Membership::add_source(Group& group, Ipv4Addr source) noexcept try {
    auto& all = group.sources;
    if (std::any_of(all.begin(), all.end(), [&](const Source& each) { return each.address == source; })) return {};
    if (all.size() >= sources_max()) {
        const auto left =
            std::find_if(all.begin(), all.end(), [](const Source& each) { return each.members + each.blockers == 0; });
        if (left == all.end()) return Errc::no_buffers;
        hosts_.release(left->address);
        all.erase(left);
    }
    all.reserve(all.size() + 1);
    const auto held = hosts_.hold(source);
    if (!held) return Errc::no_memory;
    all.push_back({*held});
    return {};
} catch (const std::bad_alloc&) {
    return Errc::no_memory;
}

void Membership::leave(Ipv4Addr address, Ipv4Addr source, time::Instant now,
                       std::span<const Ipv4Addr> blocked) noexcept {
    Group* const group = find(address);
    if (group == nullptr) return;
    Source* const entry = group->find(source);
    const std::uint32_t members = entry != nullptr ? entry->members : 0;
    if ((source.is_unspecified() ? group->members_for_all : members) == 0) return;
    const Before before = look(*group);
    --(source.is_unspecified() ? group->members_for_all : entry->members);
    for (const Ipv4Addr each : blocked)
        if (Source* const found = group->find(each); found != nullptr && found->blockers != 0) --found->blockers;
    changed(*group, before, now);
}

void Membership::forget_gone(Group& group) noexcept {
    const auto is_gone = [](const Source& each) { return each.members + each.blockers == 0 && each.reports_left == 0; };
    for (const Source& each : group.sources)
        if (is_gone(each)) hosts_.release(each.address);
    group.sources.erase(std::remove_if(group.sources.begin(), group.sources.end(), is_gone), group.sources.end());
}

void Membership::erase(Group& group) noexcept {
    Timers::cancel(group.answer);
    Timers::cancel(group.change);
    forget_asked(group);
    for (const Source& each : group.sources) hosts_.release(each.address);
    const Ipv4Addr address = group.address;
    groups_.erase(address.bits);
    hosts_.release(address);
}

// --- telling changes

template <class Wanted>
std::span<const Ipv4Addr> Membership::listed(const Group& group, Wanted wanted) noexcept {
    list_.clear();  // it has room for all that a group may have
    for (const Source& each : group.sources)
        if (wanted(each)) list_.push_back(each.address);
    return list_;
}

// Whoever else is on this host's address hears them.
std::span<const Ipv4Addr> Membership::shut_out(const Group& group) noexcept {
    if (others_are_in(group)) return {};
    return listed(group, [&](const Source& each) { return !group.hears(each); });
}

void Membership::add_change(Group& group, time::Instant now) noexcept {
    const auto is_heard = [&](const Source& each) { return group.hears(each); };
    if (group.mode_reports_left != 0) {
        if (group.members_for_all != 0)
            return speaker_.add({MembershipRecordType::to_exclude, group.address, shut_out(group)}, now);
        return speaker_.add({MembershipRecordType::to_include, group.address, listed(group, is_heard)}, now);
    }
    const auto news = listed(group, [&](const Source& each) { return each.reports_left != 0 && is_heard(each); });
    if (!news.empty()) speaker_.add({MembershipRecordType::allow_new, group.address, news}, now);
    const auto gone = listed(group, [&](const Source& each) { return each.reports_left != 0 && !is_heard(each); });
    if (!gone.empty()) speaker_.add({MembershipRecordType::block_old, group.address, gone}, now);
}

void Membership::tell_change(Group& group, time::Instant now) noexcept {
    if (version(now) < speaker_.newest_version()) return tell_old_change(group, now);
    add_change(group, now);
    speaker_.flush(now);
    unsigned left = group.mode_reports_left == 0 ? 0 : --group.mode_reports_left;
    for (Source& each : group.sources) {
        if (each.reports_left != 0) --each.reports_left;
        left = std::max(left, each.reports_left);
    }
    forget_gone(group);
    if (left != 0)
        timers_.set(group.change, now + random_part_of(unsolicited_interval));
    else if (!group.is_wanted())
        erase(group);
    else
        Timers::cancel(group.change);
}

// Twice of a join, once of a leave.
void Membership::tell_old_change(Group& group, time::Instant now) noexcept {
    if (!group.is_wanted()) {
        if (group.reported_last && version(now) >= speaker_.leave_version()) speaker_.leave_old(group.address, now);
        return erase(group);
    }
    group.mode_reports_left = 0;
    for (Source& each : group.sources) each.reports_left = 0;
    group.is_told_again = !group.is_told_again;
    group.reported_last = true;
    speaker_.report_old(group.address, version(now), now);
    if (group.is_told_again) timers_.set(group.change, now + random_part_of(unsolicited_interval_old));
}

// --- queries

unsigned Membership::version(time::Instant now) const noexcept {
    for (unsigned each = 1; each < speaker_.newest_version(); ++each)
        if (now < older_until_[each - 1]) return each;
    return speaker_.newest_version();
}

// What waits to be said is dropped when the version changes: RFC 3376 section 7.2.1, RFC 3810 section 8.2.1.
void Membership::note_version(const MembershipQuery& query, time::Instant now) noexcept {
    const unsigned before = version(now);
    if (query.version >= speaker_.newest_version()) {
        robustness_ = query.robustness == 0 ? robustness_default : query.robustness;
        interval_ = query.interval == nanoseconds{} ? nanoseconds{query_interval_default} : query.interval;
    } else {
        older_until_[query.version - 1] = now + robustness_ * interval_ + response_interval;
    }
    if (version(now) == before) return;
    Timers::cancel(general_);
    for (auto at = groups_.begin(); at != groups_.end();) {
        Group& group = *(at++)->second;
        Timers::cancel(group.answer);
        Timers::cancel(group.change);
        forget_asked(group);
        group.is_told_again = false;
        group.mode_reports_left = 0;
        for (Source& each : group.sources) each.reports_left = 0;
        forget_gone(group);
        if (!group.is_wanted()) erase(group);
    }
}

bool Membership::on_query(const MembershipQuery& query, time::Instant now) noexcept {
    note_version(query, now);
    const time::Instant due = now + random_part_of(std::max<nanoseconds>(query.max_response, response_least));
    const bool is_newest = version(now) == speaker_.newest_version();
    if (query.is_general) {
        if (is_newest && !groups_.empty()) set_sooner(general_, due);
        if (is_newest) return true;
        for (auto& [address, group] : groups_)  // each at its own time, so that others' reports spare it
            if (speaker_.is_told(group->address))
                set_sooner(group->answer,
                           now + random_part_of(std::max<nanoseconds>(query.max_response, response_least)));
        return true;
    }
    Group* const group = find(query.group);
    if (group == nullptr || !group->is_wanted()) return false;
    if (!speaker_.is_told(group->address)) return true;
    if (general_.is_linked() && general_.deadline_ns <= due.as_nanos()) return true;
    ask(*group, query.sources);
    set_sooner(group->answer, due);
    return true;
}

// What waits already and what is asked now, in one answer. Too many sources are asked for by asking for all.
void Membership::ask(Group& group, std::span<const Ipv4Addr> sources) noexcept try {
    const bool is_whole = sources.empty() || group.is_asked_whole;
    if (is_whole || group.asked.size() + sources.size() > sources_max()) {
        forget_asked(group);
        group.is_asked_whole = true;
        return;
    }
    group.asked.reserve(sources_max());
    for (const Ipv4Addr each : sources) {
        if (std::find(group.asked.begin(), group.asked.end(), each) != group.asked.end()) continue;
        if (const auto held = hosts_.hold(each)) group.asked.push_back(*held);
    }
} catch (const std::bad_alloc&) {
    group.is_asked_whole = true;
}

void Membership::forget_asked(Group& group) noexcept {
    for (const Ipv4Addr each : group.asked) hosts_.release(each);
    group.asked.clear();
    group.is_asked_whole = false;
}

void Membership::add_state(const Group& group, time::Instant now) noexcept {
    if (group.members_for_all != 0)
        return speaker_.add({MembershipRecordType::is_exclude, group.address, shut_out(group)}, now);
    const auto all = listed(group, [&](const Source& each) { return group.hears(each); });
    if (!all.empty()) speaker_.add({MembershipRecordType::is_include, group.address, all}, now);
}

// RFC 3376 section 5.2: of what was asked about, what is heard.
std::span<const Ipv4Addr> Membership::heard_of_asked(Group& group) noexcept {
    list_.clear();  // it has room for all that is asked about at once
    for (const Ipv4Addr each : group.asked) {
        const Source* const known = group.find(each);
        if (known != nullptr ? group.hears(*known) : group.members_for_all != 0) list_.push_back(each);
    }
    return list_;
}

void Membership::answer(Group& group, time::Instant now) noexcept {
    if (!group.is_wanted()) return forget_asked(group);
    if (version(now) < speaker_.newest_version()) {
        group.reported_last = true;
        speaker_.report_old(group.address, version(now), now);
    } else if (group.is_asked_whole || group.asked.empty()) {
        add_state(group, now);
    } else if (const auto heard = heard_of_asked(group); !heard.empty()) {
        speaker_.add({MembershipRecordType::is_include, group.address, heard}, now);
    }
    speaker_.flush(now);
    forget_asked(group);
}

void Membership::answer_all(time::Instant now) noexcept {
    for (const auto& [address, group] : groups_)
        if (speaker_.is_told(group->address)) add_state(*group, now);
    speaker_.flush(now);
}

bool Membership::on_report(Ipv4Addr address, time::Instant now) noexcept {
    Group* const group = find(address);
    if (group == nullptr || !group->is_wanted()) return false;
    if (version(now) == speaker_.newest_version()) return true;  // in which each speaks for itself
    Timers::cancel(group->answer);
    Timers::cancel(group->change);
    forget_asked(*group);
    group->is_told_again = false;
    group->reported_last = false;
    return true;
}

void Membership::set_sooner(Timer& timer, time::Instant due) noexcept {
    if (!timer.is_linked() || due.as_nanos() < timer.deadline_ns) timers_.set(timer, due);
}

nanoseconds Membership::random_part_of(nanoseconds time) noexcept {
    using std::chrono::microseconds;  // the longest, 2.4 hours, times 2^32 stays below 2^64
    constexpr std::uint64_t most_us = 0xffff'ffffU;
    const auto most = static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(time).count());
    return microseconds(static_cast<std::int64_t>(std::min(most, most_us) * random_.next() >> 32U));
}

}  // namespace skerry::stack
