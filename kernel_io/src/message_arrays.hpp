#pragma once

// Hot path. What recvmmsg and sendmmsg are called with, once a core and not once a call: the kernel wants a header,
// a vector and room for an address for each datagram, and for one datagram writing those costs more than the rest.
//
// The slots to receive into stay ready, each with a buffer of the pool behind it. A call that gets one datagram then
// replaces one buffer; the second slot, which shows that no other datagram waits, costs nothing.

#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/buffer_pool.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/base/os_socket_addr.hpp>
#include <skerry/time/instant.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace skerry::kernel_io {

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
    ReceiveArray() noexcept {
        for (std::size_t i = 0; i < messages_max; ++i) headers_[i].msg_hdr.msg_name = &addresses_[i];
    }

    /// Makes the first `wanted` slots ready; returns how many are, fewer when the pool is at its limit.
    [[nodiscard]] SKERRY_ALWAYS_INLINE std::size_t prepare(std::size_t wanted, BufferPool& pool) noexcept {
        const std::size_t again = std::min(taken_, wanted);
        for (std::size_t i = 0; i < again; ++i)
            if (!buffers_[i] && !refill(i, pool)) [[unlikely]]
                return i;
        if (wanted < taken_) [[unlikely]]
            ready_ = wanted;  // those behind are looked at again when they are wanted
        taken_ = 0;
        return ready_ >= wanted ? wanted : extend(wanted, pool);
    }

    /// Moves what was received in the first `count` slots out.
    SKERRY_ALWAYS_INLINE void take(std::size_t count, backend::Datagram* out, time::Instant now) noexcept {
        taken_ = std::max(taken_, count);
        for (std::size_t i = 0; i < count; ++i) {
            const msghdr& header = headers_[i].msg_hdr;
            out[i].payload = std::move(buffers_[i]);
            out[i].payload.set_size(headers_[i].msg_len);
            out[i].truncated = (header.msg_flags & MSG_TRUNC) != 0;
            out[i].received_at = now;
            out[i].time_source = backend::TimeSource::burst;
            net::from_os(addresses_[i], header.msg_namelen, out[i].peer);
        }
    }

    /// Takes a buffer out of the slots, for want of one in the pool; empty when none stands here.
    [[nodiscard]] IoBuf give_up_one() noexcept { return last_behind(0); }

    /// Buffers that stand here: out of the pool, and held by no program.
    [[nodiscard]] std::size_t buffers() const noexcept {
        return static_cast<std::size_t>(
            std::count_if(buffers_.begin(), buffers_.end(), [](const IoBuf& buffer) { return bool(buffer); }));
    }

private:
    [[nodiscard]] std::size_t extend(std::size_t wanted, BufferPool& pool) noexcept {
        for (; ready_ < wanted; ++ready_)
            if (!buffers_[ready_] && !refill(ready_, pool)) [[unlikely]]
                return ready_;
        return wanted;
    }

    [[nodiscard]] SKERRY_ALWAYS_INLINE bool refill(std::size_t i, BufferPool& pool) noexcept {
        IoBuf buffer = pool.allocate();
        if (!buffer) [[unlikely]] {
            buffer = last_behind(i);
            if (!buffer) return false;
        }
        vectors_[i] = {buffer.writable().data(), buffer.size()};
        headers_[i].msg_hdr.msg_namelen = sizeof addresses_[i];  // the kernel wrote how much it used
        buffers_[i] = std::move(buffer);
        return true;
    }

    /// Takes the last buffer out of the slots from `first` on: what a longer batch left there. Empty: there is none.
    [[nodiscard]] SKERRY_COLD IoBuf last_behind(std::size_t first) noexcept {
        for (std::size_t i = messages_max; i-- > first;) {
            if (!buffers_[i]) continue;
            ready_ = std::min(ready_, i);
            taken_ = std::min(taken_, ready_);
            return std::move(buffers_[i]);
        }
        return {};
    }

    std::array<IoBuf, messages_max> buffers_;
    std::size_t taken_ = 0;  // slots [0, taken_) may be empty
    std::size_t ready_ = 0;  // slots [taken_, ready_) have a buffer
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

}  // namespace skerry::kernel_io
