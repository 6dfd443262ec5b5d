#pragma once

// Hot path. How a UDP socket of the kernel sends, for every driver here: one datagram by sendto, which costs less than
// a batch of one; batches by sendmmsg, in which datagrams in a row to one peer are one message that the kernel cuts
// (UDP_SEGMENT): it then goes its way through routing and queues once.
//
// The kernel refuses to cut where a datagram would have to be fragmented, and on some devices. What it refused leaves
// one by one, and what is as long as that leaves so from then on.

#include "message_arrays.hpp"
#include "system_call.hpp"

#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/base/os_socket_addr.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>

namespace skerry::kernel_io {

/// A base of `Port`, which has fd(), core().sent_messages() and `Result<> ask_for_room()`, which sees to it that
/// serve_sender() is called when there is room; and is a backend::DatagramSocket.
template <class Port>
class DatagramSending {
public:
    /// Whether each Datagram of a batch goes by `what`, a bit of mark::, from now on. That is another table of
    /// operations, Port::operations_marked: who sends plainly asks nothing.
    Result<> mark_by(std::uint8_t what, bool on) noexcept {
        marks_ = static_cast<std::uint8_t>(on ? marks_ | what : marks_ & ~what);
        self().ops = marks_ != 0 ? &Port::operations_marked : &Port::operations;
        return {};
    }
    [[nodiscard]] bool is_marked_by(std::uint8_t what) const noexcept { return (marks_ & what) != 0; }
    /// Another peer, another way.
    void forget_refusals() noexcept { segment_bytes_max_ = kernel_cuts_segments() ? backend::datagram_bytes_max : 0; }

protected:
    SKERRY_ALWAYS_INLINE backend::Step send_now(backend::SendRequest& request) noexcept {
        if (request.batch.size() != 1 || !request.batch.front().peer.is_v4() ||
            request.batch.front().segment_bytes != 0)
            return send_other(request);
        const backend::Datagram& datagram = request.batch.front();
        return send_one(request, datagram.payload.bytes(), self().connected ? nullptr : &datagram.peer, 1);
    }

    /// As backend::DatagramOps::send_segmented.
    SKERRY_NOINLINE backend::Step send_segmented_now(backend::SendRequest& request) noexcept {
        if (request.segment_bytes == 0) {
            request.error = Errc::invalid_argument;
            return backend::Step::done;
        }
        do {
            const std::span<const std::byte> rest = request.from.subspan(request.count);
            const long sent = send_piece(rest, request.segment_bytes, request.to);
            if (sent < 0) [[unlikely]]
                return not_sent_in_row(request, sent);
            request.count += static_cast<std::size_t>(sent);
        } while (request.count < request.from.size());
        return backend::Step::done;
    }

    /// As send_now() where Datagrams tell how they leave.
    SKERRY_NOINLINE backend::Step send_marked_now(backend::SendRequest& request) noexcept {
        return request.batch.empty() ? send_now(request) : send_batch(request);
    }

    /// There is room: who waits sends when its task runs.
    void serve_sender() noexcept {
        self().may_send = true;
        if (self().sender != nullptr) complete(self(), *self().sender);
    }

private:
    [[nodiscard]] SKERRY_ALWAYS_INLINE Port& self() noexcept { return static_cast<Port&>(*this); }

    // All but one datagram to a peer of IPv4, for which nothing is called that returns here.
    SKERRY_NOINLINE backend::Step send_other(backend::SendRequest& request) noexcept {
        if (request.batch.empty()) return send_one(request, request.from, request.to, request.from.size());
        const backend::Datagram& datagram = request.batch.front();
        if (request.batch.size() > 1 || datagram.segment_bytes != 0) return send_batch(request);
        return send_one(request, datagram.payload.bytes(), self().connected ? nullptr : &datagram.peer, 1);
    }

    SKERRY_ALWAYS_INLINE long send_bytes(std::span<const std::byte> data, const net::SocketAddr* to) noexcept {
        sockaddr_storage storage;
        socklen_t length = 0;
        if (to != nullptr) length = net::to_os(*to, storage);
        return call_sendto(self().fd(), data.data(), data.size(), MSG_NOSIGNAL,
                           length != 0 ? reinterpret_cast<sockaddr*>(&storage) : nullptr, length);
    }

    // `count` is what the request counts when the datagram has left.
    SKERRY_ALWAYS_INLINE backend::Step send_one(backend::SendRequest& request, std::span<const std::byte> data,
                                                const net::SocketAddr* to, std::size_t count) noexcept {
        const long sent = send_bytes(data, to);
        if (sent < 0) [[unlikely]]
            return not_sent(request, sent);
        request.count = count;
        return backend::Step::done;
    }

    SKERRY_NOINLINE backend::Step not_sent(backend::SendRequest& request, long answer) noexcept {
        if (answer == -EAGAIN) return no_room(request);
        request.error = error_of(answer);
        return backend::Step::done;
    }

    // What was sent before counts; the error comes with the next call, whose first datagram it concerns.
    SKERRY_NOINLINE backend::Step not_sent_in_row(backend::SendRequest& request, long answer) noexcept {
        if (answer == -EAGAIN) return no_room(request);
        request.take_off_what_left();
        if (request.count == 0) request.error = error_of(answer);
        return backend::Step::done;
    }

