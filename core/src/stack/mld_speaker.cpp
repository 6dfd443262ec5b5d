#include <skerry/stack/mld_speaker.hpp>

#include <array>
#include <utility>

namespace skerry::stack {

using wire::Icmpv6Type;
using wire::Ipv4Addr;
using wire::Ipv6Addr;

bool MldSpeaker::is_told(Ipv4Addr group) const noexcept {
    const Ipv6Addr& address = output_.hosts().address(group);
    return address != Ipv6Addr::all_nodes() && address.scope() >= wire::multicast_scope::link_local;
}

bool MldSpeaker::write(const MembershipRecord& record) noexcept {
    std::array<Ipv6Addr, Membership::sources_most> sources;
    std::size_t count = 0;
    for (const Ipv4Addr each : record.sources)
        if (count < sources.size()) sources[count++] = output_.hosts().address(each);
    return writer_->add(static_cast<wire::MldRecordType>(record.type), output_.hosts().address(record.group),
                        std::span(sources).first(count));
}

void MldSpeaker::add(const MembershipRecord& record, time::Instant now) noexcept {
    if (frame_ != nullptr) {
        if (write(record)) return;
        flush(now);
    }
    frame_ = link_.allocate();
    if (frame_ == nullptr) return;
    const std::size_t room = config_.mtu - wire::ipv6_bytes - wire::ipv6_router_alert_bytes;
    writer_.emplace(std::span(frame_->data, room));
    (void)write(record);
}

void MldSpeaker::flush(time::Instant now) noexcept {
    if (frame_ == nullptr) return;
    Frame& frame = *std::exchange(frame_, nullptr);
    frame.length = static_cast<std::uint16_t>(writer_->message().size());
    send(frame, Ipv6Addr::all_mldv2_routers(), now);
}

void MldSpeaker::report_old(Ipv4Addr group, unsigned /*version*/, time::Instant now) noexcept {
    const Ipv6Addr address = output_.hosts().address(group);
    transmit(Icmpv6Type::listener_report_v1, address, address, now);
}

void MldSpeaker::leave_old(Ipv4Addr group, time::Instant now) noexcept {
    transmit(Icmpv6Type::listener_done, output_.hosts().address(group), Ipv6Addr::all_routers(), now);
}

void MldSpeaker::transmit(Icmpv6Type type, const Ipv6Addr& group, const Ipv6Addr& to, time::Instant now) noexcept {
    Frame* const frame = link_.allocate();
    if (frame == nullptr) return;
    wire::MldMessage message;
    message.type = type;
    message.group = group;
    frame->length = static_cast<std::uint16_t>(wire::write(message, frame->data));
    send(*frame, to, now);
}

void MldSpeaker::send(Frame& message, const Ipv6Addr& to, time::Instant now) noexcept {
    // While ours is not known to be ours, from :: (RFC 3590 section 4).
    const Ipv4Addr from = output_.is_own(Hosts::own_link_local) ? Hosts::own_link_local : Hosts::any_v6;
    wire::seal_icmpv6(message.bytes(), output_.hosts().address(from), to);
    wire::write_router_alert(wire::ip_protocol::icmpv6, message.prepend(wire::ipv6_router_alert_bytes));
    output_.send_marked(message, from, output_.hosts().name(to), wire::ip_protocol::hop_by_hop,
                        {wire::mld_hop_limit, 0}, now);
}

}  // namespace skerry::stack
