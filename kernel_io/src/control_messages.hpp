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
#include <span>

namespace skerry::kernel_io {

/// Room for all that a socket can be told to tell: the size of segments.
inline constexpr std::size_t told_room = CMSG_SPACE(sizeof(int));

/// Where the kernel writes it.
struct alignas(cmsghdr) ToldRoom {
    std::array<std::byte, told_room> bytes;
};

/// One bit for each option that makes the kernel tell something; 0: the option is not one of them.
[[nodiscard]] constexpr std::uint8_t told_bit(backend::SocketOption option) noexcept {
    return option == backend::SocketOption::receive_segments ? 1U : 0U;
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

/// The message that has it do so.
class SegmentControl {
public:
    SegmentControl() noexcept;
    void attach(msghdr& header, std::uint16_t segment_bytes) noexcept;

private:
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(std::uint16_t))> bytes_{};
};

}  // namespace skerry::kernel_io
