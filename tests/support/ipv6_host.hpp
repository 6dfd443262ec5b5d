#pragma once

// A host with IPv6 on a wire that the test holds: packets of a peer's, and what leaves, taken apart.

#include "support/datagram.hpp"
#include "support/stack_host.hpp"

#include <skerry/stack/wire/icmpv6.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/ipv6_extensions.hpp>
#include <skerry/stack/wire/ndp.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::tests {

inline constexpr stack::wire::Ipv6Addr host6 = stack::wire::Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
inline constexpr stack::wire::Ipv6Addr peer6 = stack::wire::Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
inline constexpr stack::wire::Ipv6Addr far6 = stack::wire::Ipv6Addr::of(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);
inline constexpr stack::wire::Ipv6Addr host6_near = stack::wire::Ipv6Addr::link_local(host_mac);
inline constexpr stack::wire::Ipv6Addr peer6_near = stack::wire::Ipv6Addr::link_local(peer_mac);
inline constexpr stack::wire::Ipv6Addr gateway6 = stack::wire::Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 0xfe);

/// The address of another host on the link.
constexpr stack::wire::Ipv6Addr near6(std::uint16_t number) {
    return stack::wire::Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 1, number);
}

inline stack::StackConfig host6_config() {
    stack::StackConfig config = host_config();
    config.address6 = host6;
    config.gateway6 = gateway6;
    return config;
}

/// What a packet's headers say beside its payload.
struct Ends6 {
    stack::wire::Ipv6Addr from = peer6;
    stack::wire::Ipv6Addr to = host6;
    std::uint8_t hop_limit = 64;
    stack::wire::MacAddr mac = host_mac;  ///< of an address of one host; groups have their own
};

/// A packet of the peer's in its Ethernet frame. `payload` begins with the header that `next` names.
inline Bytes ipv6(std::uint8_t next, std::span<const std::byte> payload, const Ends6& ends = {}) {
    Bytes packet(stack::wire::ipv6_bytes + payload.size());
    stack::wire::Ipv6Header header;
    header.payload_bytes = static_cast<std::uint16_t>(payload.size());
    header.next_header = next;
    header.hop_limit = ends.hop_limit;
    header.source = ends.from;
    header.destination = ends.to;
    stack::wire::write(header, packet.data());
    if (!payload.empty()) std::memcpy(packet.data() + stack::wire::ipv6_bytes, payload.data(), payload.size());
    const bool is_to_group = ends.to.is_multicast();
    return ethernet(stack::wire::ether_type::ipv6, packet,
                    is_to_group ? stack::wire::MacAddr::of_group(ends.to) : ends.mac);
}

/// Extension headers of 8 bytes each, and what follows.
inline Bytes joined(std::initializer_list<Bytes> parts) {
    Bytes all;
    for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}
/// A hop-by-hop or destination header with one option of `type` and four bytes of value.
inline Bytes option_header(std::uint8_t next, std::uint8_t type) {
    Bytes bytes(8);
    bytes[0] = std::byte{next};
    bytes[2] = std::byte{type};
    bytes[3] = std::byte{4};
    return bytes;
}
inline Bytes fragment_header(std::uint8_t next, std::uint16_t offset, bool more, std::uint32_t id = 1) {
    stack::wire::Ipv6Fragment fragment;
    fragment.next_header = next;
    fragment.offset_bytes = offset;
    fragment.more = more;
    fragment.id = id;
    Bytes bytes(stack::wire::ipv6_fragment_bytes);
    stack::wire::write(fragment, bytes.data());
    return bytes;
}

inline Bytes udp6(std::uint16_t from, std::uint16_t to, std::string_view text, const Ends6& ends = {}) {
    return sealed_datagram(from, to, text, ends.from, ends.to);
}

