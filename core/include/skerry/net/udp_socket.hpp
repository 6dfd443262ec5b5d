#pragma once

// A UDP socket. The same type on every backend.

#include "socket_addr.hpp"
#include "stream_ops.hpp"

#include "../backend/socket_ops.hpp"
#include "../base/result.hpp"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace skerry::net {

using backend::BindOptions;
using backend::Datagram;
using backend::SocketOption;
using backend::TimeSource;

/// One datagram that recv_from copied.
struct Received {
    std::size_t bytes = 0;
    SocketAddr peer;
    bool truncated = false;  ///< the datagram was longer than the buffer; the rest is gone
    std::uint16_t segment_bytes = 0;  ///< as Datagram::segment_bytes
};

/// The datagrams that one Datagram holds, in order: several where segment_bytes is not 0, else the payload.
///
/// Shape:    `for (std::span<const std::byte> each : segments_of(datagram))`.
/// Lifetime: the payload's.
/// Cost:     two words to a datagram; nothing is copied.
class SegmentsOf {
public:
    class Iterator {
    public:
        using value_type = std::span<const std::byte>;
        using difference_type = std::ptrdiff_t;
        constexpr Iterator() noexcept = default;
        constexpr Iterator(std::span<const std::byte> rest, std::size_t segment_bytes, bool is_at_end) noexcept
            : rest_(rest), segment_bytes_(segment_bytes), is_at_end_(is_at_end) {}
        [[nodiscard]] constexpr value_type operator*() const noexcept {
            return segment_bytes_ == 0 || rest_.size() < segment_bytes_ ? rest_ : rest_.first(segment_bytes_);
        }
        constexpr Iterator& operator++() noexcept {
            rest_ = rest_.subspan((**this).size());
            is_at_end_ = rest_.empty();
            return *this;
        }
        constexpr Iterator operator++(int) noexcept {
            const Iterator before = *this;
            ++*this;
            return before;
        }
        friend constexpr bool operator==(const Iterator& a, const Iterator& b) noexcept {
            return a.is_at_end_ == b.is_at_end_ && a.rest_.size() == b.rest_.size();
        }

    private:
        std::span<const std::byte> rest_;
        std::size_t segment_bytes_ = 0;
        bool is_at_end_ = true;
    };

    constexpr SegmentsOf(std::span<const std::byte> payload, std::size_t segment_bytes) noexcept
        : payload_(payload), segment_bytes_(segment_bytes) {}
    [[nodiscard]] constexpr Iterator begin() const noexcept { return {payload_, segment_bytes_, false}; }
    [[nodiscard]] constexpr Iterator end() const noexcept {
        return {payload_.subspan(payload_.size()), segment_bytes_, true};
    }
    /// How many there are; at least one, which may be empty.
    [[nodiscard]] constexpr std::size_t size() const noexcept {
        if (segment_bytes_ == 0 || payload_.empty()) return 1;
        return (payload_.size() + segment_bytes_ - 1) / segment_bytes_;
    }

private:
    std::span<const std::byte> payload_;
    std::size_t segment_bytes_;
};

[[nodiscard]] inline SegmentsOf segments_of(const Datagram& datagram) noexcept {
    return {datagram.payload.bytes(), datagram.segment_bytes};
}
/// Of what recv_from copied into `buffer`.
[[nodiscard]] inline SegmentsOf segments_of(const Received& received, std::span<const std::byte> buffer) noexcept {
    return {buffer.first(received.bytes), received.segment_bytes};
}

namespace detail {

class RecvAwaiterBase : protected backend::RecvRequest {
public:
    RecvAwaiterBase(backend::DatagramSocket& socket, std::span<Datagram> out) noexcept
        : RecvRequest(out), socket_(&socket) {}
    RecvAwaiterBase(backend::DatagramSocket& socket, std::span<std::byte> out, SocketAddr* sender) noexcept
        : RecvRequest(out, sender), socket_(&socket) {}
    ~RecvAwaiterBase() { cancel(); }

