#pragma once

// A socket that is bound or listens, made alike for every driver here.

#include "os_socket.hpp"

#include <skerry/base/result.hpp>

#include <memory>
#include <new>
#include <utility>

namespace skerry::kernel_io {

/// The record of a driver's `Core` for what open_listener() or open_datagram() gave, with the address it got. It is not
/// enrolled yet.
///
/// Errors: that of `fd`; no_memory.
template <class Socket, class Core>
[[nodiscard]] Result<std::unique_ptr<Socket>> make_bound(Core& core, Result<OwnedFd> fd) noexcept {
    if (!fd) return fd.error();
    auto local = local_address(fd->get());
    if (!local) return local.error();
    std::unique_ptr<Socket> socket(new (std::nothrow) Socket(core, std::move(*fd)));
    if (socket == nullptr) return Errc::no_memory;
    socket->local = *local;
    return socket;
}

}  // namespace skerry::kernel_io
