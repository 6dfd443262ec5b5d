#pragma once

// Looks at every segment of a simulation, and says what no sender and no receiver of TCP may do: leave a gap, send
// again what is acknowledged, send beyond the peer's window, acknowledge what has not come, take back an
// acknowledgement or a window. What a host knows is what has arrived at it undamaged before this instant.

#include <skerry/base/socket_addr.hpp>
#include <skerry/stack/ip_marks.hpp>
#include <skerry/stack/sequence.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/tcp.hpp>
#include <skerry/stack/wire/tcp_options.hpp>
#include <skerry/testing/frame_event.hpp>
#include <skerry/testing/simulation.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>

namespace skerry::tests {

/// One segment, of one direction of a connection.
struct SeenSegment {
    /// Source and destination, ports behind addresses.
    using Flow = std::tuple<net::IpAddr, std::uint16_t, net::IpAddr, std::uint16_t>;

    net::IpAddr source;
    net::IpAddr destination;
    std::uint8_t traffic_class = 0;
    std::uint8_t hops_left = 0;
    stack::wire::TcpHeader tcp;
    stack::wire::TcpOptions options;
    std::uint32_t payload_bytes = 0;

    /// False: no whole and undamaged segment.
    [[nodiscard]] bool read(std::span<const std::byte> frame) {
        using namespace stack::wire;
        EthernetHeader ethernet;
        if (parse(frame, ethernet) != stack::Drop::none) return false;
        const auto packet = frame.subspan(ethernet.header_bytes);
        std::span<const std::byte> segment;
        std::uint64_t pseudo = 0;
        const bool is_known = ethernet.ether_type == ether_type::ipv4   ? read_ipv4(packet, segment, pseudo)
                              : ethernet.ether_type == ether_type::ipv6 ? read_ipv6(packet, segment, pseudo)
                                                                        : false;
        if (!is_known) return false;
        if (parse(segment, tcp) != stack::Drop::none || !tcp_checksum_holds(segment, pseudo)) return false;
        payload_bytes = static_cast<std::uint32_t>(segment.size() - tcp.header_bytes);
        return parse(segment.subspan(tcp_bytes, tcp.header_bytes - tcp_bytes), options) == stack::Drop::none;
    }
    [[nodiscard]] Flow flow() const { return {source, tcp.source_port, destination, tcp.destination_port}; }
    [[nodiscard]] Flow flow_back() const { return {destination, tcp.destination_port, source, tcp.source_port}; }
    /// Sequence numbers that it takes.
    [[nodiscard]] std::uint32_t length() const {
        using namespace stack::wire;
        return payload_bytes + (tcp.has(tcp_flag::syn) ? 1 : 0) + (tcp.has(tcp_flag::fin) ? 1 : 0);
    }

private:
    bool read_ipv4(std::span<const std::byte> packet, std::span<const std::byte>& segment, std::uint64_t& pseudo) {
        stack::wire::Ipv4Header ip;
        if (parse(packet, ip) != stack::Drop::none || ip.protocol != stack::wire::ip_protocol::tcp) return false;
        segment = packet.subspan(ip.header_bytes, ip.payload_bytes());
        pseudo = stack::wire::pseudo_header(ip.source, ip.destination, ip.protocol, ip.payload_bytes());
        source = ip.source.ip();
        destination = ip.destination.ip();
        traffic_class = ip.tos;
        hops_left = ip.ttl;
        return true;
    }
    bool read_ipv6(std::span<const std::byte> packet, std::span<const std::byte>& segment, std::uint64_t& pseudo) {
        stack::wire::Ipv6Header ip;
        if (parse(packet, ip) != stack::Drop::none || ip.next_header != stack::wire::ip_protocol::tcp) return false;
        segment = packet.subspan(stack::wire::ipv6_bytes, ip.payload_bytes);
        pseudo = stack::wire::pseudo_header(ip.source, ip.destination, ip.next_header, ip.payload_bytes);
        source = ip.source.ip();
        destination = ip.destination.ip();
        traffic_class = ip.traffic_class;
        hops_left = ip.hop_limit;
        return true;
    }
};

class TcpWatch {
public:
    /// What a direction has sent, and what its sender knows of the peer.
    struct Direction {
        bool has_begun = false;
        std::uint32_t next = 0;         ///< behind all that was sent
        std::uint32_t acked = 0;        ///< what the sender has heard
        std::uint32_t acked_before = 0;  ///< and had heard before this instant
        time::Instant acked_at;
        bool has_scale = false;
        std::uint8_t scale = 0;       ///< of the windows that this end offers
        bool knows_window = false;
        std::uint32_t right = 0;      ///< where the window that the sender has heard of ends
        std::uint32_t came = 0;       ///< behind the last byte that has arrived at the other end
        bool has_acked = false;
        std::uint32_t said_ack = 0;   ///< the last acknowledgement that this end has sent
        std::uint32_t said_right = 0;
        std::uint32_t disturbed_until = 0;  ///< something was lost or out of order: until this is acknowledged
        std::uint64_t sent_again = 0;
    };