    [[nodiscard]] bool await_ready() noexcept {
        check_home(socket_->home);
        if (task::current_scheduler->spend()) [[unlikely]]
            return false;
        tried_ = true;
        return try_now();
    }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        SKERRY_ASSERT(socket_->receiver == nullptr, "two receives at once on one socket");
        if (!tried_ && try_now()) [[unlikely]]
            return wait_with_outcome(awaiting);
        task::current_scheduler->bind_linked(*this, awaiting);
        socket_->receiver = this;
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept {
        if (state() != task::node_state::idle) [[unlikely]]
            cancel_slow();
    }

protected:
    // The claim stays: who runs is idle, and nobody asks an idle node for it.
    [[nodiscard]] bool failed() const noexcept { return error.code() != Errc::ok; }

private:
    [[nodiscard]] bool try_now() noexcept {
        if (socket_->given_back != nullptr) [[unlikely]]
            return take_given_back();
        return socket_->may_receive && socket_->ops->receive(*socket_, *this) == backend::Step::done;
    }
    [[nodiscard]] bool take_given_back() noexcept;
    /// Ready, but out of budget: the outcome is taken and waits with us.
    [[nodiscard]] bool wait_with_outcome(std::coroutine_handle<> awaiting) noexcept;
    void cancel_slow() noexcept;
    void give_back() noexcept;
    /// What was given back goes to the receive that began to wait before.
    void hand_over() noexcept;

    backend::DatagramSocket* socket_;
    bool tried_ = false;  // not: out of budget, or a select did not come to ask
};

class RecvBatchAwaiter : public RecvAwaiterBase {
public:
    RecvBatchAwaiter(backend::DatagramSocket& socket, std::span<Datagram> out) noexcept
        : RecvAwaiterBase(socket, out) {}
    [[nodiscard]] Result<std::size_t> await_resume() noexcept {
        if (failed()) [[unlikely]]
            return error;
        return count;
    }
};

class RecvFromAwaiter : public RecvAwaiterBase {
public:
    RecvFromAwaiter(backend::DatagramSocket& socket, std::span<std::byte> out) noexcept
        : RecvAwaiterBase(socket, out, &peer_) {}
    ~RecvFromAwaiter() { cancel(); }  // while `peer_`, which a datagram that is given back takes along, is there
    [[nodiscard]] Result<Received> await_resume() noexcept {
        if (failed()) [[unlikely]]
            return error;
        return Received{count, peer_, truncated, segment_bytes};
    }

private:
    SocketAddr peer_;
};

class SendAwaiterBase : protected backend::SendRequest {
public:
    template <class... Of>
    SendAwaiterBase(backend::DatagramSocket& socket, Of... of) noexcept : SendRequest(of...), socket_(&socket) {}
    ~SendAwaiterBase() { cancel(); }

    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept;
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept {
        if (state() != task::node_state::idle) [[unlikely]]
            cancel_slow();
    }

protected:
    /// There was room, and it is gone again.
    void stay_unfinished() noexcept;

    backend::DatagramSocket* socket_;
    bool tried_ = false;  // not: out of budget, or a select did not come to ask
    bool is_over_ = false;

private:
    void cancel_slow() noexcept;
};

/// By one of the operations that send.
template <backend::Step (*backend::DatagramOps::*Send)(backend::DatagramSocket&, backend::SendRequest&) noexcept>
class BasicSendAwaiter : public SendAwaiterBase {
public:
    using SendAwaiterBase::SendAwaiterBase;

