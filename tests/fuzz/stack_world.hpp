#pragma once

// A stack with small limits, its sockets, and what must hold of it whatever comes.

#include <skerry/backend/heap_frames.hpp>
#include <skerry/stack/stack.hpp>
#include <skerry/stack/wire/arp.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/icmpv6.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/ipv6_extensions.hpp>
#include <skerry/stack/wire/ndp.hpp>
#include <skerry/stack/wire/tcp.hpp>
#include <skerry/stack/wire/tcp_options.hpp>
#include <skerry/stack/wire/udp.hpp>

#include "fuzz.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <span>
#include <vector>

namespace skerry::fuzz {

using Bytes = std::vector<std::byte>;
using stack::wire::Ipv4Addr;
using stack::wire::Ipv6Addr;
using stack::wire::MacAddr;

inline constexpr Ipv4Addr host_ip = Ipv4Addr::of(198, 18, 0, 2);
inline constexpr Ipv4Addr peer_ip = Ipv4Addr::of(198, 18, 0, 1);
inline constexpr MacAddr host_mac{{2, 0, 0, 0, 0, 2}};
inline constexpr MacAddr peer_mac{{2, 0, 0, 0, 0, 1}};
inline constexpr Ipv6Addr host6 = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
inline constexpr Ipv6Addr peer6 = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
inline constexpr Ipv6Addr far6 = Ipv6Addr::of(0x2001, 0xdb8, 9, 0, 0, 0, 0, 1);
inline constexpr Ipv6Addr host6_near = Ipv6Addr::link_local(host_mac);
inline constexpr std::uint32_t pool_frames = 256;

inline stack::StackConfig small_config() {
    stack::StackConfig config;
    config.mac = host_mac;
    config.address = host_ip;
    config.gateway = Ipv4Addr::of(198, 18, 0, 254);
    config.address6 = host6;
    config.gateway6 = Ipv6Addr::link_local(peer_mac);
    config.seed = 7;
    config.neighbours.entries_max = 6;
    config.tcp.half_open_max = 4;
    config.tcp.time_wait_max = 3;
    config.tcp.orphans_max = 2;
    config.tcp.receive_buffer_bytes = 16 * 1024;
    config.tcp.reassembly_segments_max = 16;
    config.udp_queue_packets = 8;
    config.groups_max = 2;
    config.reassembly.datagrams_max = 8;
    return config;
}

struct Connection final : stack::tcp::Endpoint {
    void on_ready() noexcept override {}
};
struct Listener final : stack::tcp::Acceptor {
    void on_ready() noexcept override {}
};
struct Socket final : stack::UdpEndpoint {
    void on_ready() noexcept override {}
};

class World {
public:
    static constexpr std::uint16_t port = 7000;
    static constexpr std::size_t backlog = 3;

