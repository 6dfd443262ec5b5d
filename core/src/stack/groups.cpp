#include <skerry/stack/groups.hpp>

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

namespace skerry::stack {

using wire::IgmpMessage;
using wire::IgmpType;
using wire::Ipv4Addr;

namespace {

constexpr auto unsolicited_interval = std::chrono::seconds{10};
constexpr auto tenth = std::chrono::milliseconds{100};

}  // namespace

Groups::~Groups() {
    for (auto& [address, group] : groups_) {
        Timers::cancel(*group);
        if (config_.steering != nullptr) config_.steering->leave(group->address);
    }
}

// --- joining and leaving

Result<> Groups::join(Ipv4Addr address, time::Instant now) noexcept try {
    if (const auto found = groups_.find(address.bits); found != groups_.end()) {
        ++found->second->sockets;
        return {};
    }
    if (groups_.size() >= config_.groups_max) return Errc::no_buffers;
    auto made = std::make_unique<Group>();
    Group& group = *made;
    groups_.emplace(address.bits, std::move(made));
    if (config_.steering != nullptr && !config_.steering->join(address)) {
        groups_.erase(address.bits);
        return Errc::no_memory;
    }
    group.table = this;
    group.on_time = &on_time;
    group.address = address;
    group.sockets = 1;
    report(group, now);
    timers_.set(group, now + random_part_of(unsolicited_interval));
    return {};
} catch (const std::bad_alloc&) {
    return Errc::no_memory;
}

void Groups::leave(Ipv4Addr address, time::Instant now) noexcept {
    const auto found = groups_.find(address.bits);
    if (found == groups_.end() || --found->second->sockets != 0) return;
    const bool is_last_core = config_.steering == nullptr || config_.steering->leave(address);
    if (found->second->reported_last && is_last_core) transmit(IgmpType::leave, address, wire::igmp_all_routers, now);
    Timers::cancel(*found->second);
    groups_.erase(found);
}

// --- what comes

void Groups::input(Packet& packet) noexcept {
    IgmpMessage message;
    const Drop why = wire::parse(packet.payload(), message);
    if (why != Drop::none) return link_.drop(packet.frame, why);
    if (message.type == IgmpType::query) {
        on_query(message, packet.now);
    } else if (message.type != IgmpType::leave) {
        const auto found = groups_.find(message.group.bits);
        if (found == groups_.end()) return link_.drop(packet.frame, Drop::igmp_not_member);
        Timers::cancel(*found->second);
        found->second->reported_last = false;
    }
    packet.frame.drop();
}

void Groups::on_query(const IgmpMessage& query, time::Instant now) noexcept {
    for (auto& [address, group] : groups_)
        if (query.group.is_unspecified() || query.group == group->address) answer_later(*group, query, now);
}

// A report that is due sooner stays due then.
void Groups::answer_later(Group& group, const IgmpMessage& query, time::Instant now) noexcept {
    const time::Instant due = now + random_part_of(query.max_response_tenths * tenth);
    if (!group.is_linked() || due.as_nanos() < group.deadline_ns) timers_.set(group, due);
}

void Groups::on_time(Timer& timer, time::Instant now) noexcept {
    auto& group = static_cast<Group&>(timer);
    group.table->report(group, now);
}

// --- what leaves

void Groups::report(Group& group, time::Instant now) noexcept {
    group.reported_last = true;
    transmit(IgmpType::report_v2, group.address, group.address, now);
}

void Groups::transmit(IgmpType type, Ipv4Addr group, Ipv4Addr to, time::Instant now) noexcept {
    Frame* const frame = link_.allocate();
    if (frame == nullptr) return;
    IgmpMessage message;
    message.type = type;
    message.group = group;
    frame->length = wire::igmp_bytes;
    wire::write(message, frame->data);
    output_.send_with_router_alert(*frame, to, wire::ip_protocol::igmp, now);
}

std::chrono::nanoseconds Groups::random_part_of(std::chrono::nanoseconds time) noexcept {
    using std::chrono::microseconds;  // the longest, 53 minutes, times 2^32 fits 64 bits
    const auto most = static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(time).count());
    return microseconds(static_cast<std::int64_t>(most * random_.next() >> 32U));
}

}  // namespace skerry::stack
