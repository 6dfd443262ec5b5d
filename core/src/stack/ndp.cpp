#include <skerry/stack/ndp.hpp>

#include <skerry/stack/ndp_frame.hpp>

#include <optional>

namespace skerry::stack {

using wire::Icmpv6Type;
using wire::Ipv6Addr;
using wire::MacAddr;
using wire::NdpMessage;

Ndp::News Ndp::input(const Packet& packet) noexcept {
    const Taken taken = take(packet);
    if (!packet.is_steered) drops_.count(taken.why);
    return taken.news;
}

Ndp::Taken Ndp::take(const Packet& packet) noexcept {
    NdpMessage message;
    const Ipv6Arrival& v6 = *packet.v6;
    if (const Drop why = wire::parse(packet.payload(), message, v6.ip, v6.chain, packet.frame.checksum);
        why != Drop::none)
        return {why};
    switch (message.type) {
        case Icmpv6Type::neighbour_solicitation: return take_solicitation(message, packet);
        case Icmpv6Type::neighbour_advertisement: return take_advertisement(message, packet);
        case Icmpv6Type::router_advertisement: return take_router(message, packet);
        case Icmpv6Type::redirect: return {take_redirect(message, packet), {0, false, config_.accept_redirects}};
        default: return {Drop::ndp_not_acted_on};
    }
}

// On another core than the first nothing of it is known: it counts and limits them.
Ndp::Taken Ndp::take_router(const NdpMessage& message, const Packet& packet) noexcept {
    if (!config_.autoconf6) return {Drop::ndp_not_acted_on};
    if (autoconf_ == nullptr) return {Drop::none, {0, true, false}};
    const Drop why = autoconf_->on_router(message, packet);
    if (packet.is_steered) drops_.count(why);
    if (why == Drop::none && message.has_source_link)
        (void)neighbours_.asked_by(packet.ip.source, message.source_link, packet.now);
    return {why};
}

// One without a sender asks whether its address is free: it learns that it is not, and we learn nothing. If that is an
// address that we ask for too neither gets it. Who asks for it otherwise is silently left alone: RFC 4862
// section 5.4.3. Another core, which got it, has answered.
Ndp::Taken Ndp::take_solicitation(const NdpMessage& message, const Packet& packet) noexcept {
    if (ipv6_link_.is_tentative(message.target)) {
        if (!packet.v6->ip.source.is_unspecified()) return {Drop::ndp_unsolicited};
        if (autoconf_ == nullptr) return {Drop::none, {0, true, false}};
        const Drop why = autoconf_->on_question(message, packet.now);
        if (packet.is_steered) drops_.count(why);
        return {why};
    }
    const auto target = hosts_.find(message.target);
    if (!target || !Hosts::is_own_v6(*target)) return {Drop::ndp_unsolicited};
    const bool is_news =
        message.has_source_link && neighbours_.asked_by(packet.ip.source, message.source_link, packet.now);
    if (!packet.is_steered) advertise(message, packet);
    return {Drop::none, {0, false, is_news}};
}

// RFC 4861 section 7.2.4. Who says where it is is answered there, past the table: an answer is no use of an entry, or
// askers would push out those in use.
void Ndp::advertise(const NdpMessage& question, const Packet& packet) noexcept {
    const Ipv6Addr& asker = packet.v6->ip.source;
    NdpMessage answer;
    answer.type = Icmpv6Type::neighbour_advertisement;
    answer.target = question.target;
    answer.solicited = !asker.is_unspecified();
    answer.overrides = true;
    answer.has_target_link = true;
    answer.target_link = link_.mac();
    const Ipv6Addr to = asker.is_unspecified() ? Ipv6Addr::all_nodes() : asker;
    Frame* const frame = make_ndp_packet(link_, answer, question.target, to);
    if (frame == nullptr) return;
    if (to.is_multicast())
        link_.send(*frame, MacAddr::of_group(to), wire::ether_type::ipv6);
    else if (question.has_source_link)
        link_.send(*frame, question.source_link, wire::ether_type::ipv6);
    else
        neighbours_.send(*frame, packet.ip.source, packet.now);
}

// An answer is for the cores that asked; one that nobody asked for may move an entry of any.
Ndp::Taken Ndp::take_advertisement(const NdpMessage& message, const Packet& packet) noexcept {
    if (ipv6_link_.is_tentative(message.target)) {
        if (autoconf_ == nullptr) return {Drop::none, {0, true, false}};
        const Drop why = autoconf_->on_claim(message.target, packet.now);
        if (packet.is_steered) drops_.count(why);
        return {why};
    }
    const auto target = hosts_.find(message.target);
    if (target && Hosts::is_own_v6(*target)) return {Drop::ndp_conflict};
    if (autoconf_ != nullptr && !message.from_router && ipv6_link_.is_router(message.target))
        autoconf_->on_no_router(message.target, packet.now);
    const std::optional<MacAddr> mac = message.has_target_link ? std::optional(message.target_link) : std::nullopt;
    const bool is_known =
        target && neighbours_.advertised(*target, mac, message.solicited, message.overrides, packet.now);
    const bool is_for_others = config_.steering != nullptr && !packet.is_steered;
    const CoreSet askers = is_for_others ? config_.steering->take_askers(message.target) : 0;
    return {is_known || is_for_others ? Drop::none : Drop::ndp_unsolicited, {askers, false, is_for_others}};
}

// The router is known by the link-local address that it sends from, so the configured one has to be that. The hardware
// address that it tells of the new first hop is as good as if that had asked for us.
Drop Ndp::take_redirect(const NdpMessage& message, const Packet& packet) noexcept {
    if (!config_.accept_redirects) return Drop::ndp_not_acted_on;
    const wire::Ipv4Addr next_hop = hosts_.name(message.target);
    const Drop why = output_.redirect(hosts_.name(message.destination), packet.ip.source, next_hop, packet.now);
    if (why == Drop::none && message.has_target_link)
        (void)neighbours_.asked_by(hosts_.current(next_hop), message.target_link, packet.now);
    return why;
}

}  // namespace skerry::stack
