#pragma once

// A network of the test's own, for kernel errors that no loopback has: the process moves into a fresh network
// namespace, where it can neither meet nor disturb anything. To be called before any thread is started.

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

namespace skerry::tests {

/// Writes to a file of /proc. False when it cannot be.
inline bool write_setting(const std::string& path, std::string_view text) {
    std::ofstream file(path);
    file << text << std::flush;
    return file.good();
}

/// Runs the ip tool of iproute2. False when it fails.
inline bool ip(const std::string& arguments) {
    return std::system(("ip " + arguments + " 2>/dev/null").c_str()) == 0;  // NOLINT(concurrency-mt-unsafe)
}

/// Moves the process into namespaces of its own, by `flags` of unshare(2) beside the network. Empty, or why it is
/// not possible here. The loopback interface is up.
inline std::string enter_own_network(int flags = 0) {
    const uid_t user = ::geteuid();
    const gid_t group = ::getegid();
    if (user != 0) flags |= CLONE_NEWUSER;
    if (::unshare(CLONE_NEWNET | flags) != 0) return std::string("no namespace of its own: ") + std::strerror(errno);
    if (user != 0) {
        write_setting("/proc/self/setgroups", "deny");
        if (!write_setting("/proc/self/uid_map", "0 " + std::to_string(user) + " 1") ||
            !write_setting("/proc/self/gid_map", "0 " + std::to_string(group) + " 1"))
            return "no user namespace of its own";
    }
    if (!ip("link set lo up")) return "ip, of iproute2, is not installed";
    return {};
}

/// Makes the TAP device sk0: the kernel's end of it is 198.18.0.1/24 and fd00:198:18::1/64. Empty, or why not.
inline std::string make_own_tap() {
    const bool is_made = ip("tuntap add sk0 mode tap") && ip("address add 198.18.0.1/24 dev sk0") &&
                         ip("address add fd00:198:18::1/64 dev sk0 nodad") && ip("link set sk0 up");
    return is_made ? "" : "no TAP device can be made";
}

/// Moves the process into a network of its own, with that device.
inline std::string enter_own_tap_network() {
    std::string why_not = enter_own_network();
    return why_not.empty() ? make_own_tap() : why_not;
}

}  // namespace skerry::tests