/// A message of ICMPv6, or an error that quotes `body`.
inline Bytes icmp6(const stack::wire::Icmpv6Header& header, std::span<const std::byte> body, const Ends6& ends = {}) {
    Bytes bytes(stack::wire::icmpv6_bytes + body.size());
    stack::wire::write(header, bytes.data());
    if (!body.empty()) std::memcpy(bytes.data() + stack::wire::icmpv6_bytes, body.data(), body.size());
    stack::wire::seal_icmpv6(bytes, ends.from, ends.to);
    return bytes;
}
inline Bytes echo6(std::string_view text, const Ends6& ends = {}) {
    stack::wire::Icmpv6Header header;
    header.identifier = 0x1234;
    header.sequence = 7;
    return icmp6(header, std::as_bytes(std::span(text)), ends);
}
inline Bytes error6(stack::wire::Icmpv6Type type, std::uint8_t code, std::span<const std::byte> quote,
                    const Ends6& ends = {}) {
    stack::wire::Icmpv6Header header;
    header.type = type;
    header.code = code;
    if (type == stack::wire::Icmpv6Type::packet_too_big) header.mtu = 1400;
    return ipv6(stack::wire::ip_protocol::icmpv6, icmp6(header, quote, ends), ends);
}

/// A message of neighbour discovery in its frame.
inline Bytes ndp(const stack::wire::NdpMessage& message, Ends6 ends) {
    Bytes bytes(stack::wire::ndp_bytes(message));
    stack::wire::write(message, bytes.data());
    stack::wire::seal_icmpv6(bytes, ends.from, ends.to);
    return ipv6(stack::wire::ip_protocol::icmpv6, bytes, ends);
}
inline constexpr Ends6 to_host_near{peer6, host6, stack::wire::ndp_hop_limit, host_mac};

/// `from` asks for `target` and says that it is at `mac`; from :: it says nothing.
inline Bytes solicitation(const stack::wire::Ipv6Addr& from = peer6, const stack::wire::Ipv6Addr& target = host6,
                          const stack::wire::MacAddr& mac = peer_mac) {
    stack::wire::NdpMessage message;
    message.target = target;
    message.has_source_link = !from.is_unspecified();
    message.source_link = mac;
    return ndp(message, {from, target.solicited_node(), stack::wire::ndp_hop_limit, host_mac});
}

/// The flags of an advertisement, by RFC 4861's letters.
struct Told {
    bool solicited = true;
    bool overrides = true;
    bool has_link = true;
    stack::wire::MacAddr mac = peer_mac;
};
inline Bytes advertisement(const stack::wire::Ipv6Addr& target = peer6, const Told& told = {},
                           const stack::wire::Ipv6Addr& to = host6) {
    stack::wire::NdpMessage message;
    message.type = stack::wire::Icmpv6Type::neighbour_advertisement;
    message.target = target;
    message.solicited = told.solicited;
    message.overrides = told.overrides;
    message.has_target_link = told.has_link;
    message.target_link = told.mac;
    return ndp(message, {target, to, stack::wire::ndp_hop_limit, host_mac});
}

// --- what left

/// A packet that left, which is sound; `payload` is what follows its header.
struct Sent6 {
    stack::wire::EthernetHeader ethernet;
    stack::wire::Ipv6Header ip;
    Bytes payload;
};

inline bool is_ipv6(const Bytes& frame) {
    return stack::wire::load_be16(frame.data() + 12) == stack::wire::ether_type::ipv6;
}

inline Sent6 sent6_in(const Bytes& frame) {
    Sent6 sent;
    REQUIRE(stack::wire::parse(frame, sent.ethernet) == stack::Drop::none);
    REQUIRE(sent.ethernet.ether_type == stack::wire::ether_type::ipv6);
    const auto packet = std::span(frame).subspan(stack::wire::ethernet_bytes);
    REQUIRE(stack::wire::parse(packet, sent.ip) == stack::Drop::none);
    REQUIRE(sent.ip.total_bytes() == packet.size());
    const auto payload = packet.subspan(stack::wire::ipv6_bytes);
    sent.payload.assign(payload.begin(), payload.end());
    return sent;
}

/// The message of neighbour discovery in a frame, judged as a neighbour would.
inline stack::wire::NdpMessage ndp_in(const Bytes& frame) {
    const Sent6 sent = sent6_in(frame);
    stack::wire::Ipv6Chain chain;
    const auto packet = std::span(frame).subspan(stack::wire::ethernet_bytes);
    REQUIRE(stack::wire::parse(packet, chain, sent.ip) == stack::Drop::none);
    stack::wire::NdpMessage message;
    REQUIRE(stack::wire::parse(sent.payload, message, sent.ip, chain) == stack::Drop::none);
    return message;
}

