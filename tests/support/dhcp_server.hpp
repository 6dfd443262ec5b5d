#pragma once

// A DHCP server that the test is: its messages as bytes, right or spoiled, and what a client said.

#include "support/stack_host.hpp"

#include <skerry/stack/dhcp_client.hpp>
#include <skerry/stack/wire/dhcp.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <vector>

namespace skerry::tests {

inline constexpr stack::wire::Ipv4Addr lent_ip = host_ip;
inline constexpr stack::wire::Ipv4Addr everybody{0xffff'ffffU};

/// Options one behind the other, without an end.
class DhcpOptions {
public:
    DhcpOptions& octets(std::uint8_t code, std::initializer_list<unsigned> values) {
        std::vector<std::uint8_t> bytes;
        for (const unsigned value : values) bytes.push_back(static_cast<std::uint8_t>(value));
        return put(code, bytes);
    }
    DhcpOptions& put(std::uint8_t code, const std::vector<std::uint8_t>& values) {
        add(code);
        add(static_cast<std::uint8_t>(values.size()));
        for (const std::uint8_t value : values) add(value);
        return *this;
    }
    DhcpOptions& number(std::uint8_t code, std::uint32_t value) {
        return octets(code, {value >> 24U, value >> 16U & 0xffU, value >> 8U & 0xffU, value & 0xffU});
    }
    DhcpOptions& address(std::uint8_t code, stack::wire::Ipv4Addr value) { return number(code, value.bits); }
    DhcpOptions& type(stack::wire::DhcpType value) { return octets(53, {static_cast<unsigned>(value)}); }
    DhcpOptions& add(std::uint8_t octet) {
        bytes_.push_back(std::byte{octet});
        return *this;
    }

    [[nodiscard]] const Bytes& bytes() const { return bytes_; }

private:
    Bytes bytes_;
};

struct DhcpServerMessage {
    std::uint32_t xid = 0;
    stack::wire::Ipv4Addr yours = lent_ip;
    stack::wire::MacAddr client = host_mac;
    DhcpOptions options;
    Bytes sname;
    Bytes file;
    bool has_end = true;

    [[nodiscard]] Bytes bytes() const {
        using namespace stack::wire;
        Bytes out(dhcp_fixed_bytes);
        store_8(&out[0], 2);
        store_8(&out[1], 1);
        store_8(&out[2], 6);
        store_be32(&out[4], xid);
        store_ipv4(&out[16], yours);
        store_mac(&out[28], client);
        std::copy(sname.begin(), sname.end(), out.begin() + 44);
        std::copy(file.begin(), file.end(), out.begin() + 108);
        store_be32(&out[236], 0x6382'5363U);
        out.insert(out.end(), options.bytes().begin(), options.bytes().end());
        if (has_end) out.push_back(std::byte{255});
        return out;
    }
};

/// A frame of the server's, from port 67 to 68.
inline Bytes dhcp_frame(const Bytes& message, stack::wire::Ipv4Addr to = everybody,
                        stack::wire::Ipv4Addr from = peer_ip,
                        stack::wire::MacAddr to_mac = stack::wire::MacAddr::broadcast()) {
    using namespace stack::wire;
    Bytes segment(udp_bytes);
    UdpHeader header{dhcp_server_port, dhcp_client_port, static_cast<std::uint16_t>(udp_bytes + message.size()), true};
    (void)write(header, segment.data());
    segment.insert(segment.end(), message.begin(), message.end());
    seal_udp(segment, pseudo_header(from, to, ip_protocol::udp, header.bytes));
    Bytes frame = ipv4(ip_protocol::udp, segment, to, from);
    store_mac(frame.data(), to_mac);
    return frame;
}

/// What a client said, and how it travelled.
struct DhcpSaid {
    time::Instant at;
    stack::wire::MacAddr to_mac;
    stack::wire::Ipv4Header ip;
    std::uint32_t xid = 0;
    std::uint16_t secs = 0;
    std::uint16_t flags = 0;
    stack::wire::Ipv4Addr own;
    stack::wire::MacAddr client;
    std::map<unsigned, Bytes> options;

    [[nodiscard]] stack::wire::DhcpType type() const {
        return static_cast<stack::wire::DhcpType>(stack::wire::load_8(options.at(53).data()));
    }
    [[nodiscard]] std::optional<stack::wire::Ipv4Addr> address(unsigned code) const {
        const auto found = options.find(code);
        if (found == options.end()) return {};
        REQUIRE(found->second.size() == 4);
        return stack::wire::load_ipv4(found->second.data());
    }
};

/// Reads a frame of a client's; nothing when it is something else.
inline std::optional<DhcpSaid> dhcp_said(const Bytes& frame, time::Instant at) {
    using namespace stack::wire;
    EthernetHeader ethernet;
    REQUIRE(parse(frame, ethernet) == stack::Drop::none);
    if (ethernet.ether_type != ether_type::ipv4) return {};
    DhcpSaid said;
    said.at = at;
    said.to_mac = ethernet.destination;
    // Its source may be 0.0.0.0, which the stack's own parser lets pass for IGMP alone.
    const std::byte* const ip = frame.data() + ethernet_bytes;
    REQUIRE(fold(sum(std::span(ip, ipv4_bytes))) == 0);
    said.ip.source = load_ipv4(ip + 12);
    said.ip.destination = load_ipv4(ip + 16);
    said.ip.ttl = load_8(ip + 8);
    if (load_8(ip + 9) != ip_protocol::udp) return {};
    const auto segment = std::span(frame).subspan(ethernet_bytes + ipv4_bytes);
    UdpHeader udp;
    REQUIRE(parse(segment, udp) == stack::Drop::none);
    if (udp.destination_port != dhcp_server_port) return {};
    REQUIRE(udp.source_port == dhcp_client_port);
    REQUIRE(udp.bytes == segment.size());
    REQUIRE(load_checksum(segment.data() + 6) != 0);
    REQUIRE(
        udp_checksum_holds(segment, pseudo_header(said.ip.source, said.ip.destination, ip_protocol::udp, udp.bytes)));
    const auto message = segment.subspan(udp_bytes);
    REQUIRE(message.size() >= 300);
    REQUIRE(load_be32(message.data()) == 0x0101'0600U);
    REQUIRE(load_be32(&message[236]) == 0x6382'5363U);
    said.xid = load_be32(&message[4]);
    said.secs = load_be16(&message[8]);
    said.flags = load_be16(&message[10]);
    said.own = load_ipv4(&message[12]);
    said.client = load_mac(&message[28]);
    for (std::size_t at_byte = 240; load_8(&message[at_byte]) != 255;) {
        const std::size_t bytes = load_8(&message[at_byte + 1]);
        const auto value = message.subspan(at_byte + 2, bytes);
        REQUIRE(said.options.emplace(load_8(&message[at_byte]), Bytes(value.begin(), value.end())).second);
        at_byte += 2 + bytes;
    }
    return said;
}

inline stack::StackConfig lending_config() {
    stack::StackConfig config = host_config();
    config.address = {};
    config.gateway = {};
    config.uses_dhcp = true;
    config.claims_address = true;
    return config;
}

/// A host without an address, and the server that lends it one.
class LentHost : public StackHost {
public:
    explicit LentHost(const stack::StackConfig& config = lending_config()) : StackHost(config) {}

    [[nodiscard]] stack::DhcpClient& client() { return *stack.dhcp(); }

    /// The next message of the client, which leaves within `limit`; other frames are kept in `others`.
    std::optional<DhcpSaid> next(std::chrono::nanoseconds limit = std::chrono::hours{48}) {
        const time::Instant last = now + limit;
        for (;;) {
            for (bool any = true; any;) {
                const std::vector<Bytes> left = taken();
                any = !left.empty();
                for (const Bytes& frame : left) sort(frame);
            }
            if (!said_.empty()) {
                DhcpSaid first = std::move(said_.front());
                said_.erase(said_.begin());
                return first;
            }
            if (now >= last) return {};
            now = std::min(std::max(stack.next_deadline(), now), last);
            stack.advance(now);
        }
    }
    DhcpSaid must_say(stack::wire::DhcpType type, std::chrono::nanoseconds limit = std::chrono::hours{48}) {
        auto said = next(limit);
        REQUIRE(said);
        REQUIRE(said->type() == type);
        return *said;
    }
    /// Goes on, and nothing of DHCP is said.
    void be_quiet(std::chrono::nanoseconds time) { REQUIRE_FALSE(next(time)); }

    void say(const DhcpServerMessage& message) { give(dhcp_frame(message.bytes())); }
    DhcpServerMessage answer(stack::wire::DhcpType type, const DhcpSaid& to) const {
        DhcpServerMessage message;
        message.xid = to.xid;
        message.options.type(type).address(54, server);
        if (type == stack::wire::DhcpType::nak) message.yours = {};
        return message;
    }
    /// One that lends for so long, with what else it says.
    DhcpServerMessage lends(stack::wire::DhcpType type, const DhcpSaid& to) const {
        DhcpServerMessage message = answer(type, to);
        message.options.number(51, lease_s).address(1, {0xffff'ff00U});
        for (const auto& [code, values] : more) message.options.put(code, values);
        return message;
    }

    /// From the first DISCOVER to the acknowledgement.
    void be_acknowledged() {
        say(lends(stack::wire::DhcpType::offer, must_say(stack::wire::DhcpType::discover)));
        const DhcpSaid asked = must_say(stack::wire::DhcpType::request, std::chrono::seconds{0});
        asked_at = asked.at;
        say(lends(stack::wire::DhcpType::ack, asked));
    }
    /// And to the end of the probe, which finds nobody.
    void be_bound() {
        be_acknowledged();
        while (client().state() == stack::DhcpState::checking) be_quiet(std::chrono::milliseconds{10});
        REQUIRE(client().state() == stack::DhcpState::bound);
        others.clear();
    }
    /// The server's hardware address is known from now on.
    void know_server() { give(arp(stack::wire::ArpOperation::request)); }

    stack::wire::Ipv4Addr server = peer_ip;
    std::uint32_t lease_s = 3600;
    std::vector<std::pair<std::uint8_t, std::vector<std::uint8_t>>> more;
    std::vector<Bytes> others;
    time::Instant asked_at;

private:
    // A question for the peer's hardware address is answered.
    void sort(const Bytes& frame) {
        if (auto said = dhcp_said(frame, now)) return said_.push_back(std::move(*said));
        others.push_back(frame);
        stack::wire::ArpPacket packet;
        const bool is_arp = frame[13] == std::byte{6} &&
                            parse(std::span(frame).subspan(stack::wire::ethernet_bytes), packet) == stack::Drop::none;
        if (is_arp && packet.target_ip == peer_ip && !packet.sender_ip.is_unspecified())
            give(arp(stack::wire::ArpOperation::reply));
    }

    std::vector<DhcpSaid> said_;
};

}  // namespace skerry::tests
