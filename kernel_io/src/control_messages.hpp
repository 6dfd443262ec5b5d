#pragma once

// What the kernel tells of a datagram, and is told, beside its bytes and its address. Used by those sockets only whose
// program has asked for it: all others are called without room for it, and the kernel then writes nothing.

#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/result.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <span>

namespace skerry::kernel_io {

/// Room for all that a socket can be told to tell: the size of segments, the address with the interface, what is left
/// of the TTL, the traffic class, and three times.
inline constexpr std::size_t told_room = CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(in6_pktinfo)) +
                                         CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(int)) +
                                         CMSG_SPACE(3 * sizeof(timespec));

/// Where the kernel writes it.
struct alignas(cmsghdr) ToldRoom {
    std::array<std::byte, told_room> bytes;
};

/// One bit for each option that makes the kernel tell something; 0: the option is not one of them.
[[nodiscard]] constexpr std::uint8_t told_bit(backend::SocketOption option) noexcept {
    switch (option) {
        case backend::SocketOption::receive_segments: return 1;
        case backend::SocketOption::receive_local: return 2;
        case backend::SocketOption::receive_ttl: return 4;
        case backend::SocketOption::receive_traffic_class: return 8;
        case backend::SocketOption::receive_time: return 16;
        default: return 0;
    }
}

/// What send_batch() goes by in each Datagram, as bits.
namespace mark {
inline constexpr std::uint8_t local = 1;
inline constexpr std::uint8_t traffic_class = 2;
}  // namespace mark

/// One bit for each option that makes it so; 0: the option is not one of them.
[[nodiscard]] constexpr std::uint8_t mark_bit(backend::SocketOption option) noexcept {
    switch (option) {
        case backend::SocketOption::send_local: return mark::local;
        case backend::SocketOption::send_traffic_class: return mark::traffic_class;
        default: return 0;
    }
}

/// Writes to `datagram` what the control messages of a receive say. `header` is as the kernel left it.
void read_told(const msghdr& header, backend::Datagram& datagram) noexcept;

/// The same for messages in a row at `told`.
void read_told(std::span<std::byte> told, backend::Datagram& datagram) noexcept;

/// One datagram, or several of them, by recvmsg(): into `into`, its sender into `datagram.peer`, and what else is told.
/// Its payload is left alone.
///
/// Returns the bytes that came, above into.size() when they were cut, which `datagram` also says; or an errno below 0.
[[nodiscard]] long receive_told(int fd, std::span<std::byte> into, int flags, backend::Datagram& datagram) noexcept;

/// Whether the kernel takes datagrams in a row and cuts them itself. Asked once.
[[nodiscard]] bool kernel_cuts_segments() noexcept;

/// What the kernel is told of a message to send: put together anew for each message that has any.
class SendControl {
public:
    /// Has the kernel cut the message.
    void add_segment_bytes(msghdr& header, std::uint16_t bytes) noexcept;
    /// What `marks` says of the datagram, for a socket of IPv6 or IPv4.
    void add_marks(msghdr& header, const backend::Datagram& datagram, std::uint8_t marks, bool is_v6) noexcept;

private:
    template <class T>
    void add(msghdr& header, int level, int type, const T& value) noexcept;
    void add_local(msghdr& header, const net::IpAddr& local, std::uint32_t interface_index, bool is_v6) noexcept;

    static constexpr std::size_t room =
        CMSG_SPACE(sizeof(std::uint16_t)) + CMSG_SPACE(sizeof(in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int));
    alignas(cmsghdr) std::array<std::byte, room> bytes_;
};

/// Whether both leave alike by `marks`: they may be one message.
[[nodiscard]] inline bool have_equal_marks(const backend::Datagram& a, const backend::Datagram& b,
                                           std::uint8_t marks) noexcept {
    return ((marks & mark::local) == 0 || (a.local == b.local && a.interface_index == b.interface_index)) &&
           ((marks & mark::traffic_class) == 0 || a.traffic_class == b.traffic_class);
}

}  // namespace skerry::kernel_io
