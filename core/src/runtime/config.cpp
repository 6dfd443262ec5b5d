#include <skerry/runtime/config.hpp>

#include <skerry/topology/cpu_quota.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace skerry::runtime {

namespace {

namespace fs = std::filesystem;
using topology::CpuQuota;
using topology::CpuSet;

/// What the machine and the container leave to this process.
struct Surroundings {
    CpuSet online;
    CpuSet affinity;
    CpuSet available;               // affinity and cpuset
    std::optional<CpuQuota> quota;  // only one that can be felt: smaller than the available CPUs together
};

std::string quota_text(const CpuQuota& quota) {
    char text[32];  // std::to_chars and not printf: the decimal point must not follow the program's locale
    const auto end = std::to_chars(text, text + sizeof text, quota.cores, std::chars_format::general, 4).ptr;
    return "CPU quota " + std::string(text, end) + " (" + quota.source + ")";
}

// A sentence for one core or for more of them: "CPU 7 does" and "CPUs 7,9 do".
std::string cpus_text(const CpuSet& cpus, std::string_view verb_one, std::string_view verb_many) {
    const bool one = cpus.count() == 1;
    return (one ? "CPU " : "CPUs ") + cpus.to_string() + " " + std::string(one ? verb_one : verb_many);
}

Result<Surroundings, ConfigError> look_around(const fs::path& sysroot) {
    const Result<CpuSet> affinity = topology::affinity(sysroot);
    const Result<CpuSet> available = topology::available_cpus(sysroot);
    if (!affinity || !available)
        return ConfigError{"cannot read which CPUs this process may use: " +
                           (affinity ? available : affinity).error().message()};
    if (available->empty()) return ConfigError{"this process may use no CPU below " + std::to_string(CpuSet::max_cpus)};
    Surroundings around;
    around.affinity = *affinity;
    around.available = *available;
    // Where /sys is hidden, the CPUs that the scheduler allows are the ones known to exist.
    const Result<CpuSet> online = topology::online_cpus(sysroot);
    around.online = online ? *online : *affinity;
    around.quota = topology::cpu_quota(sysroot);
    if (around.quota && around.quota->cores >= around.available.count()) around.quota.reset();
    return around;
}

/// Empty when this process may run on all of `wanted`, else what stands against it.
std::string objection(const CpuSet& wanted, const Surroundings& around) {
    const std::string available = "; available: " + around.available.to_string();
    const CpuSet refused = wanted.minus(around.available);
    if (wanted.empty()) return "cores: no core is named" + available;
    if (refused.empty()) return {};
    const CpuSet absent = refused.minus(around.online);
    if (!absent.empty())
        return "cores: " + cpus_text(absent, "does not exist or is offline", "do not exist or are offline") + available;
    const CpuSet outside = refused.minus(around.affinity);
    if (!outside.empty())
        return "cores: " + cpus_text(outside, "is", "are") + " outside this process's affinity" + available;
    return "cores: " + cpus_text(refused, "is", "are") + " outside this process's cgroup cpuset" + available;
}

std::string zero_setting(const Config& config) {
    if (config.event_interval == 0) return "event_interval";
    if (config.task_budget == 0) return "task_budget";
    if (config.max_next_slot_runs == 0) return "max_next_slot_runs";
    if (config.blocking_threads_max == 0) return "blocking_threads_max";
    if (config.blocking_queue_max == 0) return "blocking_queue_max";
    return {};
}

CpuSet automatic_cores(const Config& config, const Surroundings& around, std::vector<std::string>& reasons) {
    std::string why = "auto: affinity and cpuset leave " + around.available.to_string();
    CpuSet cores = around.available;
    if (around.quota && around.quota->cores_ceil < cores.count()) {
        cores = cores.lowest(around.quota->cores_ceil);
        why += ", " + quota_text(*around.quota) + " pays for " + std::to_string(around.quota->cores_ceil);
    }
    if (config.flavour == Flavour::current_thread) {
        cores = cores.lowest(1);
        why += ", current_thread takes one";
    }
    reasons.push_back(std::move(why));
    return cores;
}

Result<CpuSet, ConfigError> named_cores(const Config& config, const Surroundings& around,
                                        std::vector<std::string>& reasons) {
    const CpuSet& cores = *config.cores;
    std::string wrong = objection(cores, around);
    if (!wrong.empty()) return ConfigError{std::move(wrong)};
    if (config.flavour == Flavour::current_thread && cores.count() > 1)
        return ConfigError{"cores: the flavour current_thread runs on one core, and " + cores.to_string() + " names " +
                           std::to_string(cores.count())};
    reasons.push_back("as configured");
    if (around.quota && around.quota->cores_ceil < cores.count())
        reasons.push_back(quota_text(*around.quota) + " pays for less than the " + std::to_string(cores.count()) +
                          " cores named: expect pauses under load");
    return cores;
}

bool decide_pinning(const Config& config, const Surroundings& around, std::vector<std::string>& reasons) {
    if (!config.pin) {
        reasons.push_back("not pinned: configured");
        return false;
    }
    if (around.quota && around.quota->fractional) {
        reasons.push_back("not pinned: " + quota_text(*around.quota) + " is no whole number of CPUs");
        return false;
    }
    if (config.flavour == Flavour::current_thread && !config.cores) {
        reasons.push_back("not pinned: current_thread leaves the caller's thread where it is");
        return false;
    }
    return true;
}

IdlePolicy idle_of(const Config& config, unsigned cpu) {
    const auto own = config.idle_of_core.find(cpu);
    return own != config.idle_of_core.end() ? own->second : config.idle.value_or(IdlePolicy::sleep);
}

void decide_idling(const Config& config, const Surroundings& around, CorePlan& plan, const CpuSet& cores) {
    const bool may_spin = !around.quota || !around.quota->fractional;
    plan.awake_max = around.available.count();
    if (around.quota) plan.awake_max = may_spin ? around.quota->cores_ceil : 0;  // it is smaller
    CpuSet overruled;
    for (const unsigned cpu : cores) {
        const IdlePolicy wanted = idle_of(config, cpu);
        if (!may_spin && wanted != IdlePolicy::sleep) overruled.insert(cpu);
        plan.cores.push_back({cpu, may_spin ? wanted : IdlePolicy::sleep});
    }
    if (!overruled.empty())
        plan.reasons.push_back("idle sleep on " + overruled.to_string() + ": spinning would use up " +
                               quota_text(*around.quota));
}

}  // namespace

