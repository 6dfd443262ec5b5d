#include "flow.hpp"

#include "live_packet.hpp"

#include <algorithm>

namespace skerry::pkt {

void Flow::note_stamp(std::uint32_t script, std::uint32_t live) {
    stamps[script] = live;
    if (!first_stamp) first_stamp = FirstStamp{script, live};
}

void Flow::note_syn(std::uint32_t seq) {
    begins_again = syn_seq && *syn_seq != seq;
    syn_seq = seq;
}

Flow& Flows::add(std::uint8_t protocol, const net::SocketAddr& local, const net::SocketAddr& remote) {
    Flow& flow = flows_.emplace_back();
    flow.protocol = protocol;
    flow.local = local;
    flow.remote = remote;
    current_ = &flow;
    return flow;
}

Flow& Flows::add_peer(const net::SocketAddr& local, const net::IpAddr& remote, std::optional<std::uint16_t> port) {
    Flow& flow = add(protocol::tcp, local, {remote, port ? *port : next_port_++});
    flow.state = Flow::State::known;
    return flow;
}

Flow* Flows::of_fd(int live_fd) {
    const auto found =
        std::find_if(flows_.rbegin(), flows_.rend(), [&](const Flow& f) { return f.live_fd == live_fd; });
    return found != flows_.rend() ? &*found : nullptr;
}

Flow* Flows::find(std::uint8_t protocol, const net::SocketAddr& local, const net::SocketAddr& remote) {
    const auto found = std::find_if(flows_.rbegin(), flows_.rend(), [&](const Flow& flow) {
        return flow.state == Flow::State::known && flow.protocol == protocol && flow.local == local &&
               flow.remote == remote;
    });
    return found != flows_.rend() ? &*found : nullptr;
}

Flow* Flows::sender_of(const LivePacket& packet) {
    if (packet.is_icmp() || packet.is_fragment) return current_;
    const net::SocketAddr local(packet.source, packet.source_port);
    const net::SocketAddr remote(packet.destination, packet.destination_port);
    if (Flow* const known = find(packet.protocol, local, remote)) return known;
    const bool may_be_first = packet.is_udp() || (packet.has(tcp_bit::syn) && !packet.has(tcp_bit::ack));
    const auto found = std::find_if(flows_.rbegin(), flows_.rend(), [&](const Flow& flow) {
        return flow.state == Flow::State::connecting && flow.protocol == packet.protocol && flow.remote == remote;
    });
    if (!may_be_first || found == flows_.rend()) return nullptr;
    found->local = local;
    found->state = Flow::State::known;
    return &*found;
}

}  // namespace skerry::pkt