    [[nodiscard]] bool await_ready() noexcept {
        check_home(socket_->home);
        if (task::current_scheduler->spend()) [[unlikely]]
            return false;
        tried_ = true;
        return try_now();
    }
    [[nodiscard]] Result<std::size_t> await_resume() noexcept {
        // The wake said that there is room; the sending is done here, so that a cancelled send sends nothing.
        if (!is_over_ && !try_now()) [[unlikely]]
            stay_unfinished();
        if (error.code() != Errc::ok) [[unlikely]]
            return error;
        return count;
    }

private:
    [[nodiscard]] bool try_now() noexcept {
        is_over_ = socket_->may_send && (socket_->ops->*Send)(*socket_, *this) == backend::Step::done;
        return is_over_;
    }
};

using SendAwaiter = BasicSendAwaiter<&backend::DatagramOps::send>;

class SendToAwaiter : public SendAwaiter {
public:
    SendToAwaiter(backend::DatagramSocket& socket, std::span<const std::byte> data, const SocketAddr* peer) noexcept
        : SendAwaiter(socket, data, static_cast<const SocketAddr*>(nullptr)) {
        if (peer == nullptr) return;
        to_ = *peer;
        to = &to_;
    }

private:
    SocketAddr to_;
};

class SendBufAwaiter : public BasicSendAwaiter<&backend::DatagramOps::send_buf> {
public:
    SendBufAwaiter(backend::DatagramSocket& socket, IoBuf&& data, const SocketAddr* peer) noexcept
        : BasicSendAwaiter(socket, data.bytes(), static_cast<const SocketAddr*>(nullptr)), data_(std::move(data)) {
        buffer = &data_;
        if (peer == nullptr) return;
        to_ = *peer;
        to = &to_;
    }

private:
    IoBuf data_;
    SocketAddr to_;
};

class SendBatchBufAwaiter : public BasicSendAwaiter<&backend::DatagramOps::send_buf> {
public:
    SendBatchBufAwaiter(backend::DatagramSocket& socket, std::span<Datagram> datagrams) noexcept
        : BasicSendAwaiter(socket, datagrams) {}
    ~SendBatchBufAwaiter() {
        cancel();
        for (Datagram& sent : batch.first(count)) sent.payload.reset();  // on backends that copied, too
    }
    [[nodiscard]] bool await_ready() noexcept {
        is_over_ = batch.empty();
        return is_over_ || BasicSendAwaiter::await_ready();
    }
};

class SendSegmentedAwaiter : public BasicSendAwaiter<&backend::DatagramOps::send_segmented> {
public:
    SendSegmentedAwaiter(backend::DatagramSocket& socket, std::span<const std::byte> data, std::size_t bytes_of_segment,
                         const SocketAddr* peer) noexcept
        : BasicSendAwaiter(socket, data, bytes_of_segment, static_cast<const SocketAddr*>(nullptr)) {
        if (peer == nullptr) return;
        to_ = *peer;
        to = &to_;
    }

private:
    SocketAddr to_;
};

}  // namespace detail

/// What UdpSocket::recv_batch returns.
class [[nodiscard]] RecvBatch {
public:
    RecvBatch(backend::DatagramSocket& socket, std::span<Datagram> out) noexcept : socket_(&socket), out_(out) {}
    [[nodiscard]] detail::RecvBatchAwaiter operator co_await() const noexcept { return {*socket_, out_}; }

private:
    backend::DatagramSocket* socket_;
    std::span<Datagram> out_;
};

/// What UdpSocket::recv_from returns.
class [[nodiscard]] RecvFrom {
public:
    RecvFrom(backend::DatagramSocket& socket, std::span<std::byte> out) noexcept : socket_(&socket), out_(out) {}
    [[nodiscard]] detail::RecvFromAwaiter operator co_await() const noexcept { return {*socket_, out_}; }

private:
    backend::DatagramSocket* socket_;
    std::span<std::byte> out_;
};

/// What UdpSocket::send_batch returns.
class [[nodiscard]] SendBatch {
public:
    SendBatch(backend::DatagramSocket& socket, std::span<Datagram> datagrams) noexcept
        : socket_(&socket), datagrams_(datagrams) {}
    [[nodiscard]] detail::SendAwaiter operator co_await() const noexcept { return {*socket_, datagrams_}; }

private:
    backend::DatagramSocket* socket_;
    std::span<Datagram> datagrams_;
};

/// What UdpSocket::send_to and send return.
class [[nodiscard]] SendTo {
public:
    SendTo(backend::DatagramSocket& socket, std::span<const std::byte> data, const SocketAddr* to) noexcept
        : socket_(&socket), data_(data), to_(to != nullptr ? *to : SocketAddr{}), has_to_(to != nullptr) {}
    [[nodiscard]] detail::SendToAwaiter operator co_await() const noexcept {
        return {*socket_, data_, has_to_ ? &to_ : nullptr};
    }

private:
    backend::DatagramSocket* socket_;
    std::span<const std::byte> data_;
    SocketAddr to_;
    bool has_to_;
};

/// What UdpSocket::send_buf_to and send_buf return. The buffer is taken when it is awaited.
class [[nodiscard]] SendBuf {
public:
    SendBuf(backend::DatagramSocket& socket, IoBuf& data, const SocketAddr* to) noexcept
        : socket_(&socket), data_(&data), to_(to != nullptr ? *to : SocketAddr{}), has_to_(to != nullptr) {}
    [[nodiscard]] detail::SendBufAwaiter operator co_await() const noexcept {
        return {*socket_, std::move(*data_), has_to_ ? &to_ : nullptr};
    }

private:
    backend::DatagramSocket* socket_;
    IoBuf* data_;
    SocketAddr to_;
    bool has_to_;
};

