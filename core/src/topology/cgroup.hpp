#pragma once

// Where the files of this process's cgroup are. /proc/self/cgroup names the group of each hierarchy,
// /proc/self/mountinfo says where that hierarchy is mounted and which group its mount point shows. Both are
// needed: in a container without a cgroup namespace the first says /docker/abc, and the mount point *is*
// /docker/abc.
//
// Source: cgroups(7), proc(5), Documentation/admin-guide/cgroup-v1 and cgroup-v2.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::topology {

/// The folders of one hierarchy, the process's own group first, the topmost visible one last. Empty when the
/// hierarchy does not exist. Folders that do not exist may be among them.
struct CgroupLevels {
    std::vector<std::filesystem::path> v1;  ///< of the version 1 hierarchy that has the controller
    std::vector<std::filesystem::path> v2;  ///< of the unified hierarchy
};

/// Finds the groups of this process for one controller: "cpu" or "cpuset".
CgroupLevels cgroup_levels(const std::filesystem::path& sysroot, std::string_view controller);

/// A small file's text, without blanks and newlines at its ends; nothing when it cannot be read.
std::optional<std::string> read_small_file(const std::filesystem::path& path);

/// `text` without blanks and newlines at its ends.
std::string_view trimmed(std::string_view text);

/// Cuts `text` at the first `separator`: returns what stands before it and leaves the rest in `text`.
std::string_view take_until(std::string_view& text, char separator);

}  // namespace skerry::topology
