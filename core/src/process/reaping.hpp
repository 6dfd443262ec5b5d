#pragma once

// Waiting for children without waiting.

#include <skerry/base/owned_fd.hpp>
#include <skerry/base/result.hpp>
#include <skerry/process/exit_status.hpp>

namespace skerry::process::detail {

/// Takes how the process behind `pidfd` has ended, and with it what the kernel keeps of it.
///
/// Errors: would_block, while it runs; not_found, when it was waited for already.
[[nodiscard]] Result<ExitStatus> take_status(int pidfd) noexcept;

/// For a child that no core waits for: reap_orphans() asks for it from now on.
void keep_orphan(OwnedFd pidfd) noexcept;

/// Takes the status of those that have ended meanwhile. Cheap when there are none.
/// Threads: any.
void reap_orphans() noexcept;

}  // namespace skerry::process::detail
