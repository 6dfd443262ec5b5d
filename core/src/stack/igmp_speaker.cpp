#include <skerry/stack/igmp_speaker.hpp>

#include <utility>

namespace skerry::stack {

using wire::IgmpType;
using wire::Ipv4Addr;

// A record that fits into no report is none of ours: the limit of sources is below that.
void IgmpSpeaker::add(const MembershipRecord& record, time::Instant now) noexcept {
    const auto type = static_cast<std::uint8_t>(record.type);
    if (frame_ != nullptr) {
        if (writer_.add(type, record.group, record.sources)) return;
        flush(now);
    }
    frame_ = link_.allocate();
    if (frame_ == nullptr) return;
    const std::size_t room = config_.mtu - wire::ipv4_bytes - wire::router_alert_bytes;
    writer_ = wire::IgmpReportWriter({frame_->data, room});
    (void)writer_.add(type, record.group, record.sources);
}

void IgmpSpeaker::flush(time::Instant now) noexcept {
    if (frame_ == nullptr) return;
    Frame& frame = *std::exchange(frame_, nullptr);
    frame.length = static_cast<std::uint16_t>(writer_.seal());
    output_.send_with_router_alert(frame, wire::igmp_v3_routers, wire::ip_protocol::igmp, now);
}

void IgmpSpeaker::report_old(Ipv4Addr group, unsigned version, time::Instant now) noexcept {
    transmit(version == 1 ? IgmpType::report_v1 : IgmpType::report_v2, group, group, now);
}

void IgmpSpeaker::leave_old(Ipv4Addr group, time::Instant now) noexcept {
    transmit(IgmpType::leave, group, wire::igmp_all_routers, now);
}

void IgmpSpeaker::transmit(IgmpType type, Ipv4Addr group, Ipv4Addr to, time::Instant now) noexcept {
    Frame* const frame = link_.allocate();
    if (frame == nullptr) return;
    wire::IgmpMessage message;
    message.type = type;
    message.group = group;
    frame->length = wire::igmp_bytes;
    wire::write(message, frame->data);
    output_.send_with_router_alert(*frame, to, wire::ip_protocol::igmp, now);
}

}  // namespace skerry::stack
