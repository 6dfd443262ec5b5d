#pragma once

// What the other end of the stack's benchmarks sends: datagrams of 64 bytes of one peer, and the segments of many TCP
// connections, of which it keeps eight bytes each. It is told what was answered and does not look.

#include "stack_rig.hpp"

#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/icmp.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/tcp.hpp>
#include <skerry/stack/wire/tcp_options.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

namespace skerry::bench {

namespace wire = stack::wire;

inline constexpr std::size_t payload_bytes = 64;
inline constexpr std::uint16_t service_port = 7000;
inline constexpr wire::Ipv4Addr peer_address = wire::Ipv4Addr::of(198, 18, 0, 1);

/// Ethernet and IPv4 headers of a packet to us; `at` has room for packet_bytes(payload).
inline std::byte* write_packet(std::byte* at, const wire::MacAddr& to, wire::Ipv4Addr from, std::uint8_t protocol,
                               std::size_t payload) {
    wire::EthernetHeader ethernet;
    ethernet.destination = to;
    ethernet.source = peer_mac;
    ethernet.ether_type = wire::ether_type::ipv4;
    wire::write(ethernet, at);
    wire::Ipv4Header ip;
    ip.total_bytes = static_cast<std::uint16_t>(wire::ipv4_bytes + payload);
    ip.protocol = protocol;
    ip.source = from;
    ip.destination = own_address;
    wire::write(ip, at + wire::ethernet_bytes);
    return at + wire::ethernet_bytes + wire::ipv4_bytes;
}
inline constexpr std::size_t packet_bytes(std::size_t payload) {
    return wire::ethernet_bytes + wire::ipv4_bytes + payload;
}

/// A datagram to service_port.
inline void write_datagram(std::byte* at, const wire::MacAddr& to = own_mac) {
    const std::span<std::byte> datagram(
        write_packet(at, to, peer_address, wire::ip_protocol::udp, wire::udp_bytes + payload_bytes),
        wire::udp_bytes + payload_bytes);
    std::memset(datagram.data(), 'd', datagram.size());
    wire::UdpHeader udp;
    udp.source_port = 5000;
    udp.destination_port = service_port;
    udp.bytes = static_cast<std::uint16_t>(datagram.size());
    wire::write(udp, datagram.data());
    wire::seal_udp(datagram, wire::pseudo_header(peer_address, own_address, wire::ip_protocol::udp, udp.bytes));
}
inline constexpr std::size_t datagram_packet_bytes = packet_bytes(wire::udp_bytes + payload_bytes);

/// An echo request (ping).
inline void write_ping(std::byte* at, const wire::MacAddr& to = own_mac) {
    const std::span<std::byte> message(write_packet(at, to, peer_address, wire::ip_protocol::icmp, 8 + payload_bytes),
                                       8 + payload_bytes);
    std::memset(message.data(), 0, message.size());
    message[0] = std::byte{8};
    wire::store_checksum(message.data() + 2, wire::fold(wire::sum(message)));
}
inline constexpr std::size_t ping_packet_bytes = packet_bytes(8 + payload_bytes);

/// The clients of one service. Each has a port of its own, and 50,000 share an address. `Core` is what they talk to:
/// StackCore, or one over another port.
template <class Core>
class TcpPeers {
public:
    explicit TcpPeers(Core& core) : core_(core) {}

    void reserve(std::size_t count) { peers_.reserve(count); }

    /// Connects `count` of them, one after the other.
    void connect(std::size_t count) {
        reserve(count);
        core_.look_with(&TcpPeers::look, this);
        for (std::size_t i = 0; i < count; ++i) {
            if (i % per_address == 0) core_.know_peer(address_of(i));
            peers_.push_back({iss, 0});
            send(i, wire::tcp_flag::syn, 0);
            core_.turn();
            peers_[i].seq += 1;
            send(i, wire::tcp_flag::ack, 0);
            core_.turn();
        }
        core_.look_with(nullptr, nullptr);
    }

    [[nodiscard]] std::size_t size() const noexcept { return peers_.size(); }

    /// 64 bytes, or others, which acknowledge all that was answered.
    void request(std::size_t index, std::uint32_t bytes = payload_bytes) {
        send(index, wire::tcp_flag::ack | wire::tcp_flag::psh, bytes);
        peers_[index].seq += bytes;
    }
    /// 64 bytes were answered.
    void answered(std::size_t index) { peers_[index].ack += payload_bytes; }
    void acknowledge(std::size_t index) { send(index, wire::tcp_flag::ack, 0); }

private:
    static constexpr std::size_t per_address = 50'000;
    static constexpr std::uint16_t first_port = 10'000;
    static constexpr std::uint32_t iss = 1000;
    struct Peer {
        std::uint32_t seq = 0;
        std::uint32_t ack = 0;
    };

    static wire::Ipv4Addr address_of(std::size_t index) {
        return wire::Ipv4Addr{peer_address.bits + 0x100U * static_cast<std::uint32_t>(index / per_address)};
    }

    // The answer to a SYN.
    static void look(void* context, std::span<const std::byte> packet) {
        auto& self = *static_cast<TcpPeers*>(context);
        wire::TcpHeader header;
        if (packet.size() < packet_bytes(wire::tcp_bytes) || self.peers_.empty()) return;
        if (wire::parse(packet.subspan(packet_bytes(0)), header) != stack::Drop::none) return;
        if (header.has(wire::tcp_flag::syn)) self.peers_.back().ack = header.seq + 1;
    }

    void send(std::size_t index, std::uint8_t flags, std::size_t payload) {
        const bool is_syn = flags == wire::tcp_flag::syn;
        const std::size_t header_bytes = wire::tcp_bytes + (is_syn ? 20 : wire::tcp_timestamps_bytes);
        std::byte* const packet = core_.arrive(packet_bytes(header_bytes + payload));
        const wire::Ipv4Addr from = address_of(index);
        const std::span<std::byte> segment(
            write_packet(packet, core_.mac(), from, wire::ip_protocol::tcp, header_bytes + payload),
            header_bytes + payload);
        wire::TcpHeader header;
        header.source_port = static_cast<std::uint16_t>(first_port + index % per_address);
        header.destination_port = service_port;
        header.seq = peers_[index].seq;
        header.ack = peers_[index].ack;
        header.flags = flags;
        header.window = is_syn ? 65'535 : 512;
        header.header_bytes = static_cast<std::uint8_t>(header_bytes);
        wire::write(header, segment.data());
        const wire::TcpTimestamps stamps{static_cast<std::uint32_t>(core_.now().as_nanos() / 1'000'000), 0};
        if (is_syn) {
            wire::TcpOptions options;
            options.has_mss = options.has_timestamps = options.has_window_scale = true;
            options.mss = 1460;
            options.window_scale = 7;
            options.timestamps = stamps;
            if (wire::write_syn_options(options, segment.data() + wire::tcp_bytes) != 20) std::abort();
        } else {
            wire::store_only_timestamps(stamps, segment.data() + wire::tcp_bytes);
            std::memset(segment.data() + header_bytes, 'r', payload);
        }
        wire::seal_tcp(segment, wire::pseudo_header(from, own_address, wire::ip_protocol::tcp,
                                                    static_cast<std::uint32_t>(segment.size())));
    }

    Core& core_;
    std::vector<Peer> peers_;
};

}  // namespace skerry::bench
