#pragma once

// Sockets of the kernel through io_uring, as make_backend() offers them. No header of liburing shows here.

#include <skerry/backend/backend.hpp>

#include <memory>

namespace skerry::kernel_io::uring {

/// Finds out by doing whether this kernel gives what the driver needs.
[[nodiscard]] backend::Probe probe();

[[nodiscard]] Result<std::unique_ptr<backend::Core>, backend::SetupError> make_core(const backend::CoreSetup& setup);

}  // namespace skerry::kernel_io::uring
