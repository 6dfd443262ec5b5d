#pragma once

// Hot path. UDP: which socket a datagram is for, the datagrams that a socket has not read yet, and sending.
//
// Sockets are found by their port in a table of all 65,536, of which only the touched pages exist: one load. Those that
// share a port form a list; the one that says most about its peer gets the datagram.

#include "glance.hpp"
#include "groups.hpp"
#include "hosts.hpp"
#include "icmp.hpp"
#include "ip_output.hpp"
#include "packet.hpp"
#include "random.hpp"
#include "wire/udp.hpp"

#include "../base/error.hpp"
#include "../base/intrusive_list.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace skerry::stack {

/// A datagram that waits to be read. Its frame begins behind the UDP header.
struct UdpDatagram {
    Frame* frame = nullptr;
    wire::Ipv4Addr source;  ///< or Hosts::in_frame, of IPv6
    std::uint16_t source_port = 0;

    /// Who sent it. Call it while the frame is as it was taken.
    [[nodiscard]] net::SocketAddr peer() const noexcept {
        return {source == Hosts::in_frame ? load_source(*frame).ip() : source.ip(), source_port};
    }

    /// Where the source of an IPv6 datagram is kept: in the place of its headers, in front of UdpArrival's.
    static constexpr std::size_t source_in_front = wire::udp_bytes + wire::ipv6_addr_bytes;
    [[nodiscard]] static wire::Ipv6Addr load_source(const Frame& frame) noexcept {
        return wire::load_ipv6(frame.data - source_in_front);
    }
    static void store_source(Frame& frame, const wire::Ipv6Addr& source) noexcept {
        wire::store_ipv6(frame.data - source_in_front, source);
    }
};

/// What the IPv4 header of a datagram said. Where an endpoint asks for it, it stands in front of what waits to be read,
/// in the place of the UDP header.
struct UdpArrival {
    wire::Ipv4Addr destination;
    std::uint8_t ttl = 0;
    std::uint8_t traffic_class = 0;
};
static_assert(sizeof(UdpArrival) <= wire::udp_bytes);

/// What the IPv4 header of a datagram is to say.
struct UdpMarks {
    std::uint8_t ttl = 64;
    std::uint8_t multicast_ttl = 1;  ///< 0: it stays on this host
    std::uint8_t traffic_class = 0;
    wire::Ipv4Addr source;  ///< of several addresses of ours; 0.0.0.0: that of the socket, or as the way says
    friend bool operator==(const UdpMarks&, const UdpMarks&) = default;
};

class Udp;

/// One end: its addresses and what it has not read yet. The owner derives from it.
///
/// Lifetime: closed before it goes away.
class UdpEndpoint {
public:
    UdpEndpoint() noexcept = default;
    UdpEndpoint(const UdpEndpoint&) = delete;
    UdpEndpoint& operator=(const UdpEndpoint&) = delete;

    wire::Ipv4Addr local;  ///< 0.0.0.0: any of ours; Hosts::any_v6: of either family
    std::uint16_t port = 0;
    bool v6_only = false;  ///< of Hosts::any_v6: not of either
    bool is_lost = false;  ///< `local` was ours; it may come back
    wire::Ipv4Addr remote;  ///< 0.0.0.0: not connected
    std::uint16_t remote_port = 0;
    bool may_broadcast = true;
    bool multicast_loop = true;  ///< what it sends to a group comes to this host's members too
    bool is_marked = false;  ///< it does not send as usual; note_marks() says so
    UdpMarks marks;
    Error untold;  ///< of a datagram to the connected peer, or of a lost address; whoever tells it clears it

    /// `marks` were changed.
    void note_marks() noexcept { is_marked = is_lost || marks != UdpMarks(); }

    /// Whether it has joined the group, for this source or for all but others.
    [[nodiscard]] bool hears_group(wire::Ipv4Addr group, wire::Ipv4Addr source) const noexcept;
    [[nodiscard]] bool is_connected() const noexcept { return remote_port != 0; }
    [[nodiscard]] std::size_t unread() const noexcept { return count_; }

