#include <skerry/stack/groups.hpp>

#include <array>
#include <chrono>

namespace skerry::stack {

using wire::IgmpMessage;
using wire::IgmpType;
using wire::Ipv4Addr;

Groups::Groups(const StackConfig& config, Link& link, IpOutput& output, Timers& timers) noexcept
    : hosts_(output.hosts()),
      random_(config.drawn_seed(), SecretUse::igmp_numbers),
      igmp_(config, link, output),
      mld_(config, link, output),
      v4_(igmp_, config, hosts_, timers, random_),
      v6_(mld_, config, hosts_, timers, random_) {}

// --- IGMP

Drop Groups::input(const Packet& packet) noexcept {
    if (packet.ip.ttl != 1) return Drop::igmp_ttl;
    IgmpMessage message;
    if (const Drop why = wire::parse(packet.payload(), message); why != Drop::none) return why;
    if (!messages_.take(packet.now, random_)) return Drop::igmp_rate;
    if (message.type == IgmpType::leave) return Drop::none;
    if (message.type != IgmpType::query)
        return v4_.on_report(message.group, packet.now) ? Drop::none : Drop::igmp_not_member;
    // Version 1 has none, and there are switches that ask in version 2 without.
    if (message.query_version == 3 && !packet.ip.router_alert) return Drop::igmp_router_alert;
    return on_query(message, packet.now) ? Drop::none : Drop::igmp_not_member;
}

bool Groups::on_query(const IgmpMessage& message, time::Instant now) noexcept {
    std::array<Ipv4Addr, Membership::sources_most> sources;
    const bool is_few = message.sources.size() <= sources.size();  // else it is answered as if all were asked about
    // Reserved addresses are numbers of IPv6 hosts inside the stack; what sends nothing is asked about as 0.0.0.0.
    for (std::size_t i = 0; is_few && i < message.sources.size(); ++i)
        sources[i] = message.sources[i].is_never_a_source() ? Ipv4Addr{} : message.sources[i];
    MembershipQuery query;
    query.is_general = message.group.is_unspecified();
    query.group = message.group;
    query.version = message.query_version;
    query.max_response = message.max_response_tenths * std::chrono::milliseconds{100};
    query.robustness = message.robustness;
    query.interval = std::chrono::seconds{message.query_interval_s};
    query.sources = std::span(sources).first(is_few ? message.sources.size() : 0);
    return v4_.on_query(query, now);
}

// --- MLD

Drop Groups::input_v6(const Packet& packet) noexcept {
    wire::MldMessage message;
    const Drop why = wire::parse(packet.payload(), message, packet.v6->ip, packet.v6->chain, packet.frame.checksum);
    if (why != Drop::none) return why;
    if (!messages_.take(packet.now, random_)) return Drop::mld_rate;
    if (message.type == wire::Icmpv6Type::listener_query)
        return on_query(message, packet.now) ? Drop::none : Drop::mld_not_member;
    if (message.type != wire::Icmpv6Type::listener_report_v1) return Drop::mld_not_member;
    return v6_.on_report(hosts_.name(message.group), packet.now) ? Drop::none : Drop::mld_not_member;
}

bool Groups::on_query(const wire::MldMessage& message, time::Instant now) noexcept {
    MembershipQuery query;
    query.is_general = message.group.is_unspecified();
    query.version = message.query_version;
    query.max_response = std::chrono::milliseconds{message.max_response_ms};
    query.robustness = message.robustness;
    query.interval = std::chrono::seconds{message.query_interval_s};
    if (query.is_general) return v6_.on_query(query, now);
    const auto group = hosts_.find(message.group);
    if (!group) return false;  // nobody holds it
    query.group = *group;
    // Named one by one and held, because those that pass are eight.
    std::array<Ipv4Addr, Membership::sources_most> sources;
    std::size_t count = 0;
    const bool is_few = message.sources.size() <= sources.size();
    for (std::size_t i = 0; is_few && i < message.sources.size(); ++i)
        if (const auto held = hosts_.hold(hosts_.name(message.sources[i]))) sources[count++] = *held;
    query.sources = std::span(sources).first(count);
    const bool is_ours = v6_.on_query(query, now);
    for (const Ipv4Addr each : query.sources) hosts_.release(each);
    return is_ours;
}

}  // namespace skerry::stack
