#pragma once

// The drivers that run our own stack over the kernel's frames: `tap` and `xdp`.

#include <skerry/backend/backend.hpp>

namespace skerry::kernel_io::frame {

[[nodiscard]] backend::Probe probe_tap(const backend::Options& options);
[[nodiscard]] Result<std::unique_ptr<backend::Core>, backend::SetupError> make_tap_core(
    const backend::CoreSetup& setup);

[[nodiscard]] backend::Probe probe_xdp(const backend::Options& options);
[[nodiscard]] Result<std::unique_ptr<backend::Core>, backend::SetupError> make_xdp_core(
    const backend::CoreSetup& setup);

}  // namespace skerry::kernel_io::frame
