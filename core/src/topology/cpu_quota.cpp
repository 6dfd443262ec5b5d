#include <skerry/topology/cpu_quota.hpp>

#include "cgroup.hpp"

#include <charconv>
#include <cstdint>
#include <limits>

namespace skerry::topology {

namespace {

namespace fs = std::filesystem;

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// "max" and version 1's -1 are no limit, and neither is anything that is not two positive numbers.
std::optional<CpuQuota> quota_from(std::string_view quota_us, std::string_view period_us, const fs::path& source) {
    const std::optional<std::int64_t> quota = whole_number(quota_us);
    const std::optional<std::int64_t> period = whole_number(period_us);
    if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
    const std::int64_t rounded_up = *quota / *period + (*quota % *period != 0 ? 1 : 0);
    CpuQuota result;
    result.cores = static_cast<double>(*quota) / static_cast<double>(*period);
    result.fractional = *quota % *period != 0;
    result.cores_ceil = rounded_up > std::numeric_limits<int>::max() ? std::numeric_limits<int>::max()
                                                                     : static_cast<unsigned>(rounded_up);
    result.source = source.string();
    return result;
}

std::optional<CpuQuota> quota_of_v1(const fs::path& group) {
    const std::optional<std::string> quota = read_small_file(group / "cpu.cfs_quota_us");
    const std::optional<std::string> period = read_small_file(group / "cpu.cfs_period_us");
    if (!quota || !period) return std::nullopt;
    return quota_from(*quota, *period, group / "cpu.cfs_quota_us");
}

std::optional<CpuQuota> quota_of_v2(const fs::path& group) {
    const std::optional<std::string> line = read_small_file(group / "cpu.max");
    if (!line) return std::nullopt;
    std::string_view period = *line;
    const std::string_view quota = take_until(period, ' ');
    return quota_from(quota, trimmed(period), group / "cpu.max");
}

void keep_smaller(std::optional<CpuQuota>& smallest, std::optional<CpuQuota> other) {
    if (other && (!smallest || other->cores < smallest->cores)) smallest = std::move(other);
}

}  // namespace

std::optional<CpuQuota> cpu_quota(const fs::path& sysroot) {
    const CgroupLevels levels = cgroup_levels(sysroot, "cpu");
    std::optional<CpuQuota> smallest;
    for (const fs::path& group : levels.v1) keep_smaller(smallest, quota_of_v1(group));
    for (const fs::path& group : levels.v2) keep_smaller(smallest, quota_of_v2(group));
    if (smallest) smallest->source = "/" + fs::path(smallest->source).lexically_relative(sysroot).string();
    return smallest;
}

}  // namespace skerry::topology
