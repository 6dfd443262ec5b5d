#include <skerry/stack/arp_claim.hpp>

#include <skerry/stack/wire/arp.hpp>
#include <skerry/stack/wire/ethernet.hpp>

namespace skerry::stack {

namespace {

// RFC 5227 section 1.1: ANNOUNCE_INTERVAL and DEFEND_INTERVAL.
constexpr std::chrono::nanoseconds announce_interval = std::chrono::seconds{2};
constexpr std::chrono::nanoseconds defend_interval = std::chrono::seconds{10};

}  // namespace

ArpClaim::ArpClaim(const StackConfig& config, Link& link, Timers& timers) noexcept
    : config_(config), link_(link), timers_(timers) {
    Timer::on_time = &ArpClaim::on_time;
}

void ArpClaim::begin(time::Instant now) noexcept {
    if (!claims()) return;
    announce();
    timers_.set(*this, now + announce_interval);
}

void ArpClaim::defend(time::Instant now) noexcept {
    if (!claims() || now < quiet_until_) return;
    quiet_until_ = now + defend_interval;
    announce();
}

// A request, as the RFC wants it: whoever knows our address by ARP learns from those.
void ArpClaim::announce() noexcept {
    Frame* const frame = link_.allocate();
    if (frame == nullptr) return;
    wire::ArpPacket packet;
    packet.operation = wire::ArpOperation::request;
    packet.sender_mac = link_.mac();
    packet.sender_ip = packet.target_ip = config_.address;
    frame->length = wire::arp_bytes;
    wire::write(packet, frame->data);
    link_.send(*frame, wire::MacAddr::broadcast(), wire::ether_type::arp);
}

void ArpClaim::on_time(Timer& timer, time::Instant) noexcept { static_cast<ArpClaim&>(timer).announce(); }

}  // namespace skerry::stack
