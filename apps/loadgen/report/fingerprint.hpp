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
};

/// The model name in a /proc/cpuinfo text, or "unknown".
[[nodiscard]] std::string cpu_model(std::string_view cpuinfo);

/// Reads /proc/cpuinfo and uname. `version` is the program's own.
[[nodiscard]] Fingerprint this_machine(std::string version);

}  // namespace skerry::loadgen
