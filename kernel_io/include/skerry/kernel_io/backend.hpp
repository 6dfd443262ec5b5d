#pragma once

#include <skerry/backend/backend.hpp>

#include <memory>

namespace skerry::kernel_io {

/// The kernel's sockets. Drivers: `epoll`, which runs wherever Linux does, also in unprivileged containers.
///
/// Threads: any.
[[nodiscard]] std::unique_ptr<backend::Backend> make_backend();

}  // namespace skerry::kernel_io