    /// The oldest; its frame is null when there is none. Whoever takes it owns the frame.
    [[nodiscard]] UdpDatagram take() noexcept {
        if (count_ == 0) return {};
        const UdpDatagram datagram = ring_[head_];
        head_ = --count_ == 0 ? 0 : (head_ + 1) & (ring_.size() - 1);  // empty: the same line is used again
        return datagram;
    }

    /// Begins, or ends, to keep what the header said of each datagram.
    void keep_arrivals(bool keep) noexcept {
        if (keep && !keeps_arrivals_) without_arrival_ = count_;
        keeps_arrivals_ = keep;
    }
    /// What was kept of the datagram that was just taken. False: it had come before.
    [[nodiscard]] bool arrival_of(const Frame& taken, UdpArrival& arrival) noexcept {
        if (without_arrival_ != 0) {
            --without_arrival_;
            return false;
        }
        std::memcpy(&arrival, taken.data - sizeof arrival, sizeof arrival);
        return true;
    }

protected:
    virtual ~UdpEndpoint() = default;

    /// Something came, or `untold` was set; called once after a burst.
    virtual void on_ready() noexcept = 0;

private:
    friend Udp;
    struct Ready : ListLink {
        UdpEndpoint* endpoint = nullptr;
    };

    [[nodiscard]] bool push(const UdpDatagram& datagram, std::size_t limit) noexcept {
        if (count_ >= limit || (count_ == ring_.size() && !grow())) [[unlikely]]
            return false;
        ring_[(head_ + count_++) & (ring_.size() - 1)] = datagram;
        return true;
    }
    [[nodiscard]] bool grow() noexcept;

    PortUse use_ = PortUse::any;  // as it was when the port was taken: our address may be another since
    std::vector<UdpDatagram> ring_;  // grows in powers of two, to the limit
    [[nodiscard]] bool is_member_of(wire::Ipv4Addr group) const noexcept;

    struct Membership {
        wire::Ipv4Addr group;
        wire::Ipv4Addr source;  // 0.0.0.0: all
        bool is_blocked = false;  // it is shut out of all
        friend bool operator==(const Membership&, const Membership&) = default;
    };
    std::vector<Membership> groups_;
    std::size_t head_ = 0;
    std::size_t count_ = 0;
    bool keeps_arrivals_ = false;
    std::size_t without_arrival_ = 0;  // of those that wait, the oldest, when they are kept
    UdpEndpoint* next_on_port_ = nullptr;
    Ready ready_;
};

/// Threads: one core.
class Udp {
public:
    Udp(const StackConfig& config, Link& link, IpOutput& output, Icmp& icmp, Groups& groups, DropCounters& drops);
    Udp(const Udp&) = delete;
    Udp& operator=(const Udp&) = delete;

    /// Gives the endpoint its port; 0 takes a free one. `shared`: other cores may have it too, if they share it.
    ///
    /// Errors: address_in_use; address_not_available, for an address that is not ours.
    [[nodiscard]] Result<> open(UdpEndpoint& endpoint, wire::Ipv4Addr local, std::uint16_t port,
                                bool shared = false) noexcept;
    /// From now on it hears this peer alone; port 0: everybody, again.
    ///
    /// Errors: no_memory.
    [[nodiscard]] Result<> connect(UdpEndpoint& endpoint, wire::Ipv4Addr remote, std::uint16_t port) noexcept;
    /// Drops what was not read, and leaves its groups.
    void close(UdpEndpoint& endpoint, time::Instant now) noexcept;