    TcpWatch(testing::Simulation& sim, std::string& wrong) : sim_(sim), wrong_(wrong) {
        sim.watch_frames([this](const testing::FrameEvent& event) { look(event.kind, event.frame); });
    }

    void look(testing::FrameEvent::Kind kind, std::span<const std::byte> frame) {
        SeenSegment segment;
        if (!segment.read(frame)) return;
        if (kind == testing::FrameEvent::Kind::sent)
            sent(segment);
        else
            arrived(segment);
    }

    /// Null: none was seen.
    [[nodiscard]] const Direction* find(const SeenSegment::Flow& flow) const {
        const auto found = directions_.find(flow);
        return found == directions_.end() ? nullptr : &found->second;
    }
    /// What the stack says of a connection besides: it has sent something again, or is about to.
    void disturb(const SeenSegment::Flow& flow) {
        Direction& own = directions_[flow];
        own.disturbed_until = own.next;
    }
    [[nodiscard]] std::uint64_t segments() const { return segments_; }

private:
    void say(const SeenSegment& segment, const std::string& what) {
        if (wrong_.size() > 2000) return;
        wrong_ += "port " + std::to_string(segment.tcp.source_port) + " to " +
                  std::to_string(segment.tcp.destination_port) + " after " +
                  std::to_string(sim_.elapsed().count() / 1000) + " us: " + what + "; ";
    }

    void sent(const SeenSegment& segment) {
        using namespace stack;
        ++segments_;
        judge_mark(segment);
        if (segment.tcp.has(wire::tcp_flag::rst)) return;
        Direction& own = directions_[segment.flow()];
        if (segment.tcp.has(wire::tcp_flag::syn)) begin(own, segment);
        if (!own.has_begun) return;
        if (segment.length() != 0 && !segment.tcp.has(wire::tcp_flag::syn)) judge_data(own, segment);
        if (segment.tcp.has(wire::tcp_flag::ack)) judge_ack(own, segment);
    }

    // RFC 3168 section 6.1: only new data can be marked, and only that says that a window came down.
    void judge_mark(const SeenSegment& segment) {
        using namespace stack;
        const bool can_be_marked = (segment.traffic_class & wire::ecn::mask) != 0;
        const bool has_cwr = segment.tcp.has(wire::tcp_flag::cwr) && !segment.tcp.has(wire::tcp_flag::syn);
        if (!can_be_marked && !has_cwr) return;
        const auto own = directions_.find(segment.flow());
        const bool is_new = own != directions_.end() && !seq_before(segment.tcp.seq, own->second.next);
        if (segment.payload_bytes == 0 || !is_new)
            say(segment, can_be_marked ? "can be marked, and is no new data" : "has CWR, and is no new data");
    }

