#include "sysctl.hpp"

#include "os_reason.hpp"

#include <skerry/base/owned_fd.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace skerry::pkt::kernel {

namespace {

bool is_name(std::string_view name) {
    const bool is_plain = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
    });
    return is_plain && name.find("..") == std::string_view::npos;
}

/// Why it is not looked for at all; empty when it is.
std::string refusal(std::string_view name) {
    if (name.starts_with("net.inet.") || name.starts_with("net.inet6.")) return "a setting of FreeBSD";
    if (!name.starts_with("net.") || !is_name(name)) return "not a setting of the network";
    return {};
}

std::string path_of(std::string_view name) {
    std::string path = "/proc/sys/" + std::string(name);
    std::replace(path.begin(), path.end(), '.', '/');
    return path;
}

// What belongs to the whole machine is missing in a namespace, or can only be read.
Unsupported cannot_open(const std::string& name) {
    if (errno == ENOENT) return {name + ": no such setting in a namespace of this kernel"};
    return os_reason(name);
}

}  // namespace

std::optional<Unsupported> write_sysctl(std::string_view name, std::string_view value) {
    const std::string text(name);
    if (const std::string why = refusal(name); !why.empty()) return Unsupported{text + ": " + why};
    const OwnedFd fd(::open(path_of(name).c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return cannot_open(text);
    // At once: each write is a value.
    if (::write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
        return os_reason(text + " = " + std::string(value));
    return {};
}

}  // namespace skerry::pkt::kernel