/// What UdpSocket::send_batch_buf returns.
class [[nodiscard]] SendBatchBuf {
public:
    SendBatchBuf(backend::DatagramSocket& socket, std::span<Datagram> datagrams) noexcept
        : socket_(&socket), datagrams_(datagrams) {}
    [[nodiscard]] detail::SendBatchBufAwaiter operator co_await() const noexcept { return {*socket_, datagrams_}; }

private:
    backend::DatagramSocket* socket_;
    std::span<Datagram> datagrams_;
};

/// What UdpSocket::send_segmented returns.
class [[nodiscard]] SendSegmented {
public:
    SendSegmented(backend::DatagramSocket& socket, std::span<const std::byte> data, std::size_t segment_bytes,
                  const SocketAddr* to) noexcept
        : socket_(&socket),
          data_(data),
          segment_bytes_(segment_bytes),
          to_(to != nullptr ? *to : SocketAddr{}),
          has_to_(to != nullptr) {}
    [[nodiscard]] detail::SendSegmentedAwaiter operator co_await() const noexcept {
        return {*socket_, data_, segment_bytes_, has_to_ ? &to_ : nullptr};
    }

private:
    backend::DatagramSocket* socket_;
    std::span<const std::byte> data_;
    std::size_t segment_bytes_;
    SocketAddr to_;
    bool has_to_;
};

/// A UDP socket, owned by the core that bound it.
///
/// Threads: its own core; asserted in debug builds. One task may receive while another sends.
class UdpSocket {
public:
    explicit UdpSocket(backend::DatagramSocket& socket) noexcept : socket_(&socket) {}
    UdpSocket(UdpSocket&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}
    UdpSocket& operator=(UdpSocket&& other) noexcept {
        UdpSocket taken(std::move(other));
        std::swap(socket_, taken.socket_);
        return *this;
    }
    ~UdpSocket() {
        if (socket_ != nullptr) own().ops->close(socket_);
    }

    /// Binds on this core. Port 0 takes a free one. With `reuse_port` each core may bind the same address
    /// and the backend spreads the senders over them. A multicast group may be bound by many programs.
    ///
    /// Errors: address_in_use, address_not_available, permission_denied, no_descriptors, unsupported.
    [[nodiscard]] static Result<UdpSocket> bind(const SocketAddr& address, const BindOptions& options = {}) noexcept;

    /// Takes over a UDP socket of the kernel's, bound and connected as it is. Its options stay, but those that tell
    /// more of what is received (receive_segments, receive_local and the like): they are off.
    ///
    /// Errors: unsupported, where the sockets are not the kernel's; invalid_argument: it is not UDP's; no_memory,
    ///         no_descriptors. The descriptor is closed then.
    [[nodiscard]] static Result<UdpSocket> from_fd(OwnedFd fd) noexcept;

    /// Waits for datagrams and fills `out` from the front.
    ///
    /// Completes as soon as one datagram is there and takes those that are already queued, up to `out.size()` or
    /// 64: one call with 32 slots beats 32 calls. It never waits for a second one, and where datagrams come one at a
    /// time a kernel backend does not look for it either: it is left for the next call.
    ///
    /// Shape:    `out` is not empty. Returns n, 1 <= n <= min(out.size(), 64); slots [0, n) are filled and
    ///           hold the sender, the receive time and its source. A payload is 0 to 65'507 bytes; with
    ///           SocketOption::receive_segments it may hold several datagrams: see segments_of().
    /// Errors:   no_buffers, when this core's pool is empty; connection_refused, on a connected socket whose
    ///           peer answered so; runtime_shutdown. Damaged datagrams are dropped, never returned.
    /// Lifetime: `out` outlives the await. A payload is the caller's; it may move to another core.
    /// Cancel:   safe: what had been taken is kept for the next receive.
    /// Cost:     no allocation in steady state; one system call a batch on a kernel backend.
    /// Source:   RFC 768; the size limit is RFC 791 section 3.1 less both headers.
    [[nodiscard]] RecvBatch recv_batch(std::span<Datagram> out) noexcept { return {*socket_, out}; }