std::string_view to_string(Flavour flavour) noexcept {
    return flavour == Flavour::current_thread ? "current_thread" : "per_core";
}

std::string_view to_string(IdlePolicy idle) noexcept {
    switch (idle) {
        case IdlePolicy::spin: return "spin";
        case IdlePolicy::adaptive: return "adaptive";
        case IdlePolicy::sleep: break;
    }
    return "sleep";
}

std::vector<std::string> parse_deny_list(std::string_view text) {
    constexpr std::string_view separators = ", \t\r\n";
    std::vector<std::string> names;
    std::size_t begin = text.find_first_not_of(separators);
    while (begin != std::string_view::npos) {
        const std::size_t end = std::min(text.find_first_of(separators, begin), text.size());
        names.emplace_back(text.substr(begin, end - begin));
        begin = text.find_first_not_of(separators, end);
    }
    return names;
}

std::vector<std::string> denied_by_environment() {
    const char* text = std::getenv("SKERRY_DENY");
    return text != nullptr ? parse_deny_list(text) : std::vector<std::string>{};
}

CpuSet CorePlan::cpus() const {
    CpuSet set;
    for (const PlannedCore& core : cores) set.insert(core.cpu);
    return set;
}

Result<CorePlan, ConfigError> resolve_cores(const Config& config, const fs::path& sysroot) {
    const std::string zero = zero_setting(config);
    if (!zero.empty()) return ConfigError{zero + ": 0 is too small; at least 1"};
    const Result<Surroundings, ConfigError> around = look_around(sysroot);
    if (!around) return around.error();

    CorePlan plan;
    const Result<CpuSet, ConfigError> cores =
        config.cores ? named_cores(config, *around, plan.reasons) : automatic_cores(config, *around, plan.reasons);
    if (!cores) return cores.error();
    for (const auto& [cpu, idle] : config.idle_of_core)
        if (!cores->contains(cpu))
            return ConfigError{"idle: CPU " + std::to_string(cpu) + " has the policy " + std::string(to_string(idle)) +
                               " but is not used; used: " + cores->to_string()};
    plan.pin = decide_pinning(config, *around, plan.reasons);
    decide_idling(config, *around, plan, *cores);
    return plan;
}

}  // namespace skerry::runtime
