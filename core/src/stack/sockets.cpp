#include <skerry/stack/sockets.hpp>

#include <skerry/backend/orphaned.hpp>
#include <skerry/backend/slow_lane.hpp>
#include <skerry/base/compiler.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace skerry::stack {

using backend::Datagram;
using backend::DatagramSocket;
using backend::RecvRequest;
using backend::SendRequest;
using backend::Step;
using wire::Ipv4Addr;

// --- datagrams

class Sockets::Datagrams : public DatagramSocket, public UdpEndpoint, public ListLink {
public:
    Datagrams(Sockets& sockets, net::IpFamily family) noexcept : sockets_(&sockets), family_(family) {
        ops = &operations;
        home = sockets.home_;
        may_receive = may_broadcast = false;
    }

    /// The core goes away while a program holds the socket.
    void orphan() noexcept {
        leave();
        sockets_ = nullptr;
        backend::orphan_datagrams(*this);
    }

    virtual void on_room() noexcept {
        if (may_send) return;
        may_send = true;
        --sockets_->senders_waiting_;
        if (sender != nullptr) complete(*this, *sender);  // it sends when its task runs
    }

    /// The port is gone.
    void on_lost() noexcept {
        on_room();
        on_ready();
    }

    [[nodiscard]] Stack& stack() const noexcept { return sockets_->stack_; }

protected:
    void on_ready() noexcept override {
        may_receive = true;
        if (receiver != nullptr && receive_now(*receiver) == Step::done) complete(*this, *receiver);
    }

private:
    void leave() noexcept {
        if (!may_send) --sockets_->senders_waiting_;
        sockets_->stack_.udp().close(*this, sockets_->now_);
    }

    Step receive_now(RecvRequest& request) noexcept {
        if (untold != Errc::ok) [[unlikely]] {
            request.error = std::exchange(untold, Errc::ok);
            return Step::done;
        }
        if (unread() == 0) {
            if (sockets_->lost_ != Errc::ok) [[unlikely]] {
                request.error = sockets_->lost_;
                return Step::done;
            }
            may_receive = false;
            return Step::pending;
        }
        if (request.batch.empty())
            receive_one(request);
        else
            receive_batch(request);
        may_receive = unread() != 0 || sockets_->lost_ != Errc::ok;
        return Step::done;
    }

    void receive_one(RecvRequest& request) noexcept {
        const UdpDatagram datagram = take();
        if (told_ != 0) [[unlikely]]
            skip_arrival(*datagram.frame);
        const std::span<const std::byte> payload = datagram.frame->bytes();
        request.count = std::min(payload.size(), request.into.size());
        request.truncated = request.count < payload.size();
        if (family_ == net::IpFamily::v4) [[likely]]
            *request.peer = net::SocketAddr(datagram.source.ip(), datagram.source_port);
        else
            *request.peer = peer_of(datagram);
        if (request.count != 0) std::memcpy(request.into.data(), payload.data(), request.count);
        datagram.frame->drop();
    }

    void receive_batch(RecvRequest& request) noexcept {
        if (told_ != 0) [[unlikely]]
            return receive_batch_told(request);
        const std::size_t count = std::min({request.batch.size(), batch_max, unread()});
        for (; request.count < count; ++request.count) give(take(), request.batch[request.count]);
    }
    SKERRY_NOINLINE void receive_batch_told(RecvRequest& request) noexcept {
        const std::size_t count = std::min({request.batch.size(), batch_max, unread()});
        for (; request.count < count; ++request.count) {
            const UdpDatagram datagram = take();
            UdpArrival arrival;
            const bool has_arrival = arrival_of(*datagram.frame, arrival);
            give(datagram, request.batch[request.count]);
            if (has_arrival) tell(request.batch[request.count], arrival);
        }
    }
    void give(const UdpDatagram& datagram, Datagram& out) const noexcept {
        Frame& frame = *datagram.frame;
        if (family_ == net::IpFamily::v4) [[likely]]
            out.peer = net::SocketAddr(datagram.source.ip(), datagram.source_port);
        else
            out.peer = peer_of(datagram);
        out.payload = frame.to_buffer();
        out.set_arrival(time::Instant::from_nanos(frame.rx_time_ns), frame.time_source, false, frame.queue);
    }

