#pragma once

// How much CPU time the cgroup of this process may use. A container that may use "1.5 CPUs" is stopped for the
// rest of each period (100 ms) once its threads have burnt 150 ms together: a runtime that spins there pays
// with pauses of tens of milliseconds, so it has to know.

#include <filesystem>
#include <optional>
#include <string>

namespace skerry::topology {

/// A limit on CPU time.
struct CpuQuota {
    double cores = 0;          ///< CPUs' worth of time: 1.5 is 150 ms in every 100 ms
    bool fractional = false;   ///< not a whole number of CPUs
    unsigned cores_ceil = 0;   ///< the whole number of CPUs that covers it, at least 1
    std::string source;        ///< the file that says so, as a path below the root of the tree
};

/// The smallest limit on this process's cgroup and its ancestors: version 2's cpu.max and version 1's
/// cpu.cfs_quota_us over cpu.cfs_period_us. Nothing when there is no limit.
///
/// A file that is missing or holds something the kernel does not write sets no limit. Ancestors that a container
/// cannot see are not counted.
///
/// Shape: `sysroot` is "/", or a folder that holds recorded proc/ and sys/ trees.
std::optional<CpuQuota> cpu_quota(const std::filesystem::path& sysroot = "/");

}  // namespace skerry::topology
