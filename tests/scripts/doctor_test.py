#!/usr/bin/env python3
"""scripts/doctor: a machine on which all is well, and each condition with what is wrong about it."""

import errno
import importlib.machinery
import importlib.util
import json
import subprocess
import unittest

from fake_machine import ROOT, call
from fake_nics import DEVICES, MachineWithNics

PORT, OTHER = "0000:01:00.0", "0000:02:00.0"
OK, WARN, BAD = "ok", "warn", "bad"
CPU, NODE, SYSCTL = "/sys/devices/system/cpu", "/sys/devices/system/node", "/proc/sys"
CLOCKS = "/sys/devices/system/clocksource/clocksource0"
LIMITS = "Max open files            {0}               {1}               files\n" \
         "Max locked memory         {2}               {2}               bytes\n"
MOUNTS = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
MOUNTS_V1 = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"


def load_doctor():
    """It has no suffix by which import would find it."""
    loader = importlib.machinery.SourceFileLoader("doctor", str(ROOT / "scripts/doctor"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("doctor", loader))
    loader.exec_module(module)
    return module


doctor = load_doctor()


class HealthyMachine(MachineWithNics):
    """Two nodes with two CPUs each, all isolated and allowed; one card, bound."""

    FILES = {
        f"{CPU}/online": "0-3", f"{CPU}/isolated": "0-3", f"{CPU}/intel_pstate/no_turbo": "1",
        "/proc/self/status": "Cpus_allowed_list:\t0-3\nCapEff:\t000001ffffffffff\n",
        "/proc/cpuinfo": "vendor_id : GenuineIntel\nflags : fpu constant_tsc nonstop_tsc\n",
        f"{CLOCKS}/current_clocksource": "tsc", f"{CLOCKS}/available_clocksource": "tsc hpet",
        "/proc/self/limits": LIMITS.format(1048576, 1048576, "unlimited"),
        "/sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
        f"{SYSCTL}/kernel/osrelease": "6.1.0-30-amd64", f"{SYSCTL}/kernel/io_uring_disabled": "0",
        f"{SYSCTL}/net/core/rmem_max": "16777216", f"{SYSCTL}/net/core/somaxconn": "4096",
        "/sys/kernel/iommu_groups/12/name": "",
        f"{NODE}/node0/cpulist": "0-1", f"{NODE}/node1/cpulist": "2-3",
        f"{NODE}/node0/distance": "10 21", f"{NODE}/node1/distance": "21 10",
    }

    def __init__(self, case):
        super().__init__(case)
        for name, text in self.FILES.items():
            self.put(name, text)
        for cpu in range(4):
            self.put(f"{CPU}/cpu{cpu}/topology/thread_siblings_list", str(cpu))
            self.put(f"{CPU}/cpu{cpu}/cpufreq/scaling_governor", "performance")
        for node in range(2):
            self.pages(node, 512)
        self.add_driver("vfio-pci")
        self.add_nic(PORT, driver="vfio-pci", group="12", node=0)

    def pages(self, node, free):
        for name in ("nr_hugepages", "free_hugepages"):
            self.put(f"{NODE}/node{node}/hugepages/hugepages-2048kB/{name}", str(free))

    def allow(self, cpus, capabilities="000001ffffffffff"):
        self.put("/proc/self/status", f"Cpus_allowed_list:\t{cpus}\nCapEff:\t{capabilities}\n")


class DoctorTest(unittest.TestCase):
    def setUp(self):
        self.machine = HealthyMachine(self)
        self.uring_error = 0

    def run_it(self, *arguments):
        return call(doctor.main, self.whole_machine(), *arguments)

    def whole_machine(self):
        return doctor.Machine(self.machine, lambda: self.uring_error)

    def conditions(self):
        return {condition.name: condition for condition in doctor.examine(self.whole_machine())}

    def check(self, name, fallback, dpdk, value="", step=""):
        """The two verdicts, words of what was seen, and words of the next step, which is there unless all is well."""
        condition = self.conditions()[name]
        for mode, verdict in (("fallback", fallback), ("dpdk", dpdk)):
            found = condition.judged(mode)
            self.assertEqual(found["verdict"], verdict, f"{mode}: {found}")
            self.assertIn(value, found["value"])
            self.assertIn("" if verdict == OK else step, found["next"])
            self.assertEqual(bool(found["next"]), verdict != OK)


class Report(DoctorTest):
    def test_a_healthy_machine_is_fine_for_both(self):
        for mode in ("fallback", "dpdk"):
            code, out, _ = self.run_it(f"--for={mode}", "--json")
            self.assertEqual([found for found in json.loads(out) if found["verdict"] != OK], [])
            self.assertEqual(code, 0)

    def test_looks_at_every_condition(self):
        self.assertEqual(list(self.conditions()), [
            "cpus", "cpu_quota", "isolated_cpus", "smt_siblings", "governor", "turbo", "tsc", "clocksource",
            "hugepages_node0", "hugepages_node1", "memlock", "transparent_hugepages", "open_files", "cap_net_raw",
            "cap_net_admin", "cap_bpf", "cap_sys_nice", "cap_ipc_lock", "kernel", "io_uring_disabled", "io_uring_setup",
            "net.core.rmem_max", "net.core.somaxconn", "irqbalance", "runs_on", "iommu", "vfio", f"nic_{PORT}",
            f"numa_{PORT}"])

    def test_a_line_has_verdict_name_value_reason_and_step(self):
        self.machine.put(f"{SYSCTL}/net/core/somaxconn", "128")
        lines = self.run_it()[1].splitlines()
        self.assertEqual(len(lines), len(self.conditions()))
        self.assertIn("warn  net.core.somaxconn:     128 | connections that wait for accept; more are dropped -> "
                      "sudo sysctl net.core.somaxconn=1024", lines)

    def test_json_has_the_same_and_five_fields_each(self):
        for found in json.loads(self.run_it("--json")[1]):
            self.assertEqual(list(found), ["name", "value", "verdict", "why", "next"])
            self.assertTrue(found["value"] and found["why"], found)

    def test_exit_code_follows_what_is_judged(self):
        for node in range(2):
            self.machine.pages(node, 0)
        self.assertEqual([self.run_it()[0], self.run_it("--for=dpdk")[0]], [0, 1])
        self.machine.put("/proc/self/limits", LIMITS.format(64, 64, "unlimited"))
        self.assertEqual(self.run_it()[0], 1)

    def test_changes_nothing(self):
        self.run_it("--for=dpdk")
        self.assertEqual(self.machine.written, [])

    def test_a_machine_that_shows_nothing_is_survived(self):
        self.machine = MachineWithNics(self)
        self.assertGreater(len(self.conditions()), 20)

    def test_a_wrong_command_says_what_is_accepted(self):
        for wrong in ("--for=epoll", "--xml", "now", "--js"):
            code, out, err = self.run_it(wrong)
            self.assertEqual((code, out, err.count("\n")), (2, "", 1))
            self.assertIn("accepted: doctor [--for=fallback|dpdk] [--json]", err)

    def test_root_looks_at_another_machine(self):
        done = subprocess.run([ROOT / "scripts/doctor", f"--root={self.machine.root}", "--json"], capture_output=True,
                              text=True, check=False)
        found = {finding["name"]: finding["value"] for finding in json.loads(done.stdout)}
        self.assertEqual((found["cpus"], found["kernel"]), ("0-3 of 0-3", "6.1.0-30-amd64"))
        self.assertIn("not tried", found["io_uring_setup"])

    def test_the_script_runs_on_this_machine(self):
        for mode in ("fallback", "dpdk"):
            done = subprocess.run([ROOT / "scripts/doctor", f"--for={mode}", "--json"], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.stderr, "")
            bad = [finding for finding in json.loads(done.stdout) if finding["verdict"] == BAD]
            self.assertEqual(done.returncode, 1 if bad else 0)


class Cpus(DoctorTest):
    def test_one_cpu_is_few(self):
        self.machine.allow("2")
        self.check("cpus", OK, WARN, "2 of 0-3", "two or more")

    def test_a_fraction_of_a_cpu(self):
        self.machine.put("/proc/self/mountinfo", MOUNTS)
        self.machine.put("/proc/self/cgroup", "0::/a/b\n")
        self.machine.put("/sys/fs/cgroup/a/cpu.max", "150000 100000")
        self.machine.put("/sys/fs/cgroup/a/b/cpu.max", "max 100000")
        self.check("cpu_quota", WARN, BAD, "1.5 CPUs by /sys/fs/cgroup/a/cpu.max, so --cores=auto takes 2",
                   "whole CPUs")

    def test_the_smallest_quota_counts_and_a_whole_one_is_fine(self):
        self.machine.put("/proc/self/mountinfo", MOUNTS)
        self.machine.put("/proc/self/cgroup", "0::/a\n")
        self.machine.put("/sys/fs/cgroup/cpu.max", "200000 100000")
        self.machine.put("/sys/fs/cgroup/a/cpu.max", "350000 100000")
        self.check("cpu_quota", OK, OK, "2 CPUs by /sys/fs/cgroup/cpu.max")

    def test_a_fraction_by_version_1(self):
        self.machine.put("/proc/self/mountinfo", MOUNTS_V1)
        self.machine.put("/proc/self/cgroup", "4:cpu,cpuacct:/docker/x\n0::/\n")
        folder = "/sys/fs/cgroup/cpu,cpuacct/docker/x"
        self.machine.put(f"{folder}/cpu.cfs_quota_us", "50000")
        self.machine.put(f"{folder}/cpu.cfs_period_us", "100000")
        self.check("cpu_quota", WARN, BAD, f"0.5 CPUs by {folder}/cpu.cfs_quota_us, so --cores=auto takes 1")

    def test_a_container_sees_its_group_at_the_mount_point(self):
        self.machine.put("/proc/self/mountinfo", MOUNTS.replace(" / /sys", " /pod/7 /sys"))
        self.machine.put("/proc/self/cgroup", "0::/pod/7/own\n")
        self.machine.put("/sys/fs/cgroup/own/cpu.max", "250000 100000")
        self.check("cpu_quota", WARN, BAD, "2.5 CPUs by /sys/fs/cgroup/own/cpu.max")

    def test_no_isolated_cpu(self):
        self.machine.put(f"{CPU}/isolated", "")
        self.check("isolated_cpus", OK, WARN, "none", "isolcpus=LIST")

    def test_isolated_cpus_that_are_not_allowed(self):
        self.machine.put(f"{CPU}/isolated", "2-3")
        self.machine.allow("0-1")
        self.check("isolated_cpus", OK, WARN, "2-3, 0 of them allowed", "taskset -c 2-3")

    def test_threads_of_one_core(self):
        for cpu in range(4):
            self.machine.put(f"{CPU}/cpu{cpu}/topology/thread_siblings_list", f"{cpu % 2},{cpu % 2 + 2}")
        self.check("smt_siblings", OK, WARN, "0,2 1,3", "--cores=0-1")
        self.machine.allow("0-1")
        self.check("smt_siblings", OK, OK, "none")

    def test_a_governor_that_saves_power(self):
        self.machine.put(f"{CPU}/cpu3/cpufreq/scaling_governor", "powersave")
        self.check("governor", WARN, WARN, "performance, powersave", "cpupower")
        self.machine.allow("0-2")
        self.check("governor", OK, OK, "performance")

    def test_turbo_by_either_driver(self):
        self.check("turbo", OK, OK, "off")
        self.machine.unlink(f"{CPU}/intel_pstate/no_turbo")
        self.check("turbo", OK, OK, "not visible")
        self.machine.put(f"{CPU}/cpufreq/boost", "1")
        self.check("turbo", OK, OK, "on")

    def test_a_tsc_that_stops(self):
        self.machine.put("/proc/cpuinfo", "flags : fpu constant_tsc\n")
        self.check("tsc", WARN, WARN, "nonstop_tsc missing", "invtsc")

    def test_a_machine_without_tsc(self):
        self.machine.put("/proc/cpuinfo", "Features : fp asimd\n")
        self.check("tsc", OK, OK, "no x86 CPU")

    def test_a_slow_clocksource(self):
        self.machine.put(f"{CLOCKS}/current_clocksource", "hpet")
        self.check("clocksource", WARN, WARN, "hpet", "echo tsc | sudo tee")
        self.machine.put(f"{CLOCKS}/available_clocksource", "hpet acpi_pm")
        self.check("clocksource", WARN, WARN, "hpet", "boot with clocksource=tsc")


class Memory(DoctorTest):
    def test_no_hugepages(self):
        for node in range(2):
            self.machine.pages(node, 0)
        self.check("hugepages_node1", OK, BAD, "0 of 0 of 2M free", "sudo scripts/hugepages.sh reserve 256 --node=1")

    def test_hugepages_on_the_other_node_only(self):
        self.machine.pages(1, 0)
        self.check("hugepages_node0", OK, OK)
        self.check("hugepages_node1", OK, WARN)

    def test_too_few_hugepages(self):
        self.machine.pages(0, 255)
        self.check("hugepages_node0", OK, WARN, "255 of 255")

    def test_memlock_below_what_is_reserved(self):
        self.machine.allow("0-3", capabilities="0")
        self.machine.put("/proc/self/limits", LIMITS.format(1048576, 1048576, 1 << 30))  # 2 GiB are reserved
        self.check("memlock", OK, BAD, "1048576 KiB", "ulimit -l unlimited")
        self.machine.pages(1, 0)
        self.check("memlock", OK, OK)

    def test_memlock_that_a_capability_lifts(self):
        self.machine.put("/proc/self/limits", LIMITS.format(1048576, 1048576, 65536))
        self.check("memlock", OK, OK, "64 KiB, but CAP_IPC_LOCK lifts it")

    def test_transparent_hugepages_always(self):
        self.machine.put("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never")
        self.check("transparent_hugepages", OK, WARN, "always", "echo madvise")


class Process(DoctorTest):
    def test_few_descriptors(self):
        self.machine.put("/proc/self/limits", LIMITS.format(1024, 1048576, "unlimited"))
        self.check("open_files", WARN, OK, "1024, at most 1048576", "ulimit -n 65536")

    def test_hardly_any_descriptors(self):
        self.machine.put("/proc/self/limits", LIMITS.format(64, 64, "unlimited"))
        self.check("open_files", BAD, WARN, "64, at most 64", "more: /etc/security/limits.conf")
        self.assertNotIn("ulimit -n", self.conditions()["open_files"].next)  # which could not raise it

    def test_each_capability(self):
        for name, bit in (("net_admin", 12), ("net_raw", 13), ("ipc_lock", 14), ("sys_nice", 23)):
            with self.subTest(name):
                self.machine.allow("0-3", capabilities=f"{(1 << 41) - 1 - (1 << bit):x}")
                self.check(f"cap_{name}", OK, WARN, "not held", f"setcap cap_{name}+ep")
                self.machine.allow("0-3", capabilities=f"{1 << bit:x}")
                self.check(f"cap_{name}", OK, OK, "held")


class Kernel(DoctorTest):
    def test_an_old_kernel(self):
        self.machine.put(f"{SYSCTL}/kernel/osrelease", "5.10.0-33-amd64")
        self.check("kernel", WARN, OK, "5.10.0-33-amd64", "newer kernel")

    def test_io_uring_switched_off(self):
        self.machine.put(f"{SYSCTL}/kernel/io_uring_disabled", "2")
        self.uring_error = errno.EPERM
        self.check("io_uring_disabled", WARN, OK, "2", "sysctl kernel.io_uring_disabled=0")
        self.check("io_uring_setup", WARN, OK, "by the sysctl kernel.io_uring_disabled=2")

    def test_io_uring_refused_by_seccomp(self):
        for error in (errno.EPERM, errno.ENOSYS):
            self.uring_error = error
            self.check("io_uring_setup", WARN, OK, "by a seccomp filter", "seccomp=PROFILE")

    def test_a_kernel_before_io_uring(self):
        self.machine.put(f"{SYSCTL}/kernel/osrelease", "4.19.0")
        self.uring_error = errno.ENOSYS
        self.check("io_uring_setup", WARN, OK, "by a kernel older than 5.1")

    def test_a_small_receive_buffer(self):
        self.machine.put(f"{SYSCTL}/net/core/rmem_max", "212992")
        self.check("net.core.rmem_max", WARN, OK, "212992", "sysctl net.core.rmem_max=4194304")

    def test_a_short_accept_queue(self):
        self.machine.put(f"{SYSCTL}/net/core/somaxconn", "128")
        self.check("net.core.somaxconn", WARN, OK, "128", "sysctl net.core.somaxconn=1024")

    def test_a_setting_that_a_container_does_not_see(self):
        self.machine.unlink(f"{SYSCTL}/net/core/rmem_max")
        self.check("net.core.rmem_max", OK, OK, "not visible")

    def test_irqbalance(self):
        self.machine.put("/proc/77/comm", "irqbalance")
        self.check("irqbalance", OK, WARN, "runs", "IRQBALANCE_BANNED_CPULIST")

    def test_a_virtual_machine(self):
        self.machine.put("/proc/cpuinfo", "flags : constant_tsc nonstop_tsc hypervisor\n")
        self.check("runs_on", OK, WARN, "virtual machine", "on the host")

    def test_a_container_by_each_of_its_marks(self):
        for name, text in (("/.dockerenv", ""), ("/run/.containerenv", ""), ("/proc/self/cgroup", "0::/kubepods/x"),
                           ("/proc/1/environ", "A=1\0container=lxc\0")):
            with self.subTest(name):
                self.machine = HealthyMachine(self)
                self.check("runs_on", OK, OK, "bare metal")
                self.machine.put(name, text)
                self.check("runs_on", OK, WARN, "container", "on the host")


class Devices(DoctorTest):
    def test_no_iommu(self):
        self.machine.unlink("/sys/kernel/iommu_groups/12/name")
        self.machine.put("/sys/kernel/iommu_groups/12/name", "vfio-noiommu")  # a group that VFIO made itself
        self.check("iommu", OK, BAD, "off", "intel_iommu=on iommu=pt")

    def test_an_iommu_that_was_waived(self):
        self.machine.put("/sys/kernel/iommu_groups/12/name", "vfio-noiommu")
        self.machine.put("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y")
        self.check("iommu", OK, WARN, "off, and waived")

    def test_no_vfio(self):
        self.machine.path("/sys/bus/pci/drivers/vfio-pci/unbind").unlink()
        self.machine.path("/sys/bus/pci/drivers/vfio-pci").rmdir()
        self.check("vfio", OK, BAD, "not loaded", "sudo modprobe vfio-pci")

    def test_without_a_card_neither_iommu_nor_vfio_is_needed(self):
        self.machine = MachineWithNics(self)
        for name in ("iommu", "vfio"):
            self.check(name, OK, WARN)
        self.check("nics", OK, WARN, "no PCI network device", "vdev=net_memif0")

    def test_a_card_that_the_kernel_has(self):
        self.machine.add_nic(PORT, driver="ixgbe", interface="eth1", group="12")
        self.check(f"nic_{PORT}", OK, BAD, "ixgbe, eth1, link up", f"sudo scripts/nic.sh bind {PORT}")

    def test_the_only_card_carries_the_default_route(self):
        self.machine.add_nic(PORT, driver="ixgbe", interface="eth1", group="12")
        self.machine.default_route("eth1")
        self.check(f"nic_{PORT}", OK, BAD, "link up; default route IPv4", "give the machine another card")

    def test_a_card_of_another_namespace(self):
        self.machine.add_nic(PORT, driver="ixgbe", group="12")
        self.check(f"nic_{PORT}", OK, BAD, "link -; in another network namespace", f"bind {PORT}")

    def test_of_two_cards_the_one_with_the_default_route_stays(self):
        self.machine.add_nic(PORT, driver="ixgbe", interface="eth1", group="12")
        self.machine.add_nic(OTHER, interface="eth2", group="13")
        self.machine.default_route("eth1")
        self.check(f"nic_{PORT}", OK, OK)
        self.check(f"nic_{OTHER}", OK, BAD, "", f"bind {OTHER}")

    def test_one_bound_card_is_enough(self):
        self.machine.add_nic(OTHER, interface="eth2", group="13")
        self.check(f"nic_{OTHER}", OK, OK)

    def test_a_card_that_dpdk_shares_with_the_kernel_needs_no_vfio(self):
        self.machine.add_nic(PORT, driver="mlx5_core", interface="eth1", group="12")
        self.check(f"nic_{PORT}", OK, OK, "mlx5_core")
        self.machine.put("/sys/kernel/iommu_groups/12/name", "vfio-noiommu")
        self.check("iommu", OK, WARN)

    def test_a_card_on_a_far_node(self):
        self.machine.allow("2-3")
        self.check(f"numa_{PORT}", WARN, WARN, "card on node 0, nearest allowed CPU at distance 21", "taskset -c 0-1")

    def test_a_card_whose_node_is_unknown(self):
        self.machine.put(f"{DEVICES}/{PORT}/numa_node", "-1")
        self.check(f"numa_{PORT}", OK, OK, "no node known")


if __name__ == "__main__":
    unittest.main()