    /// Lets the endpoint hear what `source` sends to the group; 0.0.0.0: what all do. The routers are told what
    /// all sockets together want, so each hears its own sources only by what is chosen here (RFC 3376 section 3.2).
    ///
    /// Errors: invalid_argument: no group, or no source; address_in_use: it is in it; no_buffers: it is in
    ///         groups_per_socket, each source counted, or what Groups::join() says.
    [[nodiscard]] Result<> join(UdpEndpoint& endpoint, wire::Ipv4Addr group, wire::Ipv4Addr source,
                                time::Instant now) noexcept;
    /// Without a source: whatever was joined of the group.
    ///
    /// Errors: invalid_argument: no group; address_not_available: it is not in it.
    [[nodiscard]] Result<> leave(UdpEndpoint& endpoint, wire::Ipv4Addr group, wire::Ipv4Addr source,
                                 time::Instant now) noexcept;
    /// Shuts a source out of a group that was joined for all, until unblock() or leave(). Routers are told when no
    /// socket wants it any more.
    ///
    /// Errors: invalid_argument: no group, no source, or not joined for all; address_in_use: it is shut out;
    ///         no_buffers: as join().
    [[nodiscard]] Result<> block(UdpEndpoint& endpoint, wire::Ipv4Addr group, wire::Ipv4Addr source,
                                 time::Instant now) noexcept;
    /// Errors: as block(); address_not_available: it was not shut out.
    [[nodiscard]] Result<> unblock(UdpEndpoint& endpoint, wire::Ipv4Addr group, wire::Ipv4Addr source,
                                   time::Instant now) noexcept;
    [[nodiscard]] Result<> join(UdpEndpoint& endpoint, wire::Ipv4Addr group, time::Instant now) noexcept {
        return join(endpoint, group, {}, now);
    }
    [[nodiscard]] Result<> leave(UdpEndpoint& endpoint, wire::Ipv4Addr group, time::Instant now) noexcept {
        return leave(endpoint, group, {}, now);
    }

    static constexpr std::size_t groups_per_socket = 20;  // as in Linux

    /// An address of ours is another's from now on: what was bound to it is bound to nothing.
    void leave_address(wire::Ipv4Addr own) noexcept;

    /// Takes the packet over.
    void input(Packet& packet) noexcept;
    /// Takes the frame over if it holds a datagram for the only socket of its port; false, and nothing is changed, if
    /// not. `glance` has seen a datagram.
    [[nodiscard]] bool input_usual(const Glance& glance) noexcept;
    /// `local` is no address of ours any more: the sockets at it hear nothing from now on, and are told so once. They
    /// send nothing either, because it would leave from another address.
    void lose(wire::Ipv4Addr local) noexcept;
    /// It is ours, perhaps again.
    void regain(wire::Ipv4Addr local) noexcept;
    /// False when no socket is told of it.
    [[nodiscard]] bool input_error(const IcmpError& error, time::Instant now) noexcept;
    /// After a burst: tells the endpoints that got something.
    void deliver() noexcept {
        while (UdpEndpoint::Ready* const ready = ready_.pop_front()) ready->endpoint->on_ready();
    }

    /// Sends a copy of `payload`, to a host of the endpoint's family; in pieces, if the way takes no packets so long.
    ///
    /// Errors: message_too_long, unreachable, no_buffers; permission_denied, when `from` may not send to all;
    ///         address_not_available, when its address was lost.
    [[nodiscard]] Result<> send(const UdpEndpoint& from, wire::Ipv4Addr to, std::uint16_t port,
                                std::span<const std::byte> payload, time::Instant now) noexcept;
    /// The same of what `data` holds. Where that is a frame of the port's that nobody else holds, and it leaves in one
    /// packet, it leaves itself, with its headers written in front of the data, and `data` is empty; else it is as it
    /// was.
    [[nodiscard]] Result<> send_buf(const UdpEndpoint& from, wire::Ipv4Addr to, std::uint16_t port, IoBuf& data,
                                    time::Instant now) noexcept;
    /// Buffers that left themselves.
    [[nodiscard]] std::uint64_t buffers_given() const noexcept { return buffers_given_; }

private:
    static constexpr std::size_t ports = 65'536;

