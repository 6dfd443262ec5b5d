#pragma once

// Hot path. What recvmmsg and sendmmsg are called with, once a core and not once a call: the kernel wants a header,
// a vector and room for an address for each datagram, and for one datagram writing those costs more than the rest.
//
// The slots to receive into stay ready, each with a buffer of the pool behind it. A call that gets one datagram then
// replaces one buffer; the second slot, which shows that no other datagram waits, costs nothing.

#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/buffer_pool.hpp>
#include <skerry/base/os_socket_addr.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace skerry::kernel_io::epoll {

/// Datagrams in one system call; a longer batch takes several.
inline constexpr std::size_t messages_max = 64;

/// The headers of one direction, wired to their vectors and addresses.
class MessageArray {
public:
    MessageArray() noexcept {
        for (std::size_t i = 0; i < messages_max; ++i) {
            headers_[i].msg_hdr.msg_iov = &vectors_[i];
            headers_[i].msg_hdr.msg_iovlen = 1;
        }
    }
    MessageArray(const MessageArray&) = delete;
    MessageArray& operator=(const MessageArray&) = delete;

    [[nodiscard]] mmsghdr* headers() noexcept { return headers_.data(); }

protected:
    std::array<mmsghdr, messages_max> headers_{};
    std::array<iovec, messages_max> vectors_{};
    std::array<sockaddr_storage, messages_max> addresses_{};
};

/// Slots to receive into.
class ReceiveArray : public MessageArray {
public:
    /// Makes the first `wanted` slots ready; returns how many are, fewer when the pool is at its limit.
    [[nodiscard]] std::size_t prepare(std::size_t wanted, BufferPool& pool) noexcept {
        for (std::size_t i = 0; i < wanted; ++i)
            if (!buffers_[i] && !refill(i, pool)) [[unlikely]]
                return i;
        return wanted;
    }

    /// Moves what was received in slot `i` out.
    void take(std::size_t i, backend::Datagram& out) noexcept {
        msghdr& header = headers_[i].msg_hdr;
        buffers_[i].set_size(headers_[i].msg_len);
        out.payload = std::move(buffers_[i]);
        out.truncated = (header.msg_flags & MSG_TRUNC) != 0;
        if (auto peer = net::from_os(addresses_[i], header.msg_namelen)) [[likely]]
            out.peer = *peer;
    }

    /// Buffers that stand ready here: out of the pool, and held by no program.
    [[nodiscard]] std::size_t ready() const noexcept {
        return static_cast<std::size_t>(
            std::count_if(buffers_.begin(), buffers_.end(), [](const IoBuf& buffer) { return bool(buffer); }));
    }

private:
    [[nodiscard]] bool refill(std::size_t i, BufferPool& pool) noexcept {
        buffers_[i] = pool.allocate();
        if (!buffers_[i] && !take_later(i)) [[unlikely]]
            return false;
        vectors_[i] = {buffers_[i].writable().data(), buffers_[i].size()};
        headers_[i].msg_hdr.msg_name = &addresses_[i];
        headers_[i].msg_hdr.msg_namelen = sizeof addresses_[i];
        return true;
    }

    /// The pool is at its limit: what a longer batch left in a later slot serves as well.
    [[nodiscard]] bool take_later(std::size_t i) noexcept {
        for (std::size_t later = messages_max; --later > i;) {
            if (!buffers_[later]) continue;
            buffers_[i] = std::move(buffers_[later]);
            return true;
        }
        return false;
    }

    std::array<IoBuf, messages_max> buffers_;
};

/// Datagrams to send.
class SendArray : public MessageArray {
public:
    /// Describes `datagrams`, as many as fit; returns how many. `to_peer`: each to its own, else to the connected one.
    [[nodiscard]] std::size_t describe(std::span<const backend::Datagram> datagrams, bool to_peer) noexcept {
        const std::size_t count = std::min(datagrams.size(), messages_max);
        for (std::size_t i = 0; i < count; ++i) {
            const std::span<const std::byte> payload = datagrams[i].payload.bytes();
            vectors_[i] = {const_cast<std::byte*>(payload.data()), payload.size()};
            msghdr& header = headers_[i].msg_hdr;
            header.msg_name = to_peer ? &addresses_[i] : nullptr;
            header.msg_namelen = to_peer ? net::to_os(datagrams[i].peer, addresses_[i]) : 0;
        }
        return count;
    }
};

}  // namespace skerry::kernel_io::epoll
