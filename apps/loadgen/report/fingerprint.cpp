#include "fingerprint.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
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

/// The value of the first line `name : value`.
std::optional<std::string_view> cpuinfo_value(std::string_view cpuinfo, std::string_view name) {
    while (!cpuinfo.empty()) {
        const auto line = cpuinfo.substr(0, cpuinfo.find('\n'));
        cpuinfo.remove_prefix(line.size() < cpuinfo.size() ? line.size() + 1 : line.size());
        const auto colon = line.find(':');
        if (colon != std::string_view::npos && trimmed(line.substr(0, colon)) == name)
            return trimmed(line.substr(colon + 1));
    }
    return std::nullopt;
}

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// The first line of a file of /sys; `without` where there is none, or an empty one.
std::string line_of(const std::string& path, const char* without) {
    std::string text = text_of(path);
    text.erase(std::min(text.find('\n'), text.size()));
    return text.empty() ? without : text;
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
    return std::string(cpuinfo_value(cpuinfo, "model name").value_or("unknown"));
}

bool has_hypervisor(std::string_view cpuinfo) {
    const std::string flags = " " + std::string(cpuinfo_value(cpuinfo, "flags").value_or("")) + " ";
    return flags.find(" hypervisor ") != std::string::npos;
}

Fingerprint this_machine(std::string version, const std::string& root) {
    const std::string cpuinfo = text_of(root + "/proc/cpuinfo");
    const std::string devices = root + "/sys/devices/system/";
    const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
    Fingerprint machine;
    machine.cpu = cpu_model(cpuinfo);
    machine.cpus = cpus > 0 ? static_cast<unsigned>(cpus) : 0U;
    machine.kernel = kernel_text();
    machine.compiler = compiler_text();
    machine.build = build_text();
    machine.version = std::move(version);
    machine.is_virtual = has_hypervisor(cpuinfo);
    machine.governor = line_of(devices + "cpu/cpu0/cpufreq/scaling_governor", "none");
    machine.clock = line_of(devices + "clocksource/clocksource0/current_clocksource", "unknown");
    machine.isolated = line_of(devices + "cpu/isolated", "none");
    return machine;
}

}  // namespace skerry::loadgen