    void skip_arrival(const Frame& taken) noexcept {
        UdpArrival arrival;
        (void)arrival_of(taken, arrival);
    }
    void tell(Datagram& datagram, const UdpArrival& arrival) const noexcept {
        if ((told_ & told_local) != 0) {
            datagram.local = shown(stack().hosts().ip(arrival.destination));
            datagram.interface_index = 1;  // there is one
        }
        if ((told_ & told_ttl) != 0) datagram.ttl = arrival.ttl;
        if ((told_ & told_traffic_class) != 0) datagram.traffic_class = arrival.traffic_class;
    }

    template <bool gives>
    Step send_now(SendRequest& request) noexcept {
        if (sockets_->lost_ != Errc::ok) [[unlikely]] {
            if (request.count == 0) request.error = sockets_->lost_;
            return Step::done;
        }
        if (stack().backlog().size() >= backlog_high) [[unlikely]]
            return no_room();
        if (request.batch.empty()) {
            const std::size_t bytes = request.from.size();
            request.error = gives ? send_buffer(*request.buffer, request.to) : send_datagram(request.from, request.to);
            request.count = bytes;
            return Step::done;
        }
        const bool is_plain = sends_by_ == 0;
        while (request.count < request.batch.size()) {
            Datagram& datagram = request.batch[request.count];
            const net::SocketAddr* const to = connected ? nullptr : &datagram.peer;
            const Error error = is_plain && datagram.segment_bytes == 0 ? send_payload<gives>(datagram, to)
                                                                        : send_otherwise(datagram, to, gives);
            if (error.code() != Errc::ok) {
                // What was sent counts; the error comes with the next call, whose first datagram it concerns.
                if (request.count == 0) request.error = error;
                return Step::done;
            }
            ++request.count;
            if (stack().backlog().size() >= backlog_high && request.count < request.batch.size()) [[unlikely]]
                return no_room();
        }
        return Step::done;
    }

    template <bool gives>
    Error send_payload(Datagram& datagram, const net::SocketAddr* to) noexcept {
        return gives ? send_buffer(datagram.payload, to) : send_datagram(datagram.payload.bytes(), to);
    }

    // One that tells how it leaves, or holds several.
    SKERRY_NOINLINE Error send_otherwise(Datagram& datagram, const net::SocketAddr* to, bool gives) noexcept {
        if ((sends_by_ & by_local) != 0 && !is_our(datagram.local)) return Errc::address_not_available;
        const UdpMarks own = marks;
        if ((sends_by_ & by_local) != 0) marks.source = source_of(datagram.local);
        if ((sends_by_ & by_traffic_class) != 0) marks.traffic_class = datagram.traffic_class;
        note_marks();
        const Error error = send_segments(datagram, to, gives);
        marks = own;
        note_marks();
        return error;
    }
    /// Of several addresses the one that a datagram names; nothing where there is one, or it names none.
    [[nodiscard]] Ipv4Addr source_of(const net::IpAddr& local) const noexcept {
        const StackConfig& config = stack().config();
        if (local.unmapped().is_v6()) return source_of_v6(wire::Ipv6Addr::of(local));
        if (config.more_addresses.empty()) return {};
        const Ipv4Addr address = Ipv4Addr::of(local.unmapped());
        return config.is_own(address) ? address : Ipv4Addr{};
    }
    [[nodiscard]] Ipv4Addr source_of_v6(const wire::Ipv6Addr& local) const noexcept {
        const Hosts& hosts = stack().hosts();
        return hosts.is_own(local) ? hosts.find(local).value_or(Ipv4Addr{}) : Ipv4Addr{};
    }
    // What came to a group, or to all, is answered from the address that the way has.
    [[nodiscard]] bool is_our(const net::IpAddr& shown) const noexcept {
        const net::IpAddr local = shown.unmapped();
        if (local.is_v6()) return is_our_v6(wire::Ipv6Addr::of(local));
        const Ipv4Addr address = Ipv4Addr::of(local);
        const StackConfig& config = stack().config();
        return address.is_unspecified() || config.is_own(address) || address.is_multicast() ||
               config.is_broadcast(address);
    }
    [[nodiscard]] bool is_our_v6(const wire::Ipv6Addr& local) const noexcept {
        const Hosts& hosts = stack().hosts();
        if (local.is_unspecified() || local.is_multicast()) return hosts.has_v6();
        return hosts.is_own(local);
    }
    /// An address as a socket of this family shows it.
    [[nodiscard]] net::IpAddr shown(const net::IpAddr& ip) const noexcept {
        return family_ == net::IpFamily::v4 ? ip : ip.mapped();
    }
    /// Of a socket of IPv6.
    [[nodiscard]] SKERRY_NOINLINE static net::SocketAddr peer_of(const UdpDatagram& datagram) noexcept {
        const net::SocketAddr peer = datagram.peer();
        return {peer.ip().mapped(), peer.port()};
    }

