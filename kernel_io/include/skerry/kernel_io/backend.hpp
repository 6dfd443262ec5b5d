#pragma once

#include <skerry/backend/backend.hpp>

#include <memory>

namespace skerry::kernel_io {

/// The ways of the kernel. Drivers: `epoll`, the kernel's sockets, which runs wherever Linux does, also in unprivileged
/// containers; `tap`, our own stack (core/stack) over a TAP device, for Config::backend "tap:IF".
///
/// Threads: any.
[[nodiscard]] std::unique_ptr<backend::Backend> make_backend();

}  // namespace skerry::kernel_io
