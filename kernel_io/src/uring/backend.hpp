#pragma once

// Sockets of the kernel through io_uring, as make_backend() offers them. No header of liburing shows here.

#include <skerry/backend/backend.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace skerry::kernel_io::uring {

/// Finds out by doing whether this kernel gives what the driver needs.
[[nodiscard]] backend::Probe probe(const backend::Options& options);

/// Where it stands beside epoll.
enum class Standing : std::uint8_t {
    behind_on_old_kernels,  ///< or was never measured there
    behind_without_threads,  ///< or was never measured
    behind_with_datagrams,  ///< and ahead with streams
    ahead,
};

/// What epoll's line says of that, where the ladder chooses.
[[nodiscard]] std::string_view why_epoll(Standing standing) noexcept;

/// As it was measured: ahead with streams from Linux 6.18 on, for cores with threads and rings of their own. The
/// figures are in the README.
[[nodiscard]] Standing standing(const backend::Options& options) noexcept;
/// The same on a kernel whose release is called so.
[[nodiscard]] Standing standing_on(const char* release, const backend::Options& options) noexcept;

[[nodiscard]] Result<std::unique_ptr<backend::Core>, backend::SetupError> make_core(const backend::CoreSetup& setup);

}  // namespace skerry::kernel_io::uring
