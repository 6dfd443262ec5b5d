#pragma once

#include <skerry/backend/backend.hpp>

#include <memory>

namespace skerry::kernel_io {

/// The ways of the kernel. Drivers: `epoll`, the kernel's sockets, which runs wherever Linux does, also in unprivileged
/// containers; `io_uring`, the same by completions; `tap` and `xdp`, our own stack (core/stack) over a TAP device, and
/// over an interface by AF_XDP, for Config::backend "tap:IF" and "xdp:IF".
///
/// Threads: any.
[[nodiscard]] std::unique_ptr<backend::Backend> make_backend();

}  // namespace skerry::kernel_io
