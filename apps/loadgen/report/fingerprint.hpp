#pragma once

// On what a figure was measured. A latency without its machine cannot be compared with anything.

#include <string>
#include <string_view>

namespace skerry::loadgen {

struct Fingerprint {
    std::string cpu;       ///< the model's name; "unknown" where /proc/cpuinfo has none
    unsigned cpus = 0;     ///< online
    std::string kernel;    ///< name, release, machine
    std::string compiler;  ///< of this program, with its version
    std::string build;     ///< "release", or "debug" when assertions of the hot path are on
    std::string version;   ///< of skerry
    bool is_virtual = false;    ///< a hypervisor says that it is there: it may take the CPUs away
    std::string governor = {};  ///< of CPU 0's clock; "none" where the kernel does not steer it
    std::string clock = {};     ///< the kernel's clock source
    std::string isolated = {};  ///< CPUs that the scheduler leaves alone; "none"
};

/// The model name in a /proc/cpuinfo text, or "unknown".
[[nodiscard]] std::string cpu_model(std::string_view cpuinfo);

/// Whether a /proc/cpuinfo text has the flag by which x86 hypervisors are known.
[[nodiscard]] bool has_hypervisor(std::string_view cpuinfo);

/// Reads /proc/cpuinfo, uname and what /sys says of CPUs and clocks. `version` is the program's own.
///
/// Shape: below `root` lie proc and sys; tests give a folder.
[[nodiscard]] Fingerprint this_machine(std::string version, const std::string& root = "");

}  // namespace skerry::loadgen
