#pragma once

// What the kernel tells of a connection.

#include <skerry/backend/tcp_info.hpp>
#include <skerry/base/result.hpp>

namespace skerry::kernel_io {

/// Errors: what the kernel says.
[[nodiscard]] Result<backend::TcpInfo> tcp_info(int fd) noexcept;

}  // namespace skerry::kernel_io