    /// Waits for one datagram and copies it.
    ///
    /// Shape:  as much as fits; Received::truncated says that this was not all. With SocketOption::receive_segments
    ///         several datagrams come at once, so `out` is to have 65'507 bytes: what does not fit is cut off, whole
    ///         datagrams too, and Received::truncated says so. What other options tell is in recv_batch's Datagram.
    /// Errors: as recv_batch, without no_buffers.
    /// Cancel: safe: the datagram is kept for the next receive.
    [[nodiscard]] RecvFrom recv_from(std::span<std::byte> out) noexcept { return {*socket_, out}; }

    /// Sends the datagrams, each to its `peer` (to the connected peer on a connected socket), in order.
    ///
    /// Those in a row that go to one peer and are equally long, the last of them perhaps shorter, leave by one call of
    /// the kernel where it can do that (UDP_SEGMENT): up to 64 and 65'507 bytes at a time, gathered from where they
    /// are. A Datagram whose segment_bytes is not 0 leaves as the datagrams that it holds; it counts as one. The caller
    /// has built it, or received it with SocketOption::receive_segments, from a kernel that puts no more than 64
    /// together.
    ///
    /// Shape:  returns how many were sent: all, or fewer when one in the middle failed; the next call then gets its
    ///         error, but for connection_refused, which the kernel tells once. Of a Datagram with segment_bytes that is
    ///         not sent whole, those that left are taken off the front of its payload.
    /// Errors: message_too_long, for a datagram above 65'507 bytes, or segments that are more than 64 or so many bytes;
    ///         unreachable; permission_denied (a broadcast without the option); connection_refused (on a connected
    ///         socket, for an earlier datagram; so are other errors that a router tells, message_too_long among them:
    ///         RFC 8201 section 5.1); no_buffers, when the room that was waited for is gone again;
    ///         runtime_shutdown. By SocketOption::send_local from an address that is not this machine's:
    ///         address_not_available, invalid_argument or unreachable, as the kernel's version has it.
    /// Cancel: partial: those before the one that had to wait were sent.
    [[nodiscard]] SendBatch send_batch(std::span<Datagram> datagrams) noexcept { return {*socket_, datagrams}; }

    /// Sends one datagram.
    ///
    /// Shape:  returns data.size().
    /// Errors: as send_batch.
    /// Cancel: safe: it was not sent.
    [[nodiscard]] SendTo send_to(std::span<const std::byte> data, const SocketAddr& to) noexcept {
        return {*socket_, data, &to};
    }

    /// send_to() on a connected socket.
    ///
    /// Errors: as send_batch; not_connected.
    /// Cancel: safe: it was not sent.
    [[nodiscard]] SendTo send(std::span<const std::byte> data) noexcept { return {*socket_, data, nullptr}; }

    /// Hands the buffer over to be sent as one datagram. A backend that can sends from it and does not copy: our stack
    /// with one of net::send_buffer(), or a payload that it received, that nobody shares and that leaves in one packet.
    /// Once that has left, send_buffer() hands the memory out again.
    ///
    /// Shape:    returns data.size().
    /// Errors:   as send_batch.
    /// Lifetime: `data` is taken when the await begins, and is gone whatever becomes of it; await it in the expression
    ///           that calls this.
    /// Cancel:   safe: it was not sent; the buffer is gone.
    [[nodiscard]] SendBuf send_buf_to(IoBuf&& data, const SocketAddr& to) noexcept { return {*socket_, data, &to}; }

    /// send_buf_to() on a connected socket.
    ///
    /// Errors: as send_batch; not_connected.
    /// Cancel: safe: it was not sent; the buffer is gone.
    [[nodiscard]] SendBuf send_buf(IoBuf&& data) noexcept { return {*socket_, data, nullptr}; }

    /// send_batch() that hands the payloads over, as send_buf_to() does: what was received is answered in its own
    /// memory. A Datagram that holds several is copied.
    ///
    /// Shape:    as send_batch; the payloads of those that were sent are empty and false afterwards. The others are the
    ///           caller's, as before.
    /// Errors:   as send_batch.
    /// Cancel:   partial: those before the one that had to wait were sent.
    [[nodiscard]] SendBatchBuf send_batch_buf(std::span<Datagram> datagrams) noexcept { return {*socket_, datagrams}; }