    // No port takes several at once, so they leave one by one; the backlog takes all of them.
    Error send_segments(Datagram& datagram, const net::SocketAddr* to, bool gives) noexcept {
        std::span<const std::byte> rest = datagram.payload.bytes();
        const std::size_t each = datagram.segment_bytes;
        if (each == 0) return gives ? send_buffer(datagram.payload, to) : send_datagram(rest, to);
        if (const Errc why = backend::check_segments(rest.size(), each); why != Errc::ok) return why;
        for (; rest.size() > each; rest = rest.subspan(each))
            if (const Error error = send_datagram(rest.first(each), to); error.code() != Errc::ok) return error;
        return send_datagram(rest, to);
    }

    Step send_segmented_now(SendRequest& request) noexcept {
        if (request.segment_bytes == 0) {
            request.error = Errc::invalid_argument;
            return Step::done;
        }
        do {
            if (sockets_->lost_ == Errc::ok && stack().backlog().size() >= backlog_high) [[unlikely]]
                return no_room();
            const std::span<const std::byte> rest = request.from.subspan(request.count);
            const std::span<const std::byte> segment = rest.first(std::min(rest.size(), request.segment_bytes));
            const Error error =
                sockets_->lost_ == Errc::ok ? send_datagram(segment, request.to) : Error(sockets_->lost_);
            if (error.code() != Errc::ok) {
                if (request.count == 0) request.error = error;  // else it comes with the next call
                return Step::done;
            }
            request.count += segment.size();
        } while (request.count < request.from.size());
        return Step::done;
    }

    Step no_room() noexcept {
        may_send = false;
        ++sockets_->senders_waiting_;
        return Step::pending;
    }

    /// Whether this socket reaches that family's addresses: from an address of one family none of the other.
    [[nodiscard]] bool speaks(const net::IpAddr& ip) const noexcept {
        if (family_ == net::IpFamily::v4) return ip.is_v4();
        const Ipv4Addr own = UdpEndpoint::local;
        const bool is_v4 = ip.unmapped().is_v4();
        if (own == Hosts::any_v6) return !is_v4 || !v6_only;
        return is_v4 != is_host_number(own);
    }
    /// Of a socket or an address of IPv6.
    [[nodiscard]] SKERRY_NOINLINE Errc name_other(const net::IpAddr& ip, Ipv4Addr& host) noexcept {
        return speaks(ip) ? sockets_->name(ip, host) : Errc::unsupported;
    }
    /// Where one goes that is for `to`, or for the connected peer; else why it goes nowhere.
    [[nodiscard]] SKERRY_ALWAYS_INLINE Error find_receiver(const net::SocketAddr* to, Ipv4Addr& address,
                                                           std::uint16_t& to_port) noexcept {
        address = remote;
        to_port = remote_port;
        if (to != nullptr) {
            if (family_ == net::IpFamily::v4 && to->is_v4()) [[likely]]
                address = Ipv4Addr::of(to->ip());
            else if (const Errc wrong = name_other(to->ip(), address); wrong != Errc::ok)
                return wrong;
            if (is_host_number(address) && to->is_v4()) [[unlikely]]
                return Error::from_os(ENETUNREACH);
            to_port = to->port();
        } else if (!is_connected()) {
            return Errc::not_connected;
        } else if (untold != Errc::ok) [[unlikely]] {
            return std::exchange(untold, Errc::ok);  // of an earlier one; this one was not sent
        }
        return to_port == 0 ? Errc::invalid_argument : Errc::ok;
    }
    /// Who is told by a send that the address is lost need not be told again.
    [[nodiscard]] SKERRY_NOINLINE Error failed(Error error) noexcept {
        if (is_lost && error == Errc::address_not_available) untold = Errc::ok;
        return error;
    }
    [[nodiscard]] Error send_datagram(std::span<const std::byte> payload, const net::SocketAddr* to) noexcept {
        Ipv4Addr address;
        std::uint16_t to_port = 0;
        if (const Error wrong = find_receiver(to, address, to_port); wrong.code() != Errc::ok) [[unlikely]]
            return wrong;
        auto sent = stack().udp().send(*this, address, to_port, payload, sockets_->now_);
        return sent ? Error() : failed(sent.error());
    }
    /// The same of what `data` holds, which may be taken over.
    [[nodiscard]] Error send_buffer(IoBuf& data, const net::SocketAddr* to) noexcept {
        Ipv4Addr address;
        std::uint16_t to_port = 0;
        if (const Error wrong = find_receiver(to, address, to_port); wrong.code() != Errc::ok) [[unlikely]]
            return wrong;
        auto sent = stack().udp().send_buf(*this, address, to_port, data, sockets_->now_);
        return sent ? Error() : failed(sent.error());
    }

