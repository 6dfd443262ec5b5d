#pragma once

// What devices without a card ask of the system that a container may not have. DPDK's drivers say that something could
// not be opened; which right was lacking, and who can give it, is said here.

#include <filesystem>
#include <string>
#include <string_view>

namespace skerry::dpdk {

/// Which right this process lacks for a virtual device of that name, with the next step; empty when it has them all, or
/// the device is of a kind that needs none. It looks at /proc/self/status and /dev, and is asked after a failure only:
/// a right that is there may not be enough.
///
/// Shape: `device` is for instance "net_tap0"; `sysroot` is "/", or a folder with recorded proc/ and dev/ trees.
[[nodiscard]] std::string missing_right(std::string_view device, const std::filesystem::path& sysroot = "/");

}  // namespace skerry::dpdk
