#pragma once

// Hot path. How a UDP socket of the kernel sends, for every driver here: batches by sendmmsg, one datagram by sendto,
// which costs less than a batch of one.

#include "message_arrays.hpp"
#include "system_call.hpp"

#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/base/os_socket_addr.hpp>

#include <sys/socket.h>

#include <cstddef>
#include <span>

namespace skerry::kernel_io {

/// A base of `Port`, which has fd(), core().sent_messages() and `Result<> ask_for_room()`, which sees to it that
/// serve_sender() is called when there is room; and is a backend::DatagramSocket.
template <class Port>
class DatagramSending {
protected:
    SKERRY_ALWAYS_INLINE backend::Step send_now(backend::SendRequest& request) noexcept {
        if (request.batch.size() != 1 || !request.batch.front().peer.is_v4()) return send_other(request);
        const backend::Datagram& datagram = request.batch.front();
        return send_one(request, datagram.payload.bytes(), self().connected ? nullptr : &datagram.peer, 1);
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
        if (request.batch.size() > 1) return send_batch(request);
        const backend::Datagram& datagram = request.batch.front();
        return send_one(request, datagram.payload.bytes(), self().connected ? nullptr : &datagram.peer, 1);
    }

    // `count` is what the request counts when the datagram has left.
    SKERRY_ALWAYS_INLINE backend::Step send_one(backend::SendRequest& request, std::span<const std::byte> data,
                                                const net::SocketAddr* to, std::size_t count) noexcept {
        sockaddr_storage storage;
        socklen_t length = 0;
        if (to != nullptr) length = net::to_os(*to, storage);
        const long sent = call_sendto(self().fd(), data.data(), data.size(), MSG_NOSIGNAL,
                                      length != 0 ? reinterpret_cast<sockaddr*>(&storage) : nullptr, length);
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
            const std::size_t count = messages.describe(request.batch.subspan(request.count), !self().connected);
            const long sent = call_sendmmsg(self().fd(), messages.headers(), count, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent > 0) [[likely]] {
                request.count += static_cast<std::size_t>(sent);
                continue;
            }
            if (sent == -EAGAIN) return no_room(request);
            // What was sent counts; the error comes with the next call, whose first datagram it concerns.
            if (request.count == 0) request.error = error_of(sent);
            return backend::Step::done;
        }
        return backend::Step::done;
    }
};

}  // namespace skerry::kernel_io