    static Step receive(DatagramSocket& socket, RecvRequest& request) noexcept {
        return static_cast<Datagrams&>(socket).receive_now(request);
    }
    static Step send(DatagramSocket& socket, SendRequest& request) noexcept {
        return static_cast<Datagrams&>(socket).send_now<false>(request);
    }
    static Step send_buf(DatagramSocket& socket, SendRequest& request) noexcept {
        return static_cast<Datagrams&>(socket).send_now<true>(request);
    }
    static Step send_segmented(DatagramSocket& socket, SendRequest& request) noexcept {
        return static_cast<Datagrams&>(socket).send_segmented_now(request);
    }
    static Result<> connect(DatagramSocket& socket, const net::SocketAddr& peer) noexcept {
        auto& self = static_cast<Datagrams&>(socket);
        if (!self.speaks(peer.ip())) return Errc::unsupported;
        if (peer.port() == 0) return Errc::invalid_argument;
        Ipv4Addr host;
        if (const Errc wrong = self.sockets_->name(peer.ip(), host); wrong != Errc::ok) return wrong;
        if (auto done = self.stack().udp().connect(self, host, peer.port()); !done) return done;
        self.connected = true;
        return {};
    }
    static Result<> join(DatagramSocket& socket, const backend::Membership& membership,
                         backend::MembershipChange change) noexcept {
        auto& self = static_cast<Datagrams&>(socket);
        if (membership.interface_index > 1) return Errc::not_found;  // there is one
        Udp& udp = self.stack().udp();
        Ipv4Addr group;
        Ipv4Addr source;
        if (const Errc wrong = self.sockets_->name(membership.group, group); wrong != Errc::ok)
            return wrong == Errc::unreachable ? Errc::invalid_argument : wrong;
        if (membership.has_source) {
            if (membership.source.is_v4() != membership.group.is_v4() || membership.source.is_unspecified())
                return Errc::invalid_argument;
            if (self.sockets_->name(membership.source, source) != Errc::ok) return Errc::invalid_argument;
        }
        const time::Instant now = self.sockets_->now_;
        switch (change) {
            case backend::MembershipChange::join: return udp.join(self, group, source, now);
            case backend::MembershipChange::leave: return udp.leave(self, group, source, now);
            case backend::MembershipChange::block: return udp.block(self, group, source, now);
            case backend::MembershipChange::unblock: break;
        }
        return udp.unblock(self, group, source, now);
    }
    static void close(DatagramSocket* socket) noexcept {
        auto* const self = static_cast<Datagrams*>(socket);
        delete self->given_back;
        if (self->sockets_ != nullptr) {
            self->unlink();
            --self->sockets_->counts_.open;
            self->leave();
        }
        delete self;
    }
    static Result<> set_option(DatagramSocket& socket, backend::SocketOption option, int value) noexcept {
        return static_cast<Datagrams&>(socket).set(option, value);
    }
    static Result<int> get_option(DatagramSocket& socket, backend::SocketOption option) noexcept {
        return static_cast<Datagrams&>(socket).get(option);
    }