    /// Sends `data` in datagrams of `segment_bytes`, the last of which may be shorter: as many calls of send_to()
    /// would, at a part of the cost. `data` may be of any length; the kernel takes up to 64 datagrams and 65'507 bytes
    /// a call.
    ///
    /// Shape:  returns the bytes that were sent: data.size(), or fewer, whole segments, when a later one failed. The
    ///         next call then gets its error, but for connection_refused. No `data` is one empty datagram.
    /// Errors: as send_batch; invalid_argument, for segments of no bytes.
    /// Cancel: partial: what was sent before it had to wait stays sent.
    /// Cost:   no copy but the kernel's, no allocation. Where the kernel lacks UDP_SEGMENT, a call for each datagram.
    [[nodiscard]] SendSegmented send_segmented(std::span<const std::byte> data, std::size_t segment_bytes,
                                               const SocketAddr& to) noexcept {
        return {*socket_, data, segment_bytes, &to};
    }
    /// send_segmented() on a connected socket.
    ///
    /// Errors: as with `to`; not_connected.
    /// Cancel: partial: what was sent before it had to wait stays sent.
    [[nodiscard]] SendSegmented send_segmented(std::span<const std::byte> data, std::size_t segment_bytes) noexcept {
        return {*socket_, data, segment_bytes, nullptr};
    }

    /// Fixes the peer: send() goes there, and only its datagrams come from now on; what came before stays, whosever.
    Result<> connect(const SocketAddr& peer) noexcept { return own().ops->connect(*socket_, peer); }

    /// Joins or leaves a multicast group on the interface with this index; 0 lets the system choose.
    ///
    /// Errors: invalid_argument, when it is no multicast address; not_found; address_in_use, when joined twice;
    ///         address_not_available, when it was not joined; no_buffers, at the system's limit of groups.
    Result<> join_multicast(const IpAddr& group, std::uint32_t interface_index = 0) noexcept {
        return own().ops->join(*socket_, {group, interface_index, {}, false}, backend::MembershipChange::join);
    }
    Result<> leave_multicast(const IpAddr& group, std::uint32_t interface_index = 0) noexcept {
        return own().ops->join(*socket_, {group, interface_index, {}, false}, backend::MembershipChange::leave);
    }

    /// Joins or leaves a group for what one source sends to it; more sources are joined one by one.
    ///
    /// Errors: as join_multicast; invalid_argument, also when the source is a group or of the other family, or the
    ///         group was joined for all sources; unsupported: see Capabilities::source_multicast.
    /// Source: RFC 4607.
    Result<> join_multicast_source(const IpAddr& group, const IpAddr& source,
                                   std::uint32_t interface_index = 0) noexcept {
        return own().ops->join(*socket_, {group, interface_index, source, true}, backend::MembershipChange::join);
    }
    Result<> leave_multicast_source(const IpAddr& group, const IpAddr& source,
                                    std::uint32_t interface_index = 0) noexcept {
        return own().ops->join(*socket_, {group, interface_index, source, true}, backend::MembershipChange::leave);
    }

    /// Shuts one source out of a group that was joined for all, or lets it in again. Whoever leaves the group forgets
    /// whom it shut out.
    ///
    /// Errors: invalid_argument, when it is no multicast address, the source a group or of the other family, or the
    ///         group not joined, or not for all; address_in_use, when it is shut out already; address_not_available,
    ///         when it was not; no_buffers, at the system's limit; unsupported: see Capabilities::source_multicast.
    /// Source: RFC 3376 section 3.1 and 3.2; MCAST_BLOCK_SOURCE of RFC 3678.
    Result<> block_multicast_source(const IpAddr& group, const IpAddr& source,
                                    std::uint32_t interface_index = 0) noexcept {
        return own().ops->join(*socket_, {group, interface_index, source, true}, backend::MembershipChange::block);
    }
    Result<> unblock_multicast_source(const IpAddr& group, const IpAddr& source,
                                      std::uint32_t interface_index = 0) noexcept {
        return own().ops->join(*socket_, {group, interface_index, source, true}, backend::MembershipChange::unblock);
    }

    [[nodiscard]] SocketAddr local_addr() const noexcept { return socket_->local; }
    Result<> set_option(SocketOption option, int value) noexcept {
        return own().ops->set_option(*socket_, option, value);
    }
    [[nodiscard]] Result<int> option(SocketOption option) const noexcept {
        return own().ops->get_option(*socket_, option);
    }

private:
    /// The record, for what does not wait.
    [[nodiscard]] backend::DatagramSocket& own() const noexcept {
        detail::check_owner(socket_->home);
        return *socket_;
    }

    backend::DatagramSocket* socket_;
};

}  // namespace skerry::net
