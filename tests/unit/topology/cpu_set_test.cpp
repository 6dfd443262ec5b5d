#include <skerry/topology/cpu_set.hpp>

#include "support/catch.hpp"
#include "support/temp_tree.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <thread>
#include <vector>

namespace skerry {
namespace {

using tests::TempTree;
using topology::CpuSet;

CpuSet cpus(std::string_view list) { return CpuSet::parse(list).value(); }

std::string refusal(std::string_view list) {
    const auto set = CpuSet::parse(list);
    return set ? "accepted as " + set->to_string() : set.error().message;
}

constexpr std::string_view v2_mounts = "35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

TEST_CASE("a CPU list names single CPUs and ranges", "[topology][cpu_set]") {
    const CpuSet set = cpus("0,2-4");
    const std::vector<unsigned> members(set.begin(), set.end());

    CHECK(members == std::vector<unsigned>{0, 2, 3, 4});
    CHECK(set.count() == 4);
    CHECK(set.contains(3));
    CHECK_FALSE(set.contains(1));
    CHECK_FALSE(set.contains(5000));
}

TEST_CASE("a CPU list from /sys may end in a newline and have blanks", "[topology][cpu_set]") {
    CHECK(cpus(" 0-1, 3\n").to_string() == "0,1,3");
}

TEST_CASE("a CPU list reads back as it is written", "[topology][cpu_set]") {
    const std::string list = GENERATE("0", "0,1", "0-2", "5,7-9,63-65,1023", "0-1023");

    CHECK(cpus(list).to_string() == list);
}

TEST_CASE("a CPU that is named twice is in the set once", "[topology][cpu_set]") {
    CHECK(cpus("1,0-2,1").count() == 3);
}

TEST_CASE("a refused CPU list quotes the part that is wrong", "[topology][cpu_set][error]") {
    CHECK(refusal("0,x") == "CPU list \"0,x\": \"x\" is not a CPU number; write for example 0,2-4");
    CHECK(refusal("4-2") == "CPU list \"4-2\": the range \"4-2\" runs backwards; write for example 0,2-4");
    CHECK(refusal("0-1024") ==
          "CPU list \"0-1024\": \"1024\" is above the highest CPU number, 1023; write for example 0,2-4");
    CHECK(refusal("x\n") == "CPU list \"x\": \"x\" is not a CPU number; write for example 0,2-4");
    CHECK(refusal("") == "CPU list \"\": no CPU is named; write for example 0,2-4");
}

TEST_CASE("a CPU list with signs, gaps or open ranges is refused", "[topology][cpu_set][error]") {
    const std::string list = GENERATE("-1", "0,", ",0", "1-", "0,,1", "+1", "1-2-3", "0x1", "99999999999999999999");

    CHECK_THAT(refusal(list), Catch::StartsWith("CPU list \"" + list + "\": "));
}

TEST_CASE("the common CPUs of two sets are those in both", "[topology][cpu_set]") {
    CHECK(cpus("0-5,900").intersect(cpus("4-8,900")) == cpus("4,5,900"));
    CHECK(cpus("0-5").minus(cpus("1,4-9")) == cpus("0,2-3"));
    CHECK(cpus("0,1").intersect(cpus("2")).empty());
}

TEST_CASE("lowest takes the lowest CPUs and no more than there are", "[topology][cpu_set]") {
    CHECK(cpus("3,70,71").lowest(2) == cpus("3,70"));
    CHECK(cpus("3,70").lowest(9) == cpus("3,70"));
    CHECK(cpus("3").lowest(0).empty());
}

TEST_CASE("an erased CPU is gone and the others stay", "[topology][cpu_set]") {
    CpuSet set = CpuSet::range(62, 67);
    set.erase(64);
    set.erase(4000);

    CHECK(set.to_string() == "62,63,65,66");
}

TEST_CASE("an empty set has nothing to walk over", "[topology][cpu_set]") {
    const CpuSet none;

    CHECK(none.begin() == none.end());
    CHECK(none.to_string().empty());
    CHECK(none.empty());
}

TEST_CASE("a pinned thread has an affinity of one CPU", "[topology][cpu_set]") {
    const CpuSet allowed = topology::current_affinity().value();
    REQUIRE_FALSE(allowed.empty());
    const unsigned cpu = *allowed.begin();
    bool pinned = false;
    CpuSet after;
    CpuSet asked_by_path;

    std::thread([&] {
        pinned = topology::pin_current_thread(cpu).has_value();
        after = topology::current_affinity().value();
        asked_by_path = topology::affinity("/").value();
    }).join();

    CHECK(pinned);
    CHECK(after.to_string() == std::to_string(cpu));
    CHECK(asked_by_path == after);
    CHECK(topology::current_affinity().value() == allowed);
}

TEST_CASE("pinning to a CPU that does not exist is an error", "[topology][cpu_set][error]") {
    CHECK(topology::pin_current_thread(CpuSet::max_cpus).error() == Errc::invalid_argument);
    CHECK(topology::pin_current_thread(CpuSet::max_cpus - 1).error() == Errc::invalid_argument);
}

// For the calling thread alone, and for good.
bool forbid(long system_call) {
    std::array<sock_filter, 4> program{
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(system_call), 0, 1),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST_CASE("a filter that forbids the calls is told as permission_denied", "[topology][cpu_set][error]") {
    const unsigned cpu = *topology::current_affinity().value().begin();
    bool is_filtered = false;
    Error pinned;
    Error asked;
    Error asked_for_available;

    std::thread([&] {
        is_filtered = forbid(SYS_sched_setaffinity) && forbid(SYS_sched_getaffinity);
        if (!is_filtered) return;
        pinned = topology::pin_current_thread(cpu).error();
        asked = topology::current_affinity().error();
        asked_for_available = topology::available_cpus().error();
    }).join();

    if (!is_filtered) return;  // no seccomp here
    CHECK(pinned == Errc::permission_denied);
    CHECK(asked == Errc::permission_denied);
    CHECK(asked_for_available == Errc::permission_denied);
}

TEST_CASE("this process may use at least one CPU, all within its affinity", "[topology][cpu_set]") {
    const CpuSet available = topology::available_cpus().value();

    CHECK_FALSE(available.empty());
    CHECK(available.minus(topology::current_affinity().value()).empty());
}

TEST_CASE("the affinity of a recorded tree is the one its status file has", "[topology][cpu_set]") {
    TempTree tree;
    tree.write("sys/devices/system/cpu/online", "0-7\n");
    tree.write("proc/self/status", "Name:\tx\nCpus_allowed:\t0c\nCpus_allowed_list:\t2-3\nMems_allowed_list:\t0\n");

    CHECK(topology::affinity(tree.root()).value() == cpus("2,3"));
    CHECK(topology::online_cpus(tree.root()).value() == cpus("0-7"));
}

TEST_CASE("a recorded tree without a status file allows the online CPUs", "[topology][cpu_set]") {
    TempTree tree;
    tree.write("sys/devices/system/cpu/online", "0-3\n");

    CHECK(topology::available_cpus(tree.root()).value() == cpus("0-3"));
}

TEST_CASE("online CPUs are an error when the file is missing or garbage", "[topology][cpu_set][error]") {
    TempTree tree;
    CHECK(topology::online_cpus(tree.root()).error() == Errc::not_found);
    CHECK(topology::available_cpus(tree.root()).error() == Errc::not_found);

    tree.write("sys/devices/system/cpu/online", "many\n");
    CHECK(topology::online_cpus(tree.root()).error() == Errc::invalid_argument);
}

TEST_CASE("a version 2 cpuset cuts the affinity", "[topology][cpu_set][cgroup]") {
    TempTree tree;
    tree.write("proc/self/status", "Cpus_allowed_list:\t0-7\n");
    tree.write("proc/self/mountinfo", v2_mounts);
    tree.write("proc/self/cgroup", "0::/system.slice/app.service\n");
    tree.write("sys/fs/cgroup/system.slice/app.service/cpuset.cpus.effective", "6-9\n");

    CHECK(topology::cgroup_cpus(tree.root()) == cpus("6-9"));
    CHECK(topology::available_cpus(tree.root()).value() == cpus("6,7"));
}

TEST_CASE("a group without a cpuset has that of its nearest ancestor", "[topology][cpu_set][cgroup]") {
    TempTree tree;
    tree.write("proc/self/mountinfo", v2_mounts);
    tree.write("proc/self/cgroup", "0::/a/b/c\n");
    tree.write("sys/fs/cgroup/cpuset.cpus.effective", "0-7\n");
    tree.write("sys/fs/cgroup/a/cpuset.cpus.effective", "0-3\n");
    tree.write("sys/fs/cgroup/a/b/c/cgroup.procs", "1\n");

    CHECK(topology::cgroup_cpus(tree.root()) == cpus("0-3"));
}

TEST_CASE("a version 1 cpuset is read from its own hierarchy", "[topology][cpu_set][cgroup]") {
    TempTree tree;
    tree.write("proc/self/mountinfo",
               "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
               "34 31 0:31 / /sys/fs/cgroup/sets rw shared:9 - cgroup cgroup rw,cpuset\n");
    tree.write("proc/self/cgroup", "5:cpu,cpuacct:/x\n3:cpuset:/jobs/one\n0::/\n");
    tree.write("sys/fs/cgroup/sets/jobs/one/cpuset.cpus", "1-2\n");

    CHECK(topology::cgroup_cpus(tree.root()) == cpus("1,2"));
}

TEST_CASE("a container's mount point stands for the group it shows", "[topology][cpu_set][cgroup]") {
    TempTree tree;
    tree.write("proc/self/mountinfo", "33 31 0:30 /docker/abc /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n");
    tree.write("proc/self/cgroup", "3:cpuset:/docker/abc/inner\n");
    tree.write("sys/fs/cgroup/cpuset/cpuset.effective_cpus", "0-3\n");
    tree.write("sys/fs/cgroup/cpuset/inner/cpuset.effective_cpus", "2\n");

    CHECK(topology::cgroup_cpus(tree.root()) == cpus("2"));
}

TEST_CASE("a group outside of what is mounted falls back to the mount's root", "[topology][cpu_set][cgroup]") {
    const std::string group = GENERATE("/docker/abcd/inner", "/../other", "/elsewhere");
    TempTree tree;
    tree.write("proc/self/mountinfo", "33 31 0:30 /docker/abc /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n");
    tree.write("proc/self/cgroup", "3:cpuset:" + group + "\n");
    tree.write("sys/fs/cgroup/cpuset/cpuset.effective_cpus", "0-3\n");
    tree.write("sys/fs/cgroup/cpuset/d/inner/cpuset.effective_cpus", "1\n");

    CHECK(topology::cgroup_cpus(tree.root()) == cpus("0-3"));
}

TEST_CASE("a group of another namespace does not lead out of the mount point", "[topology][cpu_set][cgroup]") {
    TempTree tree;
    tree.write("proc/self/mountinfo", v2_mounts);
    tree.write("proc/self/cgroup", "0::/../other\n");
    tree.write("sys/fs/cgroup/cpuset.cpus.effective", "0-3\n");
    tree.write("sys/fs/other/cpuset.cpus.effective", "1\n");

    CHECK(topology::cgroup_cpus(tree.root()) == cpus("0-3"));
}

TEST_CASE("a mount point with a blank in its name is found", "[topology][cpu_set][cgroup]") {
    TempTree tree;
    tree.write("proc/self/mountinfo", "35 24 0:30 / /my\\040groups rw - cgroup2 cgroup2 rw\n");
    tree.write("my groups/cpuset.cpus.effective", "4\n");

    CHECK(topology::cgroup_cpus(tree.root()) == cpus("4"));
}

TEST_CASE("without a mount table the usual places are tried", "[topology][cpu_set][cgroup]") {
    TempTree tree;
    tree.write("proc/self/cgroup", "0::/app\n");
    tree.write("sys/fs/cgroup/app/cpuset.cpus.effective", "3\n");

    CHECK(topology::cgroup_cpus(tree.root()) == cpus("3"));
}

TEST_CASE("a garbage, empty or missing cpuset leaves the affinity alone", "[topology][cpu_set][cgroup]") {
    TempTree tree;
    tree.write("proc/self/status", "Cpus_allowed_list:\t0-7\n");
    CHECK(topology::available_cpus(tree.root()).value() == cpus("0-7"));

    tree.write("proc/self/mountinfo", v2_mounts);
    tree.write("sys/fs/cgroup/cpuset.cpus.effective", GENERATE("\n", "what?\n"));
    CHECK(topology::available_cpus(tree.root()).value() == cpus("0-7"));
}

TEST_CASE("a cpuset without a common CPU is another group's and leaves the affinity alone",
          "[topology][cpu_set][cgroup]") {
    TempTree tree;
    tree.write("proc/self/status", "Cpus_allowed_list:\t0-1\n");
    tree.write("proc/self/mountinfo", v2_mounts);
    tree.write("sys/fs/cgroup/cpuset.cpus.effective", "4-7\n");

    CHECK(topology::available_cpus(tree.root()).value() == cpus("0,1"));
}

}  // namespace
}  // namespace skerry