    Result<> set(backend::SocketOption option, int value) noexcept {
        using enum backend::SocketOption;
        switch (option) {
            case broadcast: may_broadcast = value != 0; return {};
            case multicast_loop: UdpEndpoint::multicast_loop = value != 0; return {};
            case ttl: return set_mark(marks.ttl, value, 1);
            case multicast_ttl: return set_mark(marks.multicast_ttl, value, 0);
            case multicast_interface:
                if (value < 0 || value > 1) return Errc::not_found;  // there is one
                multicast_interface_ = static_cast<std::uint8_t>(value);
                return {};
            case traffic_class: return set_mark(marks.traffic_class, value, 0);
            case receive_local: return set_bit(told_, told_local, value);
            case receive_ttl: return set_bit(told_, told_ttl, value);
            case receive_traffic_class: return set_bit(told_, told_traffic_class, value);
            case send_local: return set_bit(sends_by_, by_local, value);
            case send_traffic_class: return set_bit(sends_by_, by_traffic_class, value);
            default: return Errc::unsupported;
        }
    }
    [[nodiscard]] Result<int> get(backend::SocketOption option) const noexcept {
        using enum backend::SocketOption;
        switch (option) {
            case broadcast: return may_broadcast ? 1 : 0;
            case multicast_loop: return UdpEndpoint::multicast_loop ? 1 : 0;
            case ttl: return int{marks.ttl};
            case multicast_ttl: return int{marks.multicast_ttl};
            case multicast_interface: return int{multicast_interface_};
            case traffic_class: return int{marks.traffic_class};
            case receive_local: return (told_ & told_local) != 0 ? 1 : 0;
            case receive_ttl: return (told_ & told_ttl) != 0 ? 1 : 0;
            case receive_traffic_class: return (told_ & told_traffic_class) != 0 ? 1 : 0;
            case send_local: return (sends_by_ & by_local) != 0 ? 1 : 0;
            case send_traffic_class: return (sends_by_ & by_traffic_class) != 0 ? 1 : 0;
            default: return Errc::unsupported;
        }
    }
    Result<> set_mark(std::uint8_t& mark, int value, int least) noexcept {
        if (value < least || value > 255) return Errc::invalid_argument;
        mark = static_cast<std::uint8_t>(value);
        note_marks();
        return {};
    }
    Result<> set_bit(std::uint8_t& bits, std::uint8_t bit, int value) noexcept {
        bits = static_cast<std::uint8_t>(value != 0 ? bits | bit : bits & ~bit);
        keep_arrivals(told_ != 0);
        return {};
    }

    // What is told of each datagram, and by what of it is sent, as bits.
    static constexpr std::uint8_t told_local = 1;
    static constexpr std::uint8_t told_ttl = 2;
    static constexpr std::uint8_t told_traffic_class = 4;
    static constexpr std::uint8_t by_local = 1;
    static constexpr std::uint8_t by_traffic_class = 2;
    std::uint8_t told_ = 0;
    std::uint8_t sends_by_ = 0;
    std::uint8_t multicast_interface_ = 0;

    static constexpr std::size_t batch_max = 64;
    static const backend::DatagramOps operations;

    Sockets* sockets_;
    net::IpFamily family_;
};

const backend::DatagramOps Sockets::Datagrams::operations{&receive, &send,  &send_buf,   &send_segmented, &connect,
                                                          &join,    &close, &set_option, &get_option};

/// One of several that a program has as one.
class Sockets::WatchedDatagrams final : public Datagrams {
public:
    WatchedDatagrams(Sockets& sockets, net::IpFamily family, Watcher& watcher) noexcept
        : Datagrams(sockets, family), watcher_(watcher) {}

    void on_room() noexcept override {
        if (may_send) return;
        Datagrams::on_room();
        watcher_.on_ready();
    }

protected:
    void on_ready() noexcept override {
        may_receive = true;
        watcher_.on_ready();
    }

private:
    Watcher& watcher_;
};

// --- what a core offers

Sockets::~Sockets() {
    if (stream_blocks_ != nullptr) stream_blocks_->leave();  // before any other thread may close one
    orphan_streams();
    orphan_listeners();
    while (Datagrams* socket = sockets_.pop_front()) socket->orphan();
}

