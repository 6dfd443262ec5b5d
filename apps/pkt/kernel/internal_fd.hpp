#pragma once

// Descriptors of the machine itself stay away from the small numbers, which a script's sockets get.

#include <skerry/base/owned_fd.hpp>

#include <fcntl.h>

#include <cerrno>

namespace skerry::pkt::kernel {

/// The same file by a number of at least 100, closed by exec(); `fd` itself is closed. Nothing, and errno, when `fd` is
/// less than 0 or no number is left.
[[nodiscard]] inline OwnedFd internal_fd(int fd) noexcept {
    constexpr int least = 100;
    int error = errno;
    OwnedFd moved;
    if (fd >= 0) {
        const OwnedFd low(fd);
        moved = OwnedFd(::fcntl(fd, F_DUPFD_CLOEXEC, least));
        error = errno;
    }
    errno = error;
    return moved;
}

}  // namespace skerry::pkt::kernel
