#include <skerry/stack/sockets.hpp>

#include <skerry/backend/orphaned.hpp>
#include <skerry/backend/slow_lane.hpp>
#include <skerry/base/compiler.hpp>

#include <algorithm>
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

class Sockets::Datagrams final : public DatagramSocket, public UdpEndpoint, public ListLink {
public:
    explicit Datagrams(Sockets& sockets) noexcept : sockets_(&sockets) {
        ops = &operations;
        home = sockets.home_;
        may_receive = may_broadcast = false;
    }

    /// The core goes away while a program holds the socket.
    void orphan() noexcept {
        leave();
        sockets_ = nullptr;
        ops = &backend::orphaned_datagram_ops<Datagrams>;
        may_receive = may_send = true;
    }

    void on_room() noexcept {
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
        if (std::exchange(refused, false)) {
            request.error = Errc::connection_refused;
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
        const std::span<const std::byte> payload = datagram.frame->bytes();
        request.count = std::min(payload.size(), request.into.size());
        request.truncated = request.count < payload.size();
        *request.peer = net::SocketAddr(datagram.source.ip(), datagram.source_port);
        if (request.count != 0) std::memcpy(request.into.data(), payload.data(), request.count);
        datagram.frame->drop();
    }

    void receive_batch(RecvRequest& request) noexcept {
        const std::size_t count = std::min({request.batch.size(), batch_max, unread()});
        for (; request.count < count; ++request.count) {
            const UdpDatagram datagram = take();
            Frame& frame = *datagram.frame;
            Datagram& out = request.batch[request.count];
            out.payload = frame.to_buffer();
            out.peer = net::SocketAddr(datagram.source.ip(), datagram.source_port);
            out.set_arrival(time::Instant::from_nanos(frame.rx_time_ns), frame.time_source, false, frame.queue);
        }
    }

    Step send_now(SendRequest& request) noexcept {
        if (sockets_->lost_ != Errc::ok) [[unlikely]] {
            if (request.count == 0) request.error = sockets_->lost_;
            return Step::done;
        }
        if (stack().backlog().size() >= backlog_high) [[unlikely]]
            return no_room();
        if (request.batch.empty()) {
            request.error = send_datagram(request.from, request.to);
            request.count = request.from.size();
            return Step::done;
        }
        while (request.count < request.batch.size()) {
            const Datagram& datagram = request.batch[request.count];
            const net::SocketAddr* const to = connected ? nullptr : &datagram.peer;
            const Error error =
                datagram.segment_bytes == 0 ? send_datagram(datagram.payload.bytes(), to) : send_segments(datagram, to);
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

    // No port takes several at once, so they leave one by one; the backlog takes all of them.
    SKERRY_NOINLINE Error send_segments(const Datagram& datagram, const net::SocketAddr* to) noexcept {
        std::span<const std::byte> rest = datagram.payload.bytes();
        const std::size_t each = datagram.segment_bytes;
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

    [[nodiscard]] Error send_datagram(std::span<const std::byte> payload, const net::SocketAddr* to) noexcept {
        Ipv4Addr address = remote;
        std::uint16_t to_port = remote_port;
        if (to != nullptr) {
            if (!to->is_v4()) return Errc::unsupported;
            address = Ipv4Addr::of(to->ip());
            to_port = to->port();
        } else if (!is_connected()) {
            return Errc::not_connected;
        } else if (std::exchange(refused, false)) {
            return Errc::connection_refused;  // an earlier one was; this one was not sent
        }
        if (to_port == 0) return Errc::invalid_argument;
        auto sent = stack().udp().send(*this, address, to_port, payload, sockets_->now_);
        return sent ? Error() : sent.error();
    }

    static Step receive(DatagramSocket& socket, RecvRequest& request) noexcept {
        return static_cast<Datagrams&>(socket).receive_now(request);
    }
    static Step send(DatagramSocket& socket, SendRequest& request) noexcept {
        return static_cast<Datagrams&>(socket).send_now(request);
    }
    static Step send_segmented(DatagramSocket& socket, SendRequest& request) noexcept {
        return static_cast<Datagrams&>(socket).send_segmented_now(request);
    }
    static Result<> connect(DatagramSocket& socket, const net::SocketAddr& peer) noexcept {
        auto& self = static_cast<Datagrams&>(socket);
        if (!peer.is_v4()) return Errc::unsupported;
        if (peer.port() == 0) return Errc::invalid_argument;
        self.remote = Ipv4Addr::of(peer.ip());
        self.remote_port = peer.port();
        self.connected = true;
        return {};
    }
    static Result<> join(DatagramSocket& socket, const backend::Membership& membership, bool join) noexcept {
        auto& self = static_cast<Datagrams&>(socket);
        if (membership.interface_index > 1) return Errc::not_found;  // there is one
        if (!membership.group.is_v4() || membership.has_source) return Errc::unsupported;
        Udp& udp = self.stack().udp();
        const Ipv4Addr address = Ipv4Addr::of(membership.group);
        return join ? udp.join(self, address, self.sockets_->now_) : udp.leave(self, address, self.sockets_->now_);
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
        bool* const on = static_cast<Datagrams&>(socket).option(option);
        if (on == nullptr) return Errc::unsupported;
        *on = value != 0;
        return {};
    }
    static Result<int> get_option(DatagramSocket& socket, backend::SocketOption option) noexcept {
        const bool* const on = static_cast<Datagrams&>(socket).option(option);
        if (on == nullptr) return Errc::unsupported;
        return *on ? 1 : 0;
    }

    /// Null for one that is not here.
    [[nodiscard]] bool* option(backend::SocketOption option) noexcept {
        switch (option) {
            case backend::SocketOption::broadcast: return &may_broadcast;
            case backend::SocketOption::multicast_loop: return &multicast_loop;
            default: return nullptr;
        }
    }

    static constexpr std::size_t batch_max = 64;
    static const backend::DatagramOps operations;

    Sockets* sockets_;
};

const backend::DatagramOps Sockets::Datagrams::operations{&receive, &send,  &send_segmented, &connect,
                                                          &join,    &close, &set_option,     &get_option};

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
    capabilities.slow_lane = backend::current_slow_lane != nullptr;
    return capabilities;
}

backend::SocketStats Sockets::stats() const noexcept {
    backend::SocketStats stats = counts_;
    const DropCounters& drops = stack_.drops();
    stats.no_buffers = drops[Drop::no_frame];
    stats.port_checksum = drops[Drop::port_checksum];
    stats.stack_checksum = drops[Drop::ipv4_checksum] + drops[Drop::udp_checksum] + drops[Drop::tcp_checksum] +
                           drops[Drop::icmp_checksum] + drops[Drop::igmp_checksum];
    if (stack_.steering() != nullptr) stats.steered = stack_.steering()->stats().received;
    return stats;
}

Result<DatagramSocket*> Sockets::bind(const net::SocketAddr& address, const backend::BindOptions& options) noexcept {
    if (lost_ != Errc::ok) return lost_;
    if (!address.is_v4()) return Errc::unsupported;
    std::unique_ptr<Datagrams> socket(new (std::nothrow) Datagrams(*this));
    if (socket == nullptr) return Errc::no_memory;
    if (auto opened = stack_.udp().open(*socket, Ipv4Addr::of(address.ip()), address.port(), options.reuse_port);
        !opened)
        return opened.error();
    socket->DatagramSocket::local = net::SocketAddr(address.ip(), socket->port);
    sockets_.push_back(*socket);
    ++counts_.open;
    return socket.release();
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
