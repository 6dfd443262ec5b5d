#include <skerry/runtime/config.hpp>

#include "support/catch.hpp"
#include "support/temp_tree.hpp"

#include <cstdlib>

namespace skerry {
namespace {

using runtime::Config;
using runtime::CorePlan;
using runtime::Flavour;
using runtime::IdlePolicy;
using runtime::resolve_cores;
using tests::TempTree;
using topology::CpuSet;

/// A machine with CPUs 0 to 7, of which the affinity leaves 0 to 5 and the cpuset 2 to 7.
struct Machine : TempTree {
    Machine() {
        write("sys/devices/system/cpu/online", "0-7\n");
        write("proc/self/status", "Cpus_allowed_list:\t0-5\n");
        write("proc/self/mountinfo", "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        write("proc/self/cgroup", "0::/app\n");
        write("sys/fs/cgroup/app/cpuset.cpus.effective", "2-7\n");
    }
    void quota(std::string_view cpu_max) { write("sys/fs/cgroup/app/cpu.max", cpu_max); }
};

CpuSet cpus(std::string_view list) { return CpuSet::parse(list).value(); }

Config with_cores(std::string_view list) {
    Config config;
    config.cores = cpus(list);
    return config;
}

std::string refusal(const Config& config, const TempTree& tree) {
    const auto plan = resolve_cores(config, tree.root());
    return plan ? "accepted: " + plan->cpus().to_string() : plan.error().message;
}

TEST_CASE("automatic cores are what affinity and cpuset both leave", "[runtime][config]") {
    Machine machine;
    const CorePlan plan = resolve_cores(Config{}, machine.root()).value();

    CHECK(plan.cpus() == cpus("2-5"));
    CHECK(plan.pin);
    CHECK(plan.reasons == std::vector<std::string>{"auto: affinity and cpuset leave 2-5"});
}

TEST_CASE("a whole quota cuts the automatic cores and leaves pinning and spinning", "[runtime][config]") {
    Machine machine;
    machine.quota("200000 100000\n");
    Config config;
    config.idle = IdlePolicy::spin;
    const CorePlan plan = resolve_cores(config, machine.root()).value();

    CHECK(plan.cpus() == cpus("2,3"));
    CHECK(plan.pin);
    CHECK(plan.cores.front().idle == IdlePolicy::spin);
    CHECK(plan.awake_max == 2);
    CHECK(plan.reasons == std::vector<std::string>{"auto: affinity and cpuset leave 2-5, CPU quota 2 "
                                                   "(/sys/fs/cgroup/app/cpu.max) pays for 2"});
}

TEST_CASE("under a fractional quota nothing is pinned and nothing spins", "[runtime][config]") {
    const IdlePolicy wanted = GENERATE(IdlePolicy::spin, IdlePolicy::adaptive);
    Machine machine;
    machine.quota("150000 100000\n");
    Config config;
    config.idle = wanted;
    const CorePlan plan = resolve_cores(config, machine.root()).value();

    CHECK(plan.cpus() == cpus("2,3"));
    CHECK_FALSE(plan.pin);
    CHECK(plan.awake_max == 0);
    CHECK(plan.cores[0].idle == IdlePolicy::sleep);
    CHECK(plan.cores[1].idle == IdlePolicy::sleep);
    const std::string quota = "CPU quota 1.5 (/sys/fs/cgroup/app/cpu.max)";
    CHECK(plan.reasons == std::vector<std::string>{"auto: affinity and cpuset leave 2-5, " + quota + " pays for 2",
                                                   "not pinned: " + quota + " is no whole number of CPUs",
                                                   "idle sleep on 2,3: spinning would use up " + quota});
}

TEST_CASE("named cores do not spin under a fractional quota either", "[runtime][config]") {
    Machine machine;
    machine.quota("150000 100000\n");
    Config config = with_cores("3-5");
    config.idle_of_core[4] = IdlePolicy::spin;
    const CorePlan plan = resolve_cores(config, machine.root()).value();

    CHECK(plan.cpus() == cpus("3-5"));
    CHECK_FALSE(plan.pin);
    CHECK(plan.cores[1].idle == IdlePolicy::sleep);
    REQUIRE(plan.reasons.size() == 4);
    CHECK(plan.reasons[0] == "as configured");
    CHECK(plan.reasons[1] ==
          "CPU quota 1.5 (/sys/fs/cgroup/app/cpu.max) pays for less than the 3 cores named: expect pauses under load");
    CHECK_THAT(plan.reasons[3], Catch::StartsWith("idle sleep on 4: "));
}

TEST_CASE("a quota above all available CPUs limits nothing", "[runtime][config]") {
    Machine machine;
    machine.quota("450000 100000\n");
    Config config;
    config.idle = IdlePolicy::spin;
    const CorePlan plan = resolve_cores(config, machine.root()).value();

    CHECK(plan.cpus() == cpus("2-5"));
    CHECK(plan.pin);
    CHECK(plan.awake_max == 4);
    CHECK(plan.cores.front().idle == IdlePolicy::spin);
    CHECK(plan.reasons.size() == 1);
}

TEST_CASE("named cores are taken as they are", "[runtime][config]") {
    Machine machine;
    const CorePlan plan = resolve_cores(with_cores("3,5"), machine.root()).value();

    CHECK(plan.cpus() == cpus("3,5"));
    CHECK(plan.pin);
    CHECK(plan.reasons == std::vector<std::string>{"as configured"});
}

TEST_CASE("a core that does not exist is named in the error with what is available", "[runtime][config][error]") {
    Machine machine;

    CHECK(refusal(with_cores("3,9"), machine) == "cores: CPU 9 does not exist or is offline; available: 2-5");
    CHECK(refusal(with_cores("8-10"), machine) == "cores: CPUs 8-10 do not exist or are offline; available: 2-5");
}

TEST_CASE("a core outside the affinity is named in the error", "[runtime][config][error]") {
    Machine machine;

    CHECK(refusal(with_cores("5-7"), machine) == "cores: CPUs 6,7 are outside this process's affinity; available: 2-5");
}

TEST_CASE("a core outside the cpuset is named in the error", "[runtime][config][error]") {
    Machine machine;

    CHECK(refusal(with_cores("1,2"), machine) ==
          "cores: CPU 1 is outside this process's cgroup cpuset; available: 2-5");
}

TEST_CASE("an empty set of cores is an error", "[runtime][config][error]") {
    Machine machine;
    Config config;
    config.cores = CpuSet{};

    CHECK(refusal(config, machine) == "cores: no core is named; available: 2-5");
}

TEST_CASE("current_thread takes one core and leaves the caller's thread unpinned", "[runtime][config]") {
    Machine machine;
    Config config;
    config.flavour = Flavour::current_thread;
    const CorePlan plan = resolve_cores(config, machine.root()).value();

    CHECK(plan.cpus() == cpus("2"));
    CHECK_FALSE(plan.pin);
    CHECK(plan.reasons ==
          std::vector<std::string>{"auto: affinity and cpuset leave 2-5, current_thread takes one",
                                   "not pinned: current_thread leaves the caller's thread where it is"});
}

TEST_CASE("current_thread is pinned to the core that was named, and to one only", "[runtime][config]") {
    Machine machine;
    Config config = with_cores("4");
    config.flavour = Flavour::current_thread;
    CHECK(resolve_cores(config, machine.root()).value().pin);

    config.cores = cpus("3,4");
    CHECK(refusal(config, machine) == "cores: the flavour current_thread runs on one core, and 3,4 names 2");
}

TEST_CASE("pinning can be switched off", "[runtime][config]") {
    Machine machine;
    Config config;
    config.pin = false;
    const CorePlan plan = resolve_cores(config, machine.root()).value();

    CHECK_FALSE(plan.pin);
    CHECK(plan.reasons.back() == "not pinned: configured");
}

TEST_CASE("a core's own idle policy goes before the common one", "[runtime][config]") {
    Machine machine;
    Config config = with_cores("2,3");
    config.idle = IdlePolicy::adaptive;
    config.idle_of_core[3] = IdlePolicy::spin;
    const CorePlan plan = resolve_cores(config, machine.root()).value();

    CHECK(plan.cores[0].idle == IdlePolicy::adaptive);
    CHECK(plan.cores[1].idle == IdlePolicy::spin);
}

TEST_CASE("without an idle policy cores sleep", "[runtime][config]") {
    Machine machine;

    CHECK(resolve_cores(Config{}, machine.root()).value().cores.front().idle == IdlePolicy::sleep);
}

TEST_CASE("an idle policy for a core that is not used is an error", "[runtime][config][error]") {
    Machine machine;
    Config config = with_cores("2,3");
    config.idle_of_core[5] = IdlePolicy::spin;

    CHECK(refusal(config, machine) == "idle: CPU 5 has the policy spin but is not used; used: 2,3");
}

TEST_CASE("a limit of zero is an error that names the setting", "[runtime][config][error]") {
    Machine machine;
    const auto setting = GENERATE(&Config::event_interval, &Config::task_budget, &Config::max_next_slot_runs,
                                  &Config::blocking_threads_max, &Config::blocking_queue_max);
    Config config;
    config.*setting = 0;

    CHECK_THAT(refusal(config, machine), Catch::EndsWith(": 0 is too small; at least 1"));
}

TEST_CASE("a machine that tells nothing about its CPUs is an error", "[runtime][config][error]") {
    TempTree tree;

    CHECK_THAT(refusal(Config{}, tree), Catch::StartsWith("cannot read which CPUs this process may use: "));
}

TEST_CASE("the cores of this machine can be resolved", "[runtime][config]") {
    const CorePlan plan = resolve_cores(Config{}).value();

    CHECK_FALSE(plan.cores.empty());
    CHECK(plan.cpus().minus(topology::available_cpus().value()).empty());
}

TEST_CASE("a deny list is split at commas and blanks", "[runtime][config]") {
    CHECK(runtime::parse_deny_list("io_uring, dpdk,,") == std::vector<std::string>{"io_uring", "dpdk"});
    CHECK(runtime::parse_deny_list("").empty());
    CHECK(runtime::parse_deny_list(" , ").empty());
}

TEST_CASE("SKERRY_DENY is in a default configuration", "[runtime][config]") {
    const char* before = std::getenv("SKERRY_DENY");
    const std::string kept = before != nullptr ? before : "";

    setenv("SKERRY_DENY", "io_uring", 1);
    CHECK(Config{}.deny == std::vector<std::string>{"io_uring"});
    unsetenv("SKERRY_DENY");
    CHECK(Config{}.deny.empty());

    if (before != nullptr) setenv("SKERRY_DENY", kept.c_str(), 1);
}

}  // namespace
}  // namespace skerry
