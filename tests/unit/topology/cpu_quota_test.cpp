#include <skerry/topology/cpu_quota.hpp>

#include "support/catch.hpp"
#include "support/temp_tree.hpp"

namespace skerry {
namespace {

using tests::TempTree;
using topology::cpu_quota;

/// A tree with a unified hierarchy and this process in /pod/app.
struct UnifiedTree : TempTree {
    UnifiedTree() {
        write("proc/self/mountinfo", "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        write("proc/self/cgroup", "0::/pod/app\n");
    }
};

/// A tree with version 1 hierarchies and this process in /pod/app of "cpu".
struct SplitTree : TempTree {
    SplitTree() {
        write("proc/self/mountinfo",
              "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
              "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
        write("proc/self/cgroup", "9:cpuset:/\n1:cpu,cpuacct:/pod/app\n0::/\n");
    }
};

TEST_CASE("version 2's cpu.max is a quota in cores", "[topology][cpu_quota]") {
    UnifiedTree tree;
    tree.write("sys/fs/cgroup/pod/app/cpu.max", "200000 100000\n");
    const auto quota = cpu_quota(tree.root());

    REQUIRE(quota);
    CHECK(quota->cores == 2.0);
    CHECK(quota->cores_ceil == 2);
    CHECK_FALSE(quota->fractional);
    CHECK(quota->source == "/sys/fs/cgroup/pod/app/cpu.max");
}

TEST_CASE("one and a half CPUs are a fractional quota of two", "[topology][cpu_quota]") {
    UnifiedTree tree;
    tree.write("sys/fs/cgroup/pod/app/cpu.max", "150000 100000\n");
    const auto quota = cpu_quota(tree.root());

    REQUIRE(quota);
    CHECK(quota->cores == 1.5);
    CHECK(quota->cores_ceil == 2);
    CHECK(quota->fractional);
}

TEST_CASE("less than one CPU is a fractional quota of one", "[topology][cpu_quota]") {
    UnifiedTree tree;
    tree.write("sys/fs/cgroup/pod/app/cpu.max", "1000 100000\n");
    const auto quota = cpu_quota(tree.root());

    REQUIRE(quota);
    CHECK(quota->cores_ceil == 1);
    CHECK(quota->fractional);
}

TEST_CASE("a whole quota stays whole under an odd period", "[topology][cpu_quota]") {
    UnifiedTree tree;
    tree.write("sys/fs/cgroup/pod/app/cpu.max", "99999 33333\n");
    const auto quota = cpu_quota(tree.root());

    REQUIRE(quota);
    CHECK(quota->cores_ceil == 3);
    CHECK_FALSE(quota->fractional);
}

TEST_CASE("cpu.max of max is no quota", "[topology][cpu_quota]") {
    UnifiedTree tree;
    tree.write("sys/fs/cgroup/pod/app/cpu.max", "max 100000\n");

    CHECK_FALSE(cpu_quota(tree.root()));
}

TEST_CASE("the smallest quota from the group up to the root wins", "[topology][cpu_quota]") {
    UnifiedTree tree;
    tree.write("sys/fs/cgroup/cpu.max", "800000 100000\n");
    tree.write("sys/fs/cgroup/pod/cpu.max", "150000 100000\n");
    tree.write("sys/fs/cgroup/pod/app/cpu.max", "400000 100000\n");
    const auto quota = cpu_quota(tree.root());

    REQUIRE(quota);
    CHECK(quota->cores == 1.5);
    CHECK(quota->source == "/sys/fs/cgroup/pod/cpu.max");
}

TEST_CASE("the quota of another group is not this process's", "[topology][cpu_quota]") {
    UnifiedTree tree;
    tree.write("sys/fs/cgroup/pod/other/cpu.max", "100000 100000\n");
    tree.write("sys/fs/cgroup/pod/app/below/cpu.max", "100000 100000\n");

    CHECK_FALSE(cpu_quota(tree.root()));
}

TEST_CASE("version 1's quota over its period is a quota in cores", "[topology][cpu_quota]") {
    SplitTree tree;
    tree.write("sys/fs/cgroup/cpu,cpuacct/pod/app/cpu.cfs_quota_us", "75000\n");
    tree.write("sys/fs/cgroup/cpu,cpuacct/pod/app/cpu.cfs_period_us", "50000\n");
    const auto quota = cpu_quota(tree.root());

    REQUIRE(quota);
    CHECK(quota->cores == 1.5);
    CHECK(quota->fractional);
    CHECK(quota->source == "/sys/fs/cgroup/cpu,cpuacct/pod/app/cpu.cfs_quota_us");
}

TEST_CASE("version 1's ancestors count too and -1 is no quota", "[topology][cpu_quota]") {
    SplitTree tree;
    tree.write("sys/fs/cgroup/cpu,cpuacct/pod/app/cpu.cfs_quota_us", "-1\n");
    tree.write("sys/fs/cgroup/cpu,cpuacct/pod/app/cpu.cfs_period_us", "100000\n");
    CHECK_FALSE(cpu_quota(tree.root()));

    tree.write("sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_quota_us", "300000\n");
    tree.write("sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_period_us", "100000\n");
    const auto quota = cpu_quota(tree.root());
    REQUIRE(quota);
    CHECK(quota->cores == 3.0);
}

TEST_CASE("a machine without cgroups has no quota", "[topology][cpu_quota]") {
    TempTree tree;

    CHECK_FALSE(cpu_quota(tree.root()));
}

TEST_CASE("a version 1 quota without a period is no quota", "[topology][cpu_quota][error]") {
    SplitTree tree;
    tree.write("sys/fs/cgroup/cpu,cpuacct/pod/app/cpu.cfs_quota_us", "75000\n");

    CHECK_FALSE(cpu_quota(tree.root()));
}

TEST_CASE("garbage sets no quota and hides none above it", "[topology][cpu_quota][error]") {
    UnifiedTree tree;
    tree.write("sys/fs/cgroup/pod/app/cpu.max",
               GENERATE("", "\n", "often", "0 100000", "100000 0", "100000", "-5 100000", "1e5 100000",
                        "100000 100000 7", "99999999999999999999 100000"));
    CHECK_FALSE(cpu_quota(tree.root()));

    tree.write("sys/fs/cgroup/pod/cpu.max", "250000 100000\n");
    const auto quota = cpu_quota(tree.root());
    REQUIRE(quota);
    CHECK(quota->cores == 2.5);
}

}  // namespace
}  // namespace skerry
