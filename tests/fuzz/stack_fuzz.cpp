// The whole stack: an input is a program of frames, calls of sockets and steps of time. Frames have plausible headers
// with numbers near those of a live connection, and bytes of the input spoil them; checksums are made right afterwards,
// or left as they are (the first byte says which). What must hold after each step: stack_world.hpp.

#include "../support/seal.hpp"
#include "reader.hpp"
#include "stack_world.hpp"

#include <skerry/stack/wire/icmp.hpp>
#include <skerry/stack/wire/igmp.hpp>

#include <cstdint>

using namespace skerry;
using namespace skerry::fuzz;
using namespace skerry::stack::wire;

namespace {

void append(Bytes& to, std::span<const std::byte> bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

Bytes ethernet(std::uint16_t type, std::span<const std::byte> payload, const MacAddr& to = host_mac) {
    Bytes frame(ethernet_bytes);
    EthernetHeader header;
    header.destination = to;
    header.source = peer_mac;
    header.ether_type = type;
    write(header, frame.data());
    append(frame, payload);
    return frame;
}

Bytes ipv4(std::uint8_t protocol, std::span<const std::byte> payload, Ipv4Addr to = host_ip,
           std::uint16_t fragment = 0) {
    Bytes packet(ipv4_bytes);
    Ipv4Header header;
    header.total_bytes = static_cast<std::uint16_t>(ipv4_bytes + payload.size());
    header.protocol = protocol;
    if (protocol == ip_protocol::igmp) header.ttl = 1;
    header.source = peer_ip;
    header.destination = to;
    header.more_fragments = (fragment & 1U) != 0;
    header.fragment_offset_bytes = static_cast<std::uint16_t>(fragment >> 1U << 3U);
    write(header, packet.data());
    append(packet, payload);
    return ethernet(ether_type::ipv4, packet, to.is_multicast() ? MacAddr::of_group(to) : host_mac);
}

Bytes ipv6(std::uint8_t next, std::span<const std::byte> payload, const Ipv6Addr& from = peer6,
           const Ipv6Addr& to = host6, std::uint8_t hop_limit = 64) {
    Bytes packet(ipv6_bytes);
    Ipv6Header header;
    header.payload_bytes = static_cast<std::uint16_t>(payload.size());
    header.next_header = next;
    header.hop_limit = hop_limit;
    header.source = from;
    header.destination = to;
    write(header, packet.data());
    append(packet, payload);
    return ethernet(ether_type::ipv6, packet, to.is_multicast() ? MacAddr::of_group(to) : host_mac);
}

class Program {
public:
    explicit Program(std::span<const std::byte> in) : in_(in), seals_((in_.u8() & 1U) == 0) {}

    void run() {
        const Bytes request = arp(ArpOperation::request);  // the peer is known
        world_.give(request, backend::FrameChecksum::unknown);
        world_.turn();
        for (int steps = 0; !in_.is_empty() && steps < 200; ++steps) {
            step(in_.u8());
            world_.turn();
        }
    }

private:
    void step(std::uint8_t what) {
        constexpr std::uint8_t of_v6 = 192;
        if (what >= of_v6) return step_v6(what % 8);
        switch (what % 12) {
            case 0: return come(Bytes(bytes(in_.u8())));
            case 1:
            case 2:
            case 3: return come(tcp_segment());
            case 4: return come(datagram());
            case 5: return come(icmp());
            case 6: return come(arp(static_cast<ArpOperation>(1 + in_.u8() % 2)));
            case 7: return come(fragment());
            case 8: return come(world_.last_sent);
            case 9: return world_.pass(std::chrono::microseconds{1LL << in_.u8() % 31});
            case 10: return call(in_.u8());
            default: return other(in_.u8());
        }
    }

    void step_v6(std::uint8_t what) {
        switch (what) {
            case 0:
            case 1: return come(tcp_segment(true));
            case 2: return come(datagram_v6());
            case 3: return come(icmpv6());
            case 4: return come(ndp());
            case 5: return come(fragment_v6());
            case 6: return come(extended());
            default: return call_v6(in_.u8());
        }
    }

    Bytes bytes(std::size_t most) {
        const auto taken = in_.bytes(most);
        return {taken.begin(), taken.end()};
    }

    /// With as many bytes spoiled as the input says.
    void come(Bytes frame) {
        for (std::uint8_t left = in_.u8() % 4; left > 0 && !frame.empty(); --left) {
            const std::size_t at = in_.u8() % std::min<std::size_t>(frame.size(), 96);
            frame[at] ^= static_cast<std::byte>(in_.u8());
        }
        if (seals_) tests::seal(frame);
        world_.give(frame, backend::FrameChecksum::unknown);
    }

    Bytes tcp_segment(bool by_v6 = false) {
        const std::uint8_t which = in_.u8();
        TcpHeader header;
        header.source_port = static_cast<std::uint16_t>(5000 + which % 4);
        header.destination_port = World::port;
        header.seq = 1000;
        header.flags = in_.u8();
        header.window = in_.u16();
        const stack::Hosts& hosts = world_.stack.hosts();
        Ipv6Addr from = by_v6 ? sender() : peer6;
        Ipv6Addr to = host6;
        // Near the numbers of a live one.
        for (const Connection& each : world_.connections) {
            if (each.tcb == nullptr || (which & 8U) != 0) continue;
            if (by_v6 != stack::is_host_number(each.tcb->tuple.local)) continue;
            if (by_v6) from = hosts.address(each.tcb->tuple.remote);
            if (by_v6) to = hosts.address(each.tcb->tuple.local);
            header.source_port = each.tcb->tuple.remote_port;
            header.destination_port = each.tcb->tuple.local_port;
            header.seq = each.tcb->rcv_nxt;
            header.ack = each.tcb->snd_nxt;
            if (which % 4 == 0) break;
        }
        const std::size_t seq_at = ethernet_bytes + (by_v6 ? ipv6_bytes : ipv4_bytes) + 4;
        if (header.ack == 0 && world_.last_sent.size() >= seq_at + 16)
            header.ack = load_be32(&world_.last_sent[seq_at]) + 1;
        header.seq += static_cast<std::uint32_t>(static_cast<std::int8_t>(in_.u8()));
        header.ack += static_cast<std::uint32_t>(static_cast<std::int8_t>(in_.u8()));
        const Bytes options = bytes(in_.u8() % 11U * 4U);
        header.header_bytes = static_cast<std::uint8_t>(tcp_bytes + options.size() / 4 * 4);
        Bytes segment(tcp_bytes);
        write(header, segment.data());
        append(segment, std::span(options).first(options.size() / 4 * 4));
        append(segment, Bytes(in_.u16() % (by_v6 ? 1440 : 1460), std::byte{'x'}));
        return by_v6 ? ipv6(ip_protocol::tcp, segment, from, to) : ipv4(ip_protocol::tcp, segment);
    }

    /// One of some hosts, so that their numbers come and go.
    Ipv6Addr sender() {
        const std::uint8_t which = in_.u8();
        const Ipv6Addr from[] = {peer6, peer6, far6, Ipv6Addr::link_local(peer_mac)};
        Ipv6Addr address = from[which % 4];
        address.low += which / 32U;
        return address;
    }
    Ipv6Addr target() {
        const Ipv6Addr to[] = {host6, host6, host6_near, Ipv6Addr::all_nodes(), host6.solicited_node()};
        return to[in_.u8() % 5];
    }

    Bytes datagram_v6() {
        const Bytes bytes = datagram_to(4);
        return ipv6(ip_protocol::udp, bytes, sender(), target());
    }

    /// An error about what we sent last, or an echo.
    Bytes icmpv6() {
        Bytes message(icmpv6_bytes);
        message[0] = in_.u8() % 4 == 0 ? std::byte{128} : std::byte{in_.u8()};
        message[1] = std::byte{in_.u8()};
        message[6] = std::byte{5};  // an MTU of 1280
        const auto sent = std::span(world_.last_sent).subspan(std::min(world_.last_sent.size(), ethernet_bytes));
        append(message, sent.first(std::min<std::size_t>(sent.size(), 60)));
        return ipv6(ip_protocol::icmpv6, message, sender(), target());
    }

    Bytes ndp() {
        const std::uint8_t what = in_.u8();
        NdpMessage message;
        const bool is_question = (what & 1U) == 0;
        if (!is_question) message.type = Icmpv6Type::neighbour_advertisement;
        const Ipv6Addr from = is_question && (what & 64U) != 0 ? Ipv6Addr{} : sender();
        message.target = is_question ? ((what & 2U) == 0 ? host6 : host6_near) : from;
        message.solicited = (what & 4U) != 0;
        message.overrides = (what & 8U) != 0;
        message.has_source_link = is_question && (what & 16U) != 0;
        message.has_target_link = !is_question && (what & 16U) != 0;
        message.source_link = message.target_link = (what & 32U) != 0 ? peer_mac : MacAddr{{2, 0, 0, 0, 0, 9}};
        Bytes bytes(ndp_bytes(message));
        write(message, bytes.data());
        return ipv6(ip_protocol::icmpv6, bytes, from, is_question ? message.target.solicited_node() : target(), 255);
    }

    Bytes fragment_v6() {
        const std::uint16_t where = in_.u16();
        Ipv6Fragment fragment;
        fragment.next_header = (where & 0x200U) != 0 ? ip_protocol::udp : in_.u8();
        fragment.more = (where & 1U) != 0;
        fragment.offset_bytes = static_cast<std::uint16_t>((where & 0x1feU) * 4U);
        fragment.id = where >> 10U & 3U;
        Bytes bytes(ipv6_fragment_bytes);
        write(fragment, bytes.data());
        append(bytes, Bytes(in_.u8() * 8U % 1440U, std::byte{1}));
        return ipv6(ip_protocol::fragment, bytes, sender(), target());
    }

    /// Extension headers of the input's own making.
    Bytes extended() {
        const std::uint8_t first[] = {ip_protocol::hop_by_hop, ip_protocol::destination_options, ip_protocol::routing,
                                      in_.u8()};
        const std::uint8_t kind = first[in_.u8() % 4];
        return ipv6(kind, bytes(in_.u8()), sender(), target());
    }

    void call_v6(std::uint8_t what) {
        stack::Hosts& hosts = world_.stack.hosts();
        if (what % 2 == 0) {
            std::array<std::byte, 600> payload{};
            const Ipv6Addr to = (what & 2U) != 0 ? sender() : target();
            (void)world_.stack.udp().send(world_.any, hosts.name(to), 9, payload, world_.now);
            return;
        }
        Connection& one = world_.connections[what / 16 % world_.connections.size()];
        if (one.tcb == nullptr) (void)world_.stack.tcp().connect(one, hosts.name(sender()), 80, world_.now);
    }

    Bytes datagram() {
        const Bytes bytes = datagram_to(3);
        const Ipv4Addr to[] = {host_ip, host_ip, Ipv4Addr::of(198, 18, 0, 255), group};
        return ipv4(ip_protocol::udp, bytes, to[in_.u8() % 4]);
    }
    /// To one of so many ports; the checksum is still to be made.
    Bytes datagram_to(unsigned ports) {
        Bytes bytes(udp_bytes + in_.u8());
        UdpHeader header;
        header.source_port = 9;
        header.destination_port = static_cast<std::uint16_t>(World::port + in_.u8() % ports);
        header.bytes = static_cast<std::uint16_t>(bytes.size());
        write(header, bytes.data());
        return bytes;
    }

    /// An error about what we sent last, an echo, or IGMP.
    Bytes icmp() {
        const std::uint8_t what = in_.u8();
        Bytes message(icmp_bytes);
        message[0] = std::byte{in_.u8()};
        message[1] = std::byte{in_.u8()};
        if (what % 4 == 0) {
            store_ipv4(message.data() + 4, group);
            return ipv4(ip_protocol::igmp, message, group);
        }
        const auto sent = std::span(world_.last_sent).subspan(std::min(world_.last_sent.size(), ethernet_bytes));
        append(message, sent.first(std::min<std::size_t>(sent.size(), 28)));
        return ipv4(ip_protocol::icmp, message);
    }

    Bytes arp(ArpOperation operation) {
        ArpPacket packet;
        packet.operation = operation;
        packet.sender_mac = peer_mac;
        packet.sender_ip = {peer_ip.bits ^ in_.u8() % 16U};
        packet.target_mac = host_mac;
        packet.target_ip = host_ip;
        Bytes bytes(arp_bytes);
        write(packet, bytes.data());
        return ethernet(ether_type::arp, bytes);
    }

    Bytes fragment() {
        const std::uint16_t where = in_.u16();
        return ipv4(ip_protocol::udp, Bytes(in_.u8() * 8U % 1480U, std::byte{1}), host_ip, where & 0x1ffU);
    }

    void call(std::uint8_t what) {
        Connection& one = world_.connections[what / 16 % world_.connections.size()];
        stack::tcp::Tcp& tcp = world_.stack.tcp();
        if (one.tcb == nullptr) {
            if (what % 2 == 0)
                (void)tcp.accept(world_.listener, one);
            else
                (void)tcp.connect(one, Ipv4Addr{peer_ip.bits ^ (what & 4U)}, 80, world_.now);
            return;
        }
        std::array<std::byte, 4096> room{};
        switch (what % 8) {
            case 0: (void)tcp.read(*one.tcb, room, world_.now); return;
            case 1: (void)tcp.read_buf(*one.tcb, world_.now); return;
            case 2:
            case 3:
                if (stack::tcp::Tcp::is_writable(*one.tcb))
                    (void)tcp.write(*one.tcb, std::span(room).first(1 + in_.u16() % room.size()), world_.now);
                return;
            case 4: (void)tcp.finish(*one.tcb, world_.now); return;
            case 5:
                if ((what & 8U) != 0) return tcp.set_cork(*one.tcb, (what & 128U) != 0, world_.now);
                return tcp.set_no_delay(*one.tcb, (what & 128U) != 0, world_.now);
            case 6:
                one.tcb->keep_alive = true;
                one.tcb->keep_alive_idle_s = 1;
                return tcp.restart_keep_alive(*one.tcb, world_.now);
            default: return tcp.close(one, world_.now);
        }
    }

    void other(std::uint8_t what) {
        stack::Udp& udp = world_.stack.udp();
        std::array<std::byte, 600> payload{};
        switch (what % 6) {
            case 0:
                while (stack::Frame* frame = world_.any.take().frame) frame->drop();
                return;
            case 1: (void)udp.send(world_.any, Ipv4Addr{peer_ip.bits ^ what / 8U}, 9, payload, world_.now); return;
            case 2: (void)udp.send(world_.any, host_ip, World::port, payload, world_.now); return;
            case 3: (void)udp.join(world_.any, group, world_.now); return;
            case 4: (void)udp.leave(world_.any, group, world_.now); return;
            default: world_.is_stuck = !world_.is_stuck; return;
        }
    }

    static constexpr Ipv4Addr group = Ipv4Addr::of(239, 1, 2, 3);

    Reader in_;
    bool seals_;
    World world_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Program(bytes_of(data, size)).run();
    return 0;
}