inline stack::wire::Icmpv6Header icmp6_in(const Bytes& frame) {
    const Sent6 sent = sent6_in(frame);
    REQUIRE(sent.ip.next_header == stack::wire::ip_protocol::icmpv6);
    stack::wire::Icmpv6Header header;
    REQUIRE(stack::wire::parse(sent.payload, header, sent.ip.source, sent.ip.destination) == stack::Drop::none);
    return header;
}

/// Whether a frame asks for `target` in its group, from `from`, and says where we are.
inline bool asks_in_group(const Bytes& frame, const stack::wire::Ipv6Addr& target,
                          const stack::wire::Ipv6Addr& from = host6) {
    const Sent6 sent = sent6_in(frame);
    const stack::wire::NdpMessage question = ndp_in(frame);
    return question.type == stack::wire::Icmpv6Type::neighbour_solicitation && question.target == target &&
           question.has_source_link && question.source_link == host_mac && sent.ip.source == from &&
           sent.ip.destination == target.solicited_node() &&
           sent.ethernet.destination == stack::wire::MacAddr::of_group(target.solicited_node());
}
/// The same by unicast.
inline bool asks_alone(const Bytes& frame, const stack::wire::Ipv6Addr& target, const stack::wire::MacAddr& mac) {
    const Sent6 sent = sent6_in(frame);
    return ndp_in(frame).target == target && ndp_in(frame).type == stack::wire::Icmpv6Type::neighbour_solicitation &&
           sent.ip.destination == target && sent.ethernet.destination == mac;
}
inline bool is_udp_to(const Bytes& frame, const stack::wire::MacAddr& mac) {
    const Sent6 sent = sent6_in(frame);
    return sent.ip.next_header == stack::wire::ip_protocol::udp && sent.ethernet.destination == mac;
}

/// A UDP socket whose datagrams are text.
struct TextSocket6 final : stack::UdpEndpoint {
    void on_ready() noexcept override {}
    /// The oldest datagram's text; "-" when there is none.
    std::string text() {
        const stack::UdpDatagram got = take();
        if (got.frame == nullptr) return "-";
        peer = got.peer();
        std::string text(reinterpret_cast<const char*>(got.frame->data), got.frame->length);
        got.frame->drop();
        return text;
    }
    net::SocketAddr peer;
};

/// A host with a socket at port 7000 of both families. At its end nothing may be left.
struct Ipv6Host : StackHost {
    static constexpr std::uint16_t port = 7000;

    explicit Ipv6Host(const stack::StackConfig& config = host6_config()) : StackHost(config) {
        REQUIRE(stack.udp().open(socket, stack::Hosts::any_v6, port));
    }
    ~Ipv6Host() {
        stack.udp().close(socket, now);
        for (int i = 0; i < 8; ++i) idle(std::chrono::seconds{40});  // questions without answers
        (void)taken();
        CHECK(frames.out() == 0);
    }

    /// The peer asks for us: so it is known.
    void meet(const stack::wire::Ipv6Addr& peer = peer6, const stack::wire::MacAddr& mac = peer_mac) {
        give(solicitation(peer, peer.is_link_local() ? host6_near : host6, mac));
        REQUIRE(taken().size() == 1);
    }
    void send(const stack::wire::Ipv6Addr& to = peer6, std::string_view text = "x") {
        REQUIRE(stack.udp().send(socket, stack.hosts().name(to), 9, std::as_bytes(std::span(text)), now));
    }
    /// Time goes by, and what we sent ourselves comes.
    void idle(std::chrono::nanoseconds time) {
        while (stack.has_looped()) stack.input({}, now);
        pass(time);
    }
    /// The only frame that left.
    Bytes only() {
        const std::vector<Bytes> all = taken();
        REQUIRE(all.size() == 1);
        return all.front();
    }

    TextSocket6 socket;
};

}  // namespace skerry::tests