backend::Capabilities Sockets::capabilities() const noexcept {
    backend::Capabilities capabilities;
    capabilities.tcp = capabilities.udp = capabilities.multicast = capabilities.zero_copy_receive = true;
    capabilities.ipv6 = stack_.hosts().has_v6();
    capabilities.packet_info = capabilities.source_multicast = capabilities.cork = true;
    capabilities.loss_repair = true;
    capabilities.zero_copy_send = true;
    capabilities.slow_lane = backend::current_slow_lane != nullptr;
    return capabilities;
}

backend::SocketStats Sockets::stats() const noexcept {
    backend::SocketStats stats = counts_;
    const DropCounters& drops = stack_.drops();
    stats.no_buffers = drops[Drop::no_frame];
    stats.port_checksum = drops[Drop::port_checksum];
    stats.stack_checksum = drops[Drop::ipv4_checksum] + drops[Drop::udp_checksum] + drops[Drop::tcp_checksum] +
                           drops[Drop::icmp_checksum] + drops[Drop::igmp_checksum] + drops[Drop::icmpv6_checksum];
    stats.buffers_given = stack_.tcp().buffers_given() + stack_.udp().buffers_given();
    if (stack_.steering() != nullptr) stats.steered = stack_.steering()->stats().received;
    return stats;
}

// One of the port's frames, as long as enough of them are left for others.
IoBuf Sockets::send_buffer(std::size_t bytes, std::size_t headroom) noexcept {
    Frame* const frame = stack_.frame_to_give();
    if (frame == nullptr) return IoBuf::allocate(bytes, headroom);
    if (headroom > frame->tailroom() || bytes > frame->tailroom() - headroom) {
        frame->drop();
        return IoBuf::allocate(bytes, headroom);
    }
    frame->length = static_cast<std::uint16_t>(headroom + bytes);
    frame->trim_front(headroom);
    return frame->to_buffer();
}

Result<DatagramSocket*> Sockets::bind(const net::SocketAddr& address, const backend::BindOptions& options) noexcept {
    return open(std::unique_ptr<Datagrams>(new (std::nothrow) Datagrams(*this, address.ip().family())), address,
                options, false);
}

Result<DatagramSocket*> Sockets::bind(const net::SocketAddr& address, const backend::BindOptions& options,
                                      Watcher& watcher) noexcept {
    return open(std::unique_ptr<Datagrams>(new (std::nothrow) WatchedDatagrams(*this, address.ip().family(), watcher)),
                address, options, true);
}

Result<DatagramSocket*> Sockets::open(std::unique_ptr<Datagrams> socket, const net::SocketAddr& address,
                                      const backend::BindOptions& options, bool is_part) noexcept {
    if (lost_ != Errc::ok) return lost_;
    if (socket == nullptr) return Errc::no_memory;
    Ipv4Addr own;
    const Errc unknown = is_part ? name_part(address.ip(), options.v6_only, own) : name(address.ip(), own);
    if (unknown != Errc::ok) return unknown;
    socket->v6_only = options.v6_only;
    if (auto opened = stack_.udp().open(*socket, own, address.port(), options.reuse_port); !opened)
        return opened.error();
    socket->DatagramSocket::local = net::SocketAddr(address.ip(), socket->port);
    sockets_.push_back(*socket);
    ++counts_.open;
    return socket.release();
}

Errc Sockets::name_part(const net::IpAddr& ip, bool v6_only, Ipv4Addr& host) noexcept {
    const bool is_any_v6 = ip.is_v6() && ip.is_unspecified();
    if (!is_any_v6 || v6_only || stack_.hosts().has_v6()) return name(ip, host);
    host = {};
    return Errc::ok;
}

Errc Sockets::name(const net::IpAddr& ip, Ipv4Addr& host) noexcept {
    const auto known = stack_.hosts().name(ip);
    if (known) host = *known;
    if (known) return Errc::ok;
    return ip.unmapped().is_v6() ? Errc::unsupported : Errc::unreachable;
}

void Sockets::lose(Errc why) noexcept {
    lost_ = why;
    fail_streams();
    fail_listeners();
    for (Datagrams* socket = sockets_.empty() ? nullptr : &sockets_.front(); socket != nullptr;
         socket = sockets_.next_of(*socket))
        socket->on_lost();
}

void Sockets::wake_waiting() noexcept {
    for (Datagrams* socket = sockets_.empty() ? nullptr : &sockets_.front(); socket != nullptr;
         socket = sockets_.next_of(*socket))
        socket->on_room();
}

}  // namespace skerry::stack
