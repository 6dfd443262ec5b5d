#pragma once

// Hot path. What recvmmsg and sendmmsg are called with, once a core and not once a call: the kernel wants a header,
// a vector and room for an address for each datagram, and for one datagram writing those costs more than the rest.
//
// The slots to receive into stay ready, each with a buffer of the pool behind it. A call that gets one datagram then
// replaces one buffer; the second slot, which shows that no other datagram waits, costs nothing.
//
// What a socket is told beside its datagrams has room of its own, which a core makes when the first program asks for
// it.

#include "control_messages.hpp"

#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/buffer_pool.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/base/os_socket_addr.hpp>
#include <skerry/time/instant.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace skerry::kernel_io {

/// Datagrams in one system call; a longer batch takes several.
inline constexpr std::size_t messages_max = 64;

/// The headers of one direction, their vectors and addresses.
class MessageArray {
public:
    MessageArray() noexcept = default;
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
        for (std::size_t i = 0; i < messages_max; ++i) {
            headers_[i].msg_hdr.msg_name = &addresses_[i];
            headers_[i].msg_hdr.msg_iov = &vectors_[i];
            headers_[i].msg_hdr.msg_iovlen = 1;
        }
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
            out[i].set_arrival(now, backend::TimeSource::burst, (header.msg_flags & MSG_TRUNC) != 0);
            net::from_os(addresses_[i], header.msg_namelen, out[i].peer);
        }
    }

    /// Makes the room in which the kernel tells more than the datagrams. Errors: no_memory.
    [[nodiscard]] Result<> make_room_to_tell() noexcept {
        if (told_ == nullptr) told_.reset(new (std::nothrow) std::array<ToldRoom, messages_max>);
        if (told_ == nullptr) return Errc::no_memory;
        return {};
    }
    /// Gives the first `count` slots that room, before a call; make_room_to_tell() has been called.
    void attach_told(std::size_t count) noexcept {
        for (std::size_t i = 0; i < count; ++i) {
            headers_[i].msg_hdr.msg_control = &(*told_)[i];
            headers_[i].msg_hdr.msg_controllen = sizeof(ToldRoom);
        }
    }
    /// Reads what was told of the first `received`, after take(), and takes the room of `count` away again.
    void detach_told(std::size_t count, std::size_t received, backend::Datagram* out) noexcept {
        for (std::size_t i = 0; i < received; ++i) read_told(headers_[i].msg_hdr, out[i]);
        for (std::size_t i = 0; i < count; ++i) {
            headers_[i].msg_hdr.msg_control = nullptr;
            headers_[i].msg_hdr.msg_controllen = 0;
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
    std::unique_ptr<std::array<ToldRoom, messages_max>> told_;
    std::size_t taken_ = 0;  // slots [0, taken_) may be empty
    std::size_t ready_ = 0;  // slots [taken_, ready_) have a buffer
};

/// Datagrams to send.
class SendArray : public MessageArray {
public:
    /// By what each datagram goes, as bits of mark::, from a socket of IPv6 or IPv4.
    struct Manner {
        std::uint8_t marks = 0;
        bool is_v6 = false;
    };

    /// Describes `datagrams`, as many as fit; returns in how many messages. `to_peer`: each goes to its own peer, else
    /// to the connected one. Those in a row that go to one peer and have at most `segment_bytes_max` bytes are one
    /// message, which the kernel cuts; 0 has each be one. A datagram that holds several is one message in any case;
    /// what cannot leave in one piece ends the description. `manner` is what else each goes by.
    [[nodiscard]] std::size_t describe(std::span<const backend::Datagram> datagrams, bool to_peer,
                                       std::size_t segment_bytes_max, Manner manner) noexcept {
        const std::size_t count = std::min(datagrams.size(), messages_max);
        std::size_t messages = 0;
        for (std::size_t i = 0; i < count; ++messages) {
            const backend::Datagram& first = datagrams[i];
            const std::span<const std::byte> payload = first.payload.bytes();
            vectors_[i] = vector_of(payload);
            msghdr& header = headers_[messages].msg_hdr;
            header.msg_name = to_peer ? &addresses_[messages] : nullptr;
            header.msg_namelen = to_peer ? net::to_os(first.peer, addresses_[messages]) : 0;
            header.msg_iov = &vectors_[i];
            header.msg_iovlen = 1;
            header.msg_control = nullptr;
            header.msg_controllen = 0;
            std::size_t segment_bytes = first.segment_bytes;
            if (segment_bytes != 0) [[unlikely]] {
                if (backend::check_segments(payload.size(), segment_bytes) != Errc::ok ||
                    segment_bytes > segment_bytes_max)
                    break;
                if (payload.size() <= segment_bytes) segment_bytes = 0;
            } else if (payload.size() <= segment_bytes_max) {
                header.msg_iovlen = append_alike(datagrams.subspan(i, count - i), i, to_peer, manner.marks);
                if (header.msg_iovlen > 1) segment_bytes = payload.size();
            }
            SendControl& control = controls_[messages];
            if (segment_bytes != 0) control.add_segment_bytes(header, static_cast<std::uint16_t>(segment_bytes));
            if (manner.marks != 0) [[unlikely]]
                control.add_marks(header, first, manner.marks, manner.is_v6);
            i += header.msg_iovlen;
        }
        return messages;
    }

    /// The datagrams in the first `messages` messages that describe() made.
    [[nodiscard]] std::size_t datagrams_in(std::size_t messages) const noexcept {
        std::size_t count = 0;
        for (std::size_t i = 0; i < messages; ++i) count += headers_[i].msg_hdr.msg_iovlen;
        return count;
    }

    /// Describes the first message: `data`, in segments where segment_bytes is not 0, to `to` or the connected peer.
    [[nodiscard]] const msghdr& describe_one(std::span<const std::byte> data, std::size_t segment_bytes,
                                             const net::SocketAddr* to) noexcept {
        vectors_[0] = vector_of(data);
        msghdr& header = headers_[0].msg_hdr;
        header.msg_name = to != nullptr ? &addresses_[0] : nullptr;
        header.msg_namelen = to != nullptr ? net::to_os(*to, addresses_[0]) : 0;
        header.msg_iov = vectors_.data();
        header.msg_iovlen = 1;
        header.msg_control = nullptr;
        header.msg_controllen = 0;
        if (segment_bytes != 0) controls_[0].add_segment_bytes(header, static_cast<std::uint16_t>(segment_bytes));
        return header;
    }
    /// The same for `data` of `datagram`, with what it goes by.
    [[nodiscard]] const msghdr& describe_marked(const backend::Datagram& datagram, std::span<const std::byte> data,
                                                const net::SocketAddr* to, Manner manner) noexcept {
        (void)describe_one(data, 0, to);
        controls_[0].add_marks(headers_[0].msg_hdr, datagram, manner.marks, manner.is_v6);
        return headers_[0].msg_hdr;
    }

private:
    [[nodiscard]] static iovec vector_of(std::span<const std::byte> bytes) noexcept {
        return {const_cast<std::byte*>(bytes.data()), bytes.size()};
    }

    /// Writes the vectors of those behind datagrams[0] that may leave with it; returns how many they are with it. All
    /// are as long as it, only the last may be shorter, but not empty: behind others that would be no datagram.
    [[nodiscard]] std::size_t append_alike(std::span<const backend::Datagram> datagrams, std::size_t vector,
                                           bool to_peer, std::uint8_t marks) noexcept {
        const std::size_t bytes = datagrams[0].payload.size();
        std::size_t total = bytes;
        std::size_t count = 1;
        for (bool is_last = bytes == 0; !is_last && count < datagrams.size(); ++count) {
            const backend::Datagram& next = datagrams[count];
            const std::size_t more = next.payload.size();
            if (more > bytes || more == 0 || next.segment_bytes != 0 || total + more > backend::datagram_bytes_max ||
                (to_peer && next.peer != datagrams[0].peer) ||
                (marks != 0 && !have_equal_marks(datagrams[0], next, marks)))
                break;
            vectors_[vector + count] = vector_of(next.payload.bytes());
            total += more;
            is_last = more < bytes;
        }
        return count;
    }

    std::array<SendControl, messages_max> controls_;
};

}  // namespace skerry::kernel_io
