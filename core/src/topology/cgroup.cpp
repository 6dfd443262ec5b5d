#include "cgroup.hpp"

#include <fstream>
#include <initializer_list>
#include <sstream>

namespace skerry::topology {

namespace {

namespace fs = std::filesystem;

/// One cgroup file system in the mount table.
struct Mount {
    std::string root;   // the group that the mount point shows
    std::string point;  // where, as seen by the process
};

/// The group of this process in both kinds of hierarchy.
struct OwnGroups {
    std::optional<std::string> v1;
    std::optional<std::string> v2;
};

bool list_has(std::string_view list, std::string_view word) {
    while (!list.empty())
        if (take_until(list, ',') == word) return true;
    return false;
}

// The mount table writes blank, tab, newline and backslash as \040 and so on.
std::string without_octal_escapes(std::string_view text) {
    const auto octal = [](char c) { return c >= '0' && c <= '7'; };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) && octal(text[i + 3])) {
            out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

// Lines are `hierarchy:controllers:path`; the unified hierarchy is `0::path`.
OwnGroups own_groups(const fs::path& sysroot, std::string_view controller) {
    OwnGroups groups;
    const std::optional<std::string> text = read_small_file(sysroot / "proc/self/cgroup");
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    while (!rest.empty()) {
        std::string_view line = take_until(rest, '\n');
        const std::string_view id = take_until(line, ':');
        const std::string_view controllers = take_until(line, ':');
        if (id == "0" && controllers.empty())
            groups.v2 = line;
        else if (list_has(controllers, controller))
            groups.v1 = line;
    }
    return groups;
}

// `36 35 98:0 /root /point options [tags...] - type source super_options`; the first match is the one that the
// early mounts of a container put at /sys/fs/cgroup.
std::optional<Mount> find_mount(std::string_view table, std::string_view type, std::string_view super_option) {
    while (!table.empty()) {
        std::string_view line = take_until(table, '\n');
        const std::size_t dash = line.find(" - ");
        if (dash == std::string_view::npos) continue;
        std::string_view tail = line.substr(dash + 3);
        if (take_until(tail, ' ') != type) continue;
        take_until(tail, ' ');  // the source: any word
        if (!super_option.empty() && !list_has(tail, super_option)) continue;
        for (int skipped = 0; skipped < 3; ++skipped) take_until(line, ' ');
        const std::string_view root = take_until(line, ' ');
        return Mount{without_octal_escapes(root), without_octal_escapes(take_until(line, ' '))};
    }
    return std::nullopt;
}

// Without a mount table the places every distribution uses are tried.
std::optional<Mount> usual_mount(const fs::path& sysroot, std::initializer_list<std::string> points) {
    std::error_code ignored;
    for (const std::string& point : points)
        if (fs::is_directory(sysroot / fs::path(point).relative_path(), ignored)) return Mount{"/", point};
    return std::nullopt;
}

// The group's path below the mount point. A group outside of what the mount shows (another namespace's, which
// the kernel writes with "..") falls back to the mount point itself.
std::string path_below(const Mount& mount, const std::string& group) {
    if (group.find("..") != std::string::npos) return {};
    if (mount.root == "/") return group;
    if (!group.starts_with(mount.root)) return {};
    const std::string below = group.substr(mount.root.size());
    return below.empty() || below.front() == '/' ? below : std::string{};
}

std::vector<fs::path> levels_of(const fs::path& sysroot, const Mount& mount, const std::string& group) {
    const fs::path top = sysroot / fs::path(mount.point).relative_path();
    std::vector<fs::path> levels;
    fs::path below = fs::path(path_below(mount, group)).relative_path();
    while (!below.empty()) {
        if (below.has_filename()) levels.push_back(top / below);
        below = below.parent_path();
    }
    levels.push_back(top);
    return levels;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string_view take_until(std::string_view& text, char separator) {
    const std::size_t at = text.find(separator);
    const std::string_view head = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return head;
}

std::optional<std::string> read_small_file(const fs::path& path) {
    std::ifstream file(path);
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return std::string(trimmed(text.str()));
}

CgroupLevels cgroup_levels(const fs::path& sysroot, std::string_view controller) {
    const OwnGroups own = own_groups(sysroot, controller);
    const std::optional<std::string> table = read_small_file(sysroot / "proc/self/mountinfo");
    const std::string in_usual_place = "/sys/fs/cgroup/" + std::string(controller);
    const auto v1 = table ? find_mount(*table, "cgroup", controller)
                          : usual_mount(sysroot, {in_usual_place, "/sys/fs/cgroup/cpu,cpuacct"});
    const auto v2 =
        table ? find_mount(*table, "cgroup2", "") : usual_mount(sysroot, {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"});
    CgroupLevels levels;
    if (v1) levels.v1 = levels_of(sysroot, *v1, own.v1.value_or("/"));
    if (v2) levels.v2 = levels_of(sysroot, *v2, own.v2.value_or("/"));
    return levels;
}

}  // namespace skerry::topology