    static void begin(Direction& own, const SeenSegment& segment) {
        if (own.has_begun && own.next - 1 == segment.tcp.seq) return;  // sent again
        own = Direction();
        own.has_begun = true;
        own.next = segment.tcp.seq + 1;
        own.acked = own.acked_before = segment.tcp.seq;
        own.has_scale = segment.options.has_window_scale;
        own.scale = segment.options.window_scale;
    }

    void judge_data(Direction& own, const SeenSegment& segment) {
        using namespace stack;
        const std::uint32_t end = segment.tcp.seq + segment.length();
        if (seq_after(segment.tcp.seq, own.next)) say(segment, "a gap in what is sent");
        const std::uint32_t known = own.acked_at == sim_.now() ? own.acked_before : own.acked;
        if (seq_at_or_before(end, known)) say(segment, "sent again although it is acknowledged");
        const std::uint32_t end_of_data = segment.tcp.seq + segment.payload_bytes;
        if (own.knows_window && segment.payload_bytes != 0 && seq_after(end_of_data, own.right))
            say(segment, std::to_string(end_of_data - own.right) + " bytes beyond the peer's window");
        if (seq_before(segment.tcp.seq, own.next)) {
            ++own.sent_again;
            own.disturbed_until = own.next;
        }
        own.next = seq_max(own.next, end);
    }

    void judge_ack(Direction& own, const SeenSegment& segment) {
        using namespace stack;
        const auto back = directions_.find(segment.flow_back());
        if (back == directions_.end() || !back->second.has_begun) return;
        if (seq_after(segment.tcp.ack, back->second.came)) say(segment, "acknowledges what has not come");
        const bool is_scaled = own.has_scale && back->second.has_scale && !segment.tcp.has(wire::tcp_flag::syn);
        const std::uint32_t right =
            segment.tcp.ack + (std::uint32_t{segment.tcp.window} << (is_scaled ? own.scale : 0));
        if (own.has_acked && seq_before(segment.tcp.ack, own.said_ack)) say(segment, "takes an acknowledgement back");
        // A window is told in units of its scale, so its end may move back by less than one: RFC 7323 section 2.4.
        const std::uint32_t unit = std::uint32_t{1} << (is_scaled ? own.scale : 0);
        if (own.has_acked && seq_before(right + unit - 1, own.said_right)) say(segment, "takes a window back");
        own.has_acked = true;
        own.said_ack = segment.tcp.ack;
        own.said_right = right;
    }

    // At the other end of `segment.flow()`.
    void arrived(const SeenSegment& segment) {
        using namespace stack;
        Direction& from = directions_[segment.flow()];
        if (!from.has_begun || segment.tcp.has(wire::tcp_flag::rst)) return;
        // One that brings nothing new may be a late one, of which nothing is believed: RFC 9293 section 3.10.7.4,
        // first.
        const std::uint32_t end = segment.tcp.seq + segment.length();
        const bool is_late =
            from.came != 0 && (segment.length() != 0 ? !seq_after(end, from.came) : seq_before(end, from.came));
        if (from.came == 0 || seq_after(end, from.came)) from.came = end;
        const auto back = directions_.find(segment.flow_back());
        if (!segment.tcp.has(wire::tcp_flag::ack) || back == directions_.end()) return;
        Direction& own = back->second;
        if (segment.options.sack_blocks != 0) own.disturbed_until = own.next;
        if (!is_late && seq_after(segment.tcp.ack, own.acked)) {
            if (own.acked_at != sim_.now()) own.acked_before = own.acked;
            own.acked_at = sim_.now();
            own.acked = segment.tcp.ack;
        }
        const bool is_scaled = own.has_scale && from.has_scale && !segment.tcp.has(wire::tcp_flag::syn);
        const std::uint32_t right =
            segment.tcp.ack + (std::uint32_t{segment.tcp.window} << (is_scaled ? from.scale : 0));
        if (!own.knows_window || seq_after(right, own.right)) own.right = right;
        own.knows_window = true;
    }

    testing::Simulation& sim_;
    std::string& wrong_;
    std::map<SeenSegment::Flow, Direction> directions_;
    std::uint64_t segments_ = 0;
};

}  // namespace skerry::tests
