// What a stack is told of its IPv4 network while it runs, and the messages of DHCP, which tell it. Rare.

#include <skerry/base/assert.hpp>
#include <skerry/stack/dhcp_client.hpp>
#include <skerry/stack/stack.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace skerry::stack {

// One core tells the link of the address, and one asks for it. A core that is made after it was told finds it.
void Stack::start_address(std::uint16_t core, time::Instant start) {
    if (Ipv4Network known; steering_ && steering_->take(known)) take_network(known, start);
    if (core != 0) return;
    if (!config_.uses_dhcp) {
        neighbours_.ask();
        return neighbours_.begin(start);
    }
    dhcp_ = std::make_unique<DhcpClient>(
        config_, link_, output_, neighbours_.claim(), timers_, drops_,
        [](void* self, const Ipv4Network& network, time::Instant now) noexcept {
            static_cast<Stack*>(self)->take_network(network, now);
        },
        this);
    dhcp_->begin(start);
}

void Stack::take_network(const Ipv4Network& network, time::Instant now) noexcept {
    SKERRY_DEBUG_ASSERT(config_.more_addresses.empty(), "of several addresses none is lent");
    const wire::Ipv4Addr before = std::exchange(config_.address, network.address);
    config_.prefix_bits = network.prefix_bits;
    config_.gateway = network.gateway;
    config_.routes = network.routes;
    name_servers_ = network.name_servers;
    // It stays when the address goes: what IPv6 has under way is no longer than that. RFC 8200 section 5 for the least.
    const std::uint16_t least = hosts_.has_v6() ? wire::ipv6_mtu_min : 0;
    if (!network.address.is_unspecified())
        config_.mtu = network.mtu == 0 ? port_mtu_ : std::min(std::max(network.mtu, least), port_mtu_);
    output_.forget_ways();
    if (before != network.address) {
        neighbours_.forget_ipv4();
        if (!before.is_unspecified()) {
            udp_.lose(before);
            tcp_.lose(before);
            udp_.deliver();  // a timer does this too, and nothing comes behind it
        }
        if (!network.address.is_unspecified()) {
            udp_.regain(network.address);
            if (is_first_core()) neighbours_.begin(now);
        }
    }
    if (steering_ && is_first_core()) steering_->publish(network);
}

void Stack::learn(time::Instant now) noexcept {
    if (Ipv4Network network; steering_->take(network)) take_network(network, now);
    if (Ipv6Facts facts; steering_->take(facts)) take_facts(facts);
}

bool Stack::give_address_back(time::Instant now) noexcept { return dhcp_ != nullptr && dhcp_->end(now); }

// To the port of a client while there is one here, or on another core.
bool Stack::is_for_dhcp(std::span<const std::byte> payload, const wire::Ipv4Header& header) const noexcept {
    return config_.uses_dhcp && header.protocol == wire::ip_protocol::udp && !header.is_fragment() &&
           payload.size() >= wire::udp_bytes && wire::load_be16(payload.data() + 2) == wire::dhcp_client_port;
}

void Stack::input_dhcp(Packet& packet) noexcept {
    Frame& frame = packet.frame;
    if (dhcp_ == nullptr) {
        const auto message = packet.payload().subspan(std::min(packet.payload().size(), wire::udp_bytes));
        if (!wire::is_dhcp_reply_to(message, link_.mac())) return link_.drop(frame, Drop::dhcp_not_ours);
        if (packet.is_steered || limited(core_bit(0), leases_, packet.now) == 0) return frame.drop();
        return (void)steering_->hand_over(0, packet.restored());
    }
    wire::UdpHeader header;
    if (const Drop why = wire::parse(packet.payload(), header); why != Drop::none) return link_.drop(frame, why);
    const std::span<const std::byte> datagram = packet.payload().first(header.bytes);
    const std::uint64_t pseudo =
        wire::pseudo_header(packet.ip.source, packet.ip.destination, wire::ip_protocol::udp, header.bytes);
    if (!packet.is_verified() && !wire::udp_checksum_holds(datagram, pseudo))
        return link_.drop(frame, Drop::udp_checksum);
    const Drop why = dhcp_->input(datagram.subspan(wire::udp_bytes), packet.now);
    if (why != Drop::none) drops_.count(why);
    frame.drop();
}

}  // namespace skerry::stack