    World()
        : now(time::Instant::from_nanos(1'000'000'000)),
          frames([] {
              backend::HeapFramesOptions options;
              options.frames = pool_frames;
              return options;
          }()),
          stack(small_config(), frames, now) {
        require(stack.tcp().listen(listener, stack::Hosts::any_v6, port, backlog).has_value(), "the port is free");
        require(stack.udp().open(any, stack::Hosts::any_v6, port).has_value(), "the port is free");
        require(stack.udp().open(connected, host_ip, port + 1).has_value(), "the port is free");
        connected.remote = peer_ip;
        connected.remote_port = 9;
        require(stack.udp().open(connected6, stack::Hosts::own_v6, port + 2).has_value(), "the port is free");
        require(stack.udp().connect(connected6, stack.hosts().name(peer6), 9).has_value(), "there is memory");
    }

    /// Ends everything: then nothing may be left.
    ~World() {
        is_stuck = false;
        take();
        for (Connection& each : connections)
            if (each.tcb != nullptr) stack.tcp().close(each, now);
        stack.tcp().close(listener, now);
        stack.udp().close(any, now);
        stack.udp().close(connected, now);
        stack.udp().close(connected6, now);
        take();
        end_all();
        forget_neighbours();
        end_all();
        const stack::tcp::Sizes sizes = stack.tcp().sizes();
        require(sizes.connections + sizes.half_open + sizes.time_wait == 0, "no connection is left");
        require(stack.tcp().frames_kept() == 0, "no queue is left");
        require(stack.reassembly().bytes() == 0, "no piece is left");
        require(stack.neighbours().waiting() == 0, "no packet waits for a neighbour");
        require(stack.neighbours().size() == 0, "no neighbour is left");
        require(stack.hosts().size() == 0, "no address is kept that nobody names");
        require(frames.out() == 0, "no frame is lost");
    }

    /// A frame comes. Whatever others keep, there is one for it, as long as the port takes what leaves.
    void give(std::span<const std::byte> bytes, backend::FrameChecksum checksum) {
        stack::Frame* const frame = frames.allocate();
        if (frame == nullptr) return require(is_stuck, "there is a frame to receive with");
        const std::size_t count = std::min(bytes.size(), frame->tailroom());
        if (count != 0) std::memcpy(frame->data, bytes.data(), count);
        frame->length = static_cast<std::uint16_t>(count);
        frame->checksum = checksum;
        stack.input(std::span(&frame, 1), now);
    }

    /// The end of a turn.
    void turn() {
        if (stack.has_looped()) stack.input({}, now);
        stack.advance(now);
        take();
        check();
    }
    void pass(std::chrono::nanoseconds time) {
        const time::Instant end = now + time;
        for (int i = 0; i < 200 && stack.next_deadline() < end; ++i) {
            now = std::max(now, stack.next_deadline());
            turn();
        }
        now = end;
    }

    time::Instant now;
    backend::HeapFrames frames;
    stack::Stack stack;
    Listener listener;
    Socket any;
    Socket connected;
    Socket connected6;
    std::array<Connection, 6> connections;
    Bytes last_sent;       ///< the newest frame that left
    bool is_stuck = false;  ///< the port takes nothing

private:
    void end_all() {
        for (int i = 0; stack.has_looped() || stack.next_deadline() != time::Instant::max(); ++i) {
            require(i < 20'000, "time ends everything");
            if (stack.has_looped())
                stack.input({}, now);
            else
                now = std::max(now, stack.next_deadline());
            stack.advance(now);
            take();
        }
    }
    /// Others, who answer once and are silent then, take the places of all neighbours; and what routers said grows old.
    void forget_neighbours() {
        Socket asking;
        require(stack.udp().open(asking, stack::Hosts::any_v6, port).has_value(), "the port is free again");
        now = now + std::chrono::minutes{11};
        const Ipv4Addr peer = stack.hosts().name(peer6);
        require(stack.udp().send(asking, peer, 9, {}, now).has_value(), "there are frames");
        for (const bool answer : {true, false}) {
            for (std::uint32_t i = 0; i < small_config().neighbours.entries_max; ++i) {
                const Ipv4Addr other{host_ip.bits + 100 + i};
                require(stack.udp().send(asking, other, 9, {}, now).has_value(), "there are frames");
                if (answer) give(answer_of(other), backend::FrameChecksum::unknown);
                take();
            }
            now = now + std::chrono::minutes{1};
            stack.advance(now);
        }
        stack.udp().close(asking, now);
    }
    static Bytes answer_of(Ipv4Addr neighbour) {
        using namespace stack::wire;
        ArpPacket packet;
        packet.operation = ArpOperation::reply;
        packet.sender_mac = peer_mac;
        packet.sender_ip = neighbour;
        packet.target_mac = host_mac;
        packet.target_ip = host_ip;
        EthernetHeader header;
        header.destination = host_mac;
        header.source = peer_mac;
        header.ether_type = ether_type::arp;
        Bytes frame(ethernet_bytes + arp_bytes);
        write(header, frame.data());
        write(packet, frame.data() + ethernet_bytes);
        return frame;
    }

    void take() {
        if (is_stuck) return;
        while (stack::Frame* frame = stack.backlog().pop()) {
            last_sent.assign(frame->bytes().begin(), frame->bytes().end());
            frame->drop();
            check_sent();
        }
    }

    // What leaves is what a peer with our own parsers takes.
    void check_sent() const {
        using namespace stack::wire;
        EthernetHeader ethernet;
        require(parse(last_sent, ethernet) == stack::Drop::none, "a frame that leaves is sound");
        require(ethernet.source == host_mac, "it comes from us");
        if (ethernet.ether_type == ether_type::ipv6) return check_sent_v6(ethernet);
        if (ethernet.ether_type != ether_type::ipv4) return;
        const auto packet = std::span(last_sent).subspan(ethernet_bytes);
        Ipv4Header ip;
        require(parse(packet, ip) == stack::Drop::none, "a packet that leaves is sound");
        require(ip.source == host_ip, "its source is ours");
        require(ip.total_bytes == packet.size() && ip.total_bytes <= 1500, "its length is true, and fits the MTU");
        if (ip.protocol != ip_protocol::tcp) return;
        require(!ip.destination.is_multicast() && !small_config().is_broadcast(ip.destination), "TCP is for one");
        const auto segment = packet.subspan(ip.header_bytes);
        TcpHeader tcp;
        TcpOptions options;
        require(parse(segment, tcp) == stack::Drop::none, "a segment that leaves is sound");
        require(parse(segment.subspan(tcp_bytes, tcp.header_bytes - tcp_bytes), options) == stack::Drop::none,
                "so are its options");
        require(tcp_checksum_holds(segment, pseudo_header(ip.source, ip.destination, ip_protocol::tcp,
                                                          static_cast<std::uint32_t>(segment.size()))),
                "its checksum holds");
    }

    void check_sent_v6(const stack::wire::EthernetHeader& ethernet) const {
        using namespace stack::wire;
        const auto packet = std::span(last_sent).subspan(ethernet_bytes);
        Ipv6Header ip;
        Ipv6Chain chain;
        require(parse(packet, ip) == stack::Drop::none && parse(packet, chain, ip) == stack::Drop::none,
                "an IPv6 packet that leaves is sound");
        require(ip.source == host6 || ip.source == host6_near, "its source is ours");
        require(ip.destination != host6 && ip.destination != host6_near, "what is for us stays");
        require(ip.total_bytes() == packet.size() && packet.size() <= 1500, "its length is true, and fits the MTU");
        require(chain.payload_at == ipv6_bytes + (chain.is_fragment() ? ipv6_fragment_bytes : 0),
                "nothing stands between its headers but that of a piece");
        require(!ip.destination.is_multicast() || ethernet.destination == MacAddr::of_group(ip.destination),
                "a group's packet goes to the group");
        if (chain.is_fragment()) return;
        const auto payload = packet.subspan(ipv6_bytes);
        const std::uint64_t pseudo =
            pseudo_header(ip.source, ip.destination, chain.protocol, static_cast<std::uint32_t>(payload.size()));
        if (chain.protocol == ip_protocol::udp) require(udp_checksum_holds(payload, pseudo), "its checksum holds");
        if (chain.protocol == ip_protocol::icmpv6) return check_icmpv6(ip, chain, payload);
        if (chain.protocol != ip_protocol::tcp) return;
        require(!ip.destination.is_multicast(), "TCP is for one");
        TcpHeader tcp;
        require(parse(payload, tcp) == stack::Drop::none, "a segment that leaves is sound");
        require(tcp_checksum_holds(payload, pseudo), "its checksum holds");
    }

    static void check_icmpv6(const stack::wire::Ipv6Header& ip, const stack::wire::Ipv6Chain& chain,
                             std::span<const std::byte> payload) {
        using namespace stack::wire;
        Icmpv6Header header;
        header.type = static_cast<Icmpv6Type>(load_8(payload.data()));
        NdpMessage message;
        if (header.is_ndp())
            return require(parse(payload, message, ip, chain) == stack::Drop::none, "a neighbour would believe it");
        require(icmpv6_checksum_holds(payload, ip.source, ip.destination), "its checksum holds");
        require(!ip.destination.is_multicast(), "no error and no answer goes to a group");
        if (header.is_error()) require(ip.total_bytes() <= ipv6_mtu_min, "an error fits every link");
    }

    void check() {
        const stack::StackConfig& config = stack.config();
        const stack::tcp::Sizes sizes = stack.tcp().sizes();
        require(sizes.half_open <= config.tcp.half_open_max, "half-open connections are limited");
        require(sizes.time_wait <= config.tcp.time_wait_max, "so are those in TIME-WAIT");
        require(sizes.orphans <= config.tcp.orphans_max && sizes.orphans <= sizes.connections, "and those of nobody");
        require(stack.neighbours().size() <= config.neighbours.entries_max, "neighbours are limited");
        require(stack.neighbours().waiting() <= config.neighbours.waiting_max, "so is what waits for them");
        require(stack.reassembly().bytes() <= config.reassembly.bytes_max, "pieces are limited");
        require(stack.backlog().size() <= config.backlog_max, "the backlog is limited");
        for (const Socket* each : {&any, &connected, &connected6})
            require(each->unread() <= config.udp_queue_packets, "a socket's queue is limited");
        for (const Connection& each : connections) check(each);
        if (!is_stuck) require(frames.available() >= pool_frames / 16, "a part of the pool is always free");
    }

    static void check(const Connection& connection) {
        if (connection.tcb == nullptr) return;
        const stack::tcp::Tcb& tcb = *connection.tcb;
        require(tcb.received_bytes <= tcb.receive_limit, "no more is kept unread than the window gave");
        require(tcb.reassembly.size() <= 16, "segments out of order are limited");
        require(tcb.snd_nxt - tcb.snd_una <= (1U << 30U), "what is under way is in the window");
        require(tcb.queue.sent() <= tcb.queue.size(), "no more was sent than there is");
    }
};

}  // namespace skerry::fuzz
