"""The kernel: its age, io_uring, settings of its sockets, who moves interrupts, and what it runs in."""

import os
import re

from machine import cpus, io_uring
from machine.condition import OK, WARN, Condition, unless

RMEM_MIN, SOMAXCONN_MIN = 4 * 1024 * 1024, 1024


def conditions(machine):
    tree = machine.tree
    yield version(tree)
    yield uring_disabled(tree)
    yield uring_setup(tree, machine.try_io_uring)
    yield setting(tree, "net.core.rmem_max", RMEM_MIN, "the most that a UDP socket may hold of a burst")
    yield setting(tree, "net.core.somaxconn", SOMAXCONN_MIN, "connections that wait for accept; more are dropped")
    yield irqbalance(tree)
    yield surroundings(tree)


def release(tree):
    """(5, 10), or (0, 0) when it is not known."""
    found = re.match(r"(\d+)\.(\d+)", tree.read("/proc/sys/kernel/osrelease", ""))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def version(tree):
    seen = tree.read("/proc/sys/kernel/osrelease", "unknown")
    return Condition("kernel", seen,
                     "epoll_pwait2 (5.11) ends sleeps to the nanosecond; io_uring receives without end since 6.0",
                     "take a newer kernel: Debian 12 has 6.1",
                     fallback=unless(release(tree) >= (6, 0), WARN))


def uring_disabled(tree):
    value = tree.number("/proc/sys/kernel/io_uring_disabled", 0)
    return Condition("io_uring_disabled", str(value),
                     "1 keeps io_uring from users without a group, 2 from everybody; epoll takes its place",
                     "sudo sysctl kernel.io_uring_disabled=0", fallback=unless(value == 0, WARN))


def uring_setup(tree, attempt):
    why = "io_uring is there only if the call is let through; epoll takes its place"
    if attempt is None:
        return Condition("io_uring_setup", "not tried on a machine of files", why)
    error = attempt()
    if error == 0:
        return Condition("io_uring_setup", "works", why)
    by = io_uring.refused_by(error, release(tree), tree.number("/proc/sys/kernel/io_uring_disabled", 0))
    return Condition("io_uring_setup", f"{os.strerror(error)}, by {by}", why,
                     "in a container: --security-opt seccomp=PROFILE that allows io_uring_setup, _enter, _register",
                     fallback=WARN)


def setting(tree, name, least, why):
    """A missing one belongs to another network namespace, which a container does not see."""
    value = tree.number(f"/proc/sys/{name.replace('.', '/')}")
    return Condition(name, "not visible" if value is None else str(value), why, f"sudo sysctl {name}={least}",
                     fallback=unless(value is None or value >= least, WARN))


def irqbalance(tree):
    runs = any(tree.read(f"/proc/{process}/comm") == "irqbalance"
               for process in tree.names("/proc") if process.isdecimal())
    return Condition("irqbalance", "runs" if runs else "does not run", "it moves interrupts onto cores that poll",
                     "give it the polling CPUs in IRQBALANCE_BANNED_CPULIST, or: sudo systemctl stop irqbalance",
                     dpdk=unless(not runs, WARN))


def surroundings(tree):
    where = [*(["container"] if in_container(tree) else []),
             *(["virtual machine"] if "hypervisor" in (cpus.flags(tree) or ()) else [])]
    return Condition("runs_on", " in a ".join(where) or "bare metal",
                     "a virtual machine loses its CPU for milliseconds; a container has its host's hugepages and VFIO",
                     "run scripts/doctor on the host too; in a virtual machine, pin its CPUs there",
                     dpdk=WARN if where else OK)


def in_container(tree):
    marks = ("/.dockerenv", "/run/.containerenv", "/run/systemd/container")
    groups = tree.read("/proc/1/cgroup", "") + tree.read("/proc/self/cgroup", "")
    return (any(map(tree.exists, marks)) or bool(re.search(r"docker|kubepods|libpod|lxc|containerd", groups))
            or any(entry.startswith("container=") for entry in tree.read("/proc/1/environ", "").split("\0")))
