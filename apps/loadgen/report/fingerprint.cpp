#include "fingerprint.hpp"

#include <fstream>
#include <sstream>
#include <sys/utsname.h>
#include <unistd.h>

namespace skerry::loadgen {

namespace {

std::string_view trimmed(std::string_view text) noexcept {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string kernel_text() {
    utsname names{};
    if (::uname(&names) != 0) return "unknown";
    return std::string(names.sysname) + ' ' + names.release + ' ' + names.machine;
}

std::string compiler_text() {
#if defined(__clang__)
    return __VERSION__;  // "Clang 19.1.7 (...)": it names itself
#else
    return std::string("g++ ") + __VERSION__;
#endif
}

constexpr const char* build_text() noexcept {
#if defined(NDEBUG)
    return "release";
#else
    return "debug";
#endif
}

}  // namespace

std::string cpu_model(std::string_view cpuinfo) {
    while (!cpuinfo.empty()) {
        const auto line = cpuinfo.substr(0, cpuinfo.find('\n'));
        cpuinfo.remove_prefix(line.size() < cpuinfo.size() ? line.size() + 1 : line.size());
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || trimmed(line.substr(0, colon)) != "model name") continue;
        return std::string(trimmed(line.substr(colon + 1)));
    }
    return "unknown";
}

Fingerprint this_machine(std::string version) {
    std::ifstream file("/proc/cpuinfo");
    std::ostringstream cpuinfo;
    cpuinfo << file.rdbuf();
    const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
    return {cpu_model(cpuinfo.str()),
            cpus > 0 ? static_cast<unsigned>(cpus) : 0U,
            kernel_text(),
            compiler_text(),
            build_text(),
            std::move(version)};
}

}  // namespace skerry::loadgen
