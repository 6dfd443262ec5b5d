#include <skerry/topology/bind_thread.hpp>
#include <skerry/topology/cpu_set.hpp>

#include "cgroup.hpp"

#include <cerrno>
#include <charconv>
#include <sched.h>

namespace skerry::topology {

namespace {

namespace fs = std::filesystem;

// The kernel refuses a mask that is shorter than its own; 8192 CPUs are the most that x86-64 can be built for.
constexpr std::size_t kernel_mask_words = 8192 / 64;
using KernelMask = std::array<std::uint64_t, kernel_mask_words>;

// glibc's cpu_set_t is an array of unsigned long, and its functions take any length.
cpu_set_t* as_cpu_set_t(std::uint64_t* mask) { return reinterpret_cast<cpu_set_t*>(mask); }

CpuListError list_error(std::string_view text, std::string what) {
    return {"CPU list \"" + std::string(text) + "\": " + std::move(what) + "; write for example 0,2-4"};
}

/// A CPU number, or what is wrong with it.
Result<unsigned, std::string> cpu_number(std::string_view text) {
    const std::string quoted = "\"" + std::string(text) + "\"";
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
        return Unexpected(quoted + " is not a CPU number");
    unsigned cpu = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cpu);
    if (error != std::errc{} || cpu >= CpuSet::max_cpus)
        return Unexpected(quoted + " is above the highest CPU number, " + std::to_string(CpuSet::max_cpus - 1));
    return cpu;
}

/// Adds `3` or `2-4`; returns what is wrong, or an empty text.
std::string insert_item(CpuSet& set, std::string_view item) {
    const std::size_t dash = item.find('-');
    const bool is_range = dash != std::string_view::npos && dash > 0;
    const Result<unsigned, std::string> first = cpu_number(is_range ? item.substr(0, dash) : item);
    if (!first) return first.error();
    const Result<unsigned, std::string> last = is_range ? cpu_number(item.substr(dash + 1)) : first;
    if (!last) return last.error();
    if (*last < *first) return "the range \"" + std::string(item) + "\" runs backwards";
    for (unsigned cpu = *first; cpu <= *last; ++cpu) set.insert(cpu);
    return {};
}

std::optional<CpuSet> read_cpu_list(const fs::path& path) {
    const std::optional<std::string> text = read_small_file(path);
    if (!text) return std::nullopt;
    const Result<CpuSet, CpuListError> set = CpuSet::parse(*text);
    return set ? std::optional(*set) : std::nullopt;
}

std::optional<CpuSet> recorded_affinity(const fs::path& sysroot) {
    constexpr std::string_view key = "Cpus_allowed_list:";
    const std::optional<std::string> status = read_small_file(sysroot / "proc/self/status");
    std::string_view rest = status ? std::string_view(*status) : std::string_view();
    while (!rest.empty()) {
        const std::string_view line = take_until(rest, '\n');
        if (!line.starts_with(key)) continue;
        const Result<CpuSet, CpuListError> set = CpuSet::parse(line.substr(key.size()));
        return set ? std::optional(*set) : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace

Result<CpuSet, CpuListError> CpuSet::parse(std::string_view text) {
    const std::string_view list = trimmed(text);
    if (list.empty()) return Unexpected(list_error(list, "no CPU is named"));
    CpuSet set;
    std::string_view rest = list;
    bool more = true;
    while (more) {
        more = rest.find(',') != std::string_view::npos;
        std::string wrong = insert_item(set, trimmed(take_until(rest, ',')));
        if (!wrong.empty()) return Unexpected(list_error(list, std::move(wrong)));
    }
    return set;
}

std::string CpuSet::to_string() const {
    std::string out;
    for (unsigned first = next(0); first < max_cpus;) {
        unsigned last = first;
        while (contains(last + 1)) ++last;
        if (!out.empty()) out += ',';
        out += std::to_string(first);
        if (last > first) out += (last == first + 1 ? ',' : '-') + std::to_string(last);
        first = next(last + 1);
    }
    return out;
}

Result<CpuSet> current_affinity() {
    KernelMask mask{};
    if (sched_getaffinity(0, sizeof mask, as_cpu_set_t(mask.data())) != 0) return Error::from_os(errno);
    CpuSet set;
    for (unsigned cpu = 0; cpu < CpuSet::max_cpus; ++cpu)
        if ((mask[cpu / 64] >> (cpu % 64) & 1) != 0) set.insert(cpu);
    return set;
}

Result<CpuSet> online_cpus(const fs::path& sysroot) {
    const fs::path path = sysroot / "sys/devices/system/cpu/online";
    if (const std::optional<CpuSet> set = read_cpu_list(path)) return *set;
    std::error_code ignored;
    return fs::exists(path, ignored) ? Errc::invalid_argument : Errc::not_found;
}

Result<CpuSet> affinity(const fs::path& sysroot) {
    if (sysroot == "/") return current_affinity();
    if (const std::optional<CpuSet> set = recorded_affinity(sysroot)) return *set;
    return online_cpus(sysroot);
}

std::optional<CpuSet> cgroup_cpus(const fs::path& sysroot) {
    const CgroupLevels levels = cgroup_levels(sysroot, "cpuset");
    for (const fs::path& group : levels.v1) {
        if (const auto set = read_cpu_list(group / "cpuset.effective_cpus")) return set;
        if (const auto set = read_cpu_list(group / "cpuset.cpus")) return set;
    }
    for (const fs::path& group : levels.v2)
        if (const auto set = read_cpu_list(group / "cpuset.cpus.effective")) return set;
    return std::nullopt;
}

Result<CpuSet> available_cpus(const fs::path& sysroot) {
    const Result<CpuSet> allowed = affinity(sysroot);
    if (!allowed) return allowed.error();
    const std::optional<CpuSet> group = cgroup_cpus(sysroot);
    if (!group) return *allowed;
    const CpuSet both = allowed->intersect(*group);
    return both.empty() ? *allowed : both;
}

Result<> pin_current_thread(unsigned cpu) {
    if (cpu >= CpuSet::max_cpus) return Errc::invalid_argument;
    return bind_current_thread(CpuSet::range(cpu, cpu + 1));
}

Result<> bind_current_thread(const CpuSet& cpus) {
    KernelMask mask{};
    for (const unsigned cpu : cpus) mask[cpu / 64] |= std::uint64_t{1} << (cpu % 64);
    if (sched_setaffinity(0, sizeof mask, as_cpu_set_t(mask.data())) != 0) return Error::from_os(errno);
    return {};
}

}  // namespace skerry::topology