    [[nodiscard]] static bool hears(const UdpEndpoint& endpoint, const wire::Ipv4Header& ip,
                                    std::uint16_t source_port) noexcept;
    void input_to_many(Packet& packet, std::uint16_t source_port, std::uint16_t port) noexcept;
    [[nodiscard]] Frame* copy(const Frame& frame) noexcept;
    /// A frame that holds so many bytes; null, and counted, when there is none.
    [[nodiscard]] Frame* allocate(std::size_t bytes) noexcept {
        Frame* const frame = link_.allocate();
        if (frame == nullptr || frame->tailroom() >= bytes) [[likely]]
            return frame;
        return longer_than(*frame, bytes);
    }
    [[nodiscard]] Frame* longer_than(Frame& frame, std::size_t bytes) noexcept;
    /// Copies `payload`, unless that is what `data` shows and its frame can leave; null: it is to be copied.
    [[nodiscard]] Result<> send_otherwise(const UdpEndpoint& from, wire::Ipv4Addr to, std::uint16_t port,
                                          std::span<const std::byte> payload, IoBuf* data, time::Instant now) noexcept;
    [[nodiscard]] Frame* take_over(IoBuf& data) noexcept;
    [[nodiscard]] wire::Ipv4Addr source_of(const UdpEndpoint& from, wire::Ipv4Addr to) const noexcept {
        if (Hosts::is_own_v6(from.local)) return from.local;
        if (is_host_number(to) && Hosts::is_own_v6(from.marks.source)) return from.marks.source;
        if (output_.has_several_sources() && !is_host_number(to)) [[unlikely]]
            return source_of_several(from, to);
        return output_.source_for(to);
    }
    [[nodiscard]] wire::Ipv4Addr source_of_several(const UdpEndpoint& from, wire::Ipv4Addr to) const noexcept;
    /// Whether what it sends there may leave by the way.
    [[nodiscard]] bool is_ready(const UdpEndpoint& from, wire::Ipv4Addr to, time::Instant now) const noexcept {
        if (output_.is_ready(to, now)) [[likely]]
            return true;
        return output_.has_several_sources() && output_.is_ready(source_of(from, to), to, now);
    }
    template <bool is_there>
    void fill(Frame& frame, const UdpEndpoint& from, std::uint16_t port, std::span<const std::byte> payload,
              std::uint64_t pseudo, bool is_whole) noexcept;
    /// What goes to a group comes to this host's members too.
    void loop_to_members(const Frame& datagram, wire::Ipv4Addr source, wire::Ipv4Addr group, IpMarks marks) noexcept;
    [[nodiscard]] UdpEndpoint* find(const wire::Ipv4Header& ip, std::uint16_t source_port, std::uint16_t port) noexcept;
    static void keep_arrival(Frame& frame, const UdpArrival& arrival) noexcept {
        std::memcpy(frame.data - sizeof arrival, &arrival, sizeof arrival);
    }
    static void keep_arrival(Frame& frame, const wire::Ipv4Header& ip) noexcept {
        keep_arrival(frame, UdpArrival{ip.destination, ip.ttl, ip.tos});
    }
    void give_copy(UdpEndpoint& endpoint, Frame& frame, wire::Ipv4Addr source, std::uint16_t source_port) noexcept;
    void give(UdpEndpoint& endpoint, Frame& frame, wire::Ipv4Addr source, std::uint16_t source_port) noexcept;
    [[nodiscard]] bool is_taken(wire::Ipv4Addr local, std::uint16_t port, bool v6_only) const noexcept;
    [[nodiscard]] bool take(UdpEndpoint& endpoint, wire::Ipv4Addr local, std::uint16_t port, bool shared) noexcept;
    [[nodiscard]] bool may_hear(wire::Ipv4Addr group, wire::Ipv4Addr source) const noexcept;
    void release(const UdpEndpoint& endpoint) noexcept;
    [[nodiscard]] bool steer(Packet& packet, const wire::UdpHeader& header, bool to_many) noexcept;
    void mark_ready(UdpEndpoint& endpoint) noexcept;
    [[nodiscard]] bool may_have_sent(const IcmpError& error) const noexcept;
    [[nodiscard]] bool tell_connected(const IcmpError& error) noexcept;

    const StackConfig& config_;
    Link& link_;
    IpOutput& output_;
    Icmp& icmp_;
    Groups& groups_;
    DropCounters& drops_;
    std::unique_ptr<UdpEndpoint*[], void (*)(void*)> by_port_;
    IntrusiveList<UdpEndpoint::Ready> ready_;
    Random random_;
    std::uint64_t buffers_given_ = 0;
};

}  // namespace skerry::stack
