#pragma once

// Sockets of the kernel through io_uring, as make_backend() offers them. No header of liburing shows here.

#include <skerry/backend/backend.hpp>

#include <memory>

namespace skerry::kernel_io::uring {

/// Finds out by doing whether this kernel gives what the driver needs.
[[nodiscard]] backend::Probe probe();

/// Whether it was measured ahead of epoll, in most rows, on kernels up to this one: from Linux 6.18 on, for cores with
/// threads and rings of their own. The figures are in the README.
[[nodiscard]] bool is_ahead_of_epoll(const backend::Options& options) noexcept;

[[nodiscard]] Result<std::unique_ptr<backend::Core>, backend::SetupError> make_core(const backend::CoreSetup& setup);

}  // namespace skerry::kernel_io::uring