    backend::Step no_room(backend::SendRequest& request) noexcept {
        self().may_send = false;
        if (auto asked = self().ask_for_room(); !asked) {
            self().may_send = true;
            request.error = asked.error();
            return backend::Step::done;
        }
        return backend::Step::pending;
    }

    backend::Step send_batch(backend::SendRequest& request) noexcept {
        SendArray& messages = self().core().sent_messages();
        while (request.count < request.batch.size()) {
            const std::span<const backend::Datagram> left = request.batch.subspan(request.count);
            std::size_t count = 0;
            long sent = 0;
            if (request.part == 0) [[likely]]
                count = messages.describe(left, !self().connected, segment_bytes_max_, manner());
            if (count != 0) [[likely]]
                sent = call_sendmmsg(self().fd(), messages.headers(), count, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent > 0) [[likely]] {
                request.count += messages.datagrams_in(static_cast<std::size_t>(sent));
                continue;
            }
            const bool is_row = count != 0 && messages.headers()[0].msg_hdr.msg_iovlen > 1;
            if (is_row && is_refusal(sent))
                sent = send_first(left.front(), sent);
            else if (left.front().segment_bytes != 0 && (count == 0 || is_refusal(sent)))
                sent = send_in_parts(left.front(), request.part, sent);
            if (sent < 0) [[unlikely]]
                return not_sent_in_row(request, sent);
            ++request.count;
        }
        return backend::Step::done;
    }

    /// Whether this may be about several datagrams as one message, and not about what each is.
    [[nodiscard]] static bool is_refusal(long answer) noexcept {
        return answer == -EMSGSIZE || answer == -EINVAL || answer == -EIO || answer == -EOPNOTSUPP;
    }
    /// One by one it went.
    void learn(long refusal, std::size_t segment_bytes) noexcept {
        // Older kernels say EINVAL where a segment is longer than the way takes.
        const bool is_size = refusal == -EMSGSIZE || (refusal == -EINVAL && segment_bytes > segment_bytes_sure);
        segment_bytes_max_ = is_size ? std::min(segment_bytes_max_, segment_bytes - 1) : 0;
    }

    [[nodiscard]] SendArray::Manner manner() noexcept { return {marks_, self().local.is_v6()}; }

    // `data` of `datagram` by one call.
    long send_alone(const backend::Datagram& datagram, std::span<const std::byte> data) noexcept {
        const net::SocketAddr* const to = self().connected ? nullptr : &datagram.peer;
        if (marks_ == 0) return send_bytes(data, to);
        const msghdr& message = self().core().sent_messages().describe_marked(datagram, data, to, manner());
        return call_sendmsg(self().fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }

    // The first of a row that was refused; the others follow by another call.
    long send_first(const backend::Datagram& datagram, long refusal) noexcept {
        const long sent = send_alone(datagram, datagram.payload.bytes());
        if (sent >= 0) learn(refusal, datagram.payload.size());
        return sent;
    }

    // A datagram that holds several, by one call for each. `part` bytes of it have left.
    long send_in_parts(const backend::Datagram& datagram, std::size_t& part, long refusal) noexcept {
        const std::span<const std::byte> all = datagram.payload.bytes();
        if (backend::check_segments(all.size(), datagram.segment_bytes) != Errc::ok) return -EMSGSIZE;
        do {
            const std::span<const std::byte> rest = all.subspan(part);
            const std::span<const std::byte> next =
                rest.first(std::min<std::size_t>(rest.size(), datagram.segment_bytes));
            const long sent = send_alone(datagram, next);
            if (sent < 0) return sent;
            part += next.size();
        } while (part < all.size());
        part = 0;
        if (refusal != 0) learn(refusal, datagram.segment_bytes);
        return 0;
    }

    // The front of `data`: as many segments as the kernel takes at once, or one. Returns the bytes that have left.
    long send_piece(std::span<const std::byte> data, std::size_t segment_bytes, const net::SocketAddr* to) noexcept {
        const std::span<const std::byte> first = data.first(std::min(data.size(), segment_bytes));
        if (first.size() == data.size() || segment_bytes > segment_bytes_max_) return send_bytes(first, to);
        const std::size_t most = std::min(backend::segments_max * segment_bytes, backend::datagram_bytes_max);
        const std::span<const std::byte> piece =
            data.first(data.size() <= most ? data.size() : most - most % segment_bytes);
        if (piece.size() <= segment_bytes) return send_bytes(first, to);
        const msghdr& message = self().core().sent_messages().describe_one(piece, segment_bytes, to);
        const long sent = call_sendmsg(self().fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0 || !is_refusal(sent)) return sent;
        const long sent_alone = send_bytes(first, to);
        if (sent_alone >= 0) learn(sent, segment_bytes);
        return sent_alone;
    }

    static constexpr std::size_t segment_bytes_sure = 1200;  // fits every way

    std::uint8_t marks_ = 0;
    /// Datagrams longer than this leave one by one. 0: all do.
    std::size_t segment_bytes_max_ = kernel_cuts_segments() ? backend::datagram_bytes_max : 0;
};

}  // namespace skerry::kernel_io
