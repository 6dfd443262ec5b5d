#pragma once

// DPDK's environment layer: started once a process, by the first runtime that has a dpdk driver, and used by all.
//
// It is started on a thread of its own, which ends at once: that thread is EAL's main lcore, which never polls, and the
// affinity that EAL gives it concerns nobody. Nothing of EAL lies in files (--in-memory or --no-shconf), so it is never
// cleaned up: the kernel takes the memory back when the process ends, and a core that a shutdown had to leave behind
// may go on.

#include <skerry/backend/backend.hpp>
#include <skerry/dpdk/options.hpp>

#include <string>

namespace skerry::dpdk::eal {

/// Starts EAL, or finds it running; then memory and EAL arguments are those of the first start.
///
/// Errors: a line with the next step: no huge pages, arguments that EAL refuses, PCI after a start without.
/// Threads: any; one at a time starts it.
[[nodiscard]] Result<void, backend::SetupError> start(const Options& options);

/// `256 MiB of ordinary pages (64 MiB of huge pages are free)`; after start().
[[nodiscard]] std::string memory_line();

/// Makes the calling thread one that EAL knows, until it ends: so it has a cache in every buffer pool.
///
/// Errors: a line, when DPDK has room for no more threads.
[[nodiscard]] Result<void, backend::SetupError> register_thread();

/// The node of the machine's memory that a registered thread's CPUs belong to; negative: there is one only, or they
/// belong to several.
[[nodiscard]] int node_of_thread() noexcept;

}  // namespace skerry::dpdk::eal
