"""CPUs: which, how much of them, how fast, and what time they keep."""

from machine import cgroup, cpus
from machine.condition import BAD, OK, WARN, Condition, unless

CLOCKS = "/sys/devices/system/clocksource/clocksource0"
# These are read without a system call.
FAST_CLOCKS = ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter")


def conditions(machine):
    tree = machine.tree
    allowed = cpus.allowed(tree)
    yield allowed_cpus(tree, allowed)
    yield quota(tree, allowed)
    yield isolated(tree, allowed)
    yield siblings(tree, allowed)
    yield governor(tree, allowed)
    yield turbo(tree)
    yield tsc(tree)
    yield clocksource(tree)


def allowed_cpus(tree, allowed):
    online = cpus.online(tree)
    return Condition("cpus", f"{cpus.show(allowed) or 'unknown'} of {cpus.show(online) or 'unknown'}",
                     "a core of the runtime is a thread pinned to one of these, by affinity and cpuset",
                     "one is left for the kernel and the application, none for polling: allow two or more",
                     dpdk=unless(len(allowed) > 1, WARN))


def quota(tree, allowed):
    limit = cgroup.quota(tree)
    if limit is None:
        return Condition("cpu_quota", "none", "a core that spins is stopped once a quota is burnt")
    cores = min(len(allowed) or limit.cores_ceil, limit.cores_ceil)
    return Condition("cpu_quota", f"{limit.cores:g} CPUs by {limit.source}, so --cores=auto takes {cores}",
                     "once it is burnt the group stands still for tens of milliseconds; under a fraction the runtime "
                     "neither pins nor spins", "give the container whole CPUs, or no limit",
                     fallback=unless(not limit.is_fractional, WARN), dpdk=unless(not limit.is_fractional, BAD))


def isolated(tree, allowed):
    found = cpus.isolated(tree)
    usable = found & allowed
    hint = (f"start with taskset -c {cpus.show(found)}: an isolated CPU is used only by who asks for it" if found
            else "boot with isolcpus=LIST nohz_full=LIST rcu_nocbs=LIST")
    seen = f"{cpus.show(found)}, {len(usable)} of them allowed" if found else "none"
    return Condition("isolated_cpus", seen,
                     "the kernel runs nothing else on these, so a core that polls is not interrupted", hint,
                     dpdk=unless(usable, WARN))


def siblings(tree, allowed):
    groups = cpus.sharing_a_core(tree, allowed)
    one_each = cpus.show(allowed - {cpu for group in groups for cpu in sorted(group)[1:]})
    return Condition("smt_siblings", " ".join(map(cpus.show, groups)) or "none among the allowed CPUs",
                     "two threads of one core that both poll halve each other's speed",
                     f"take one of each: --cores={one_each}", dpdk=unless(not groups, WARN))


def governor(tree, allowed):
    seen = {tree.read(f"{cpus.CPUS}/cpu{cpu}/cpufreq/scaling_governor") for cpu in allowed} - {None}
    return Condition("governor", ", ".join(sorted(seen)) or "not visible",
                     "another one than performance lowers the clock of a core that sleeps, and waking it takes longer",
                     "cpupower frequency-set -g performance",
                     fallback=unless(seen <= {"performance"}, WARN), dpdk=unless(seen <= {"performance"}, WARN))


def turbo(tree):
    no_turbo, boost = tree.read(f"{cpus.CPUS}/intel_pstate/no_turbo"), tree.read(f"{cpus.CPUS}/cpufreq/boost")
    state = {"0": "on", "1": "off"}.get(no_turbo) or {"1": "on", "0": "off"}.get(boost) or "not visible"
    return Condition("turbo", state, "with it on, a measurement depends on what the other cores do")


def tsc(tree):
    flags = cpus.flags(tree)
    if flags is None:
        return Condition("tsc", "no x86 CPU", "another counter is the clock: cntvct on arm64")
    missing = sorted({"constant_tsc", "nonstop_tsc"} - flags)
    return Condition("tsc", f"{' and '.join(missing)} missing" if missing else "invariant",
                     "the runtime's clock: read in 10 ns if it is invariant, else CLOCK_MONOTONIC takes its place",
                     "in a virtual machine, let the host pass the flag invtsc",
                     fallback=unless(not missing, WARN), dpdk=unless(not missing, WARN))


def clocksource(tree):
    current = tree.read(f"{CLOCKS}/current_clocksource", "unknown")
    can = tree.read(f"{CLOCKS}/available_clocksource", "")
    verdict = OK if current in FAST_CLOCKS + ("unknown",) else WARN
    hint = (f"echo tsc | sudo tee {CLOCKS}/current_clocksource" if "tsc" in can.split()
            else "boot with clocksource=tsc; dmesg says why the kernel gave the TSC up")
    return Condition("clocksource", current,
                     "with another one than the CPU's counter each look at the clock is a system call", hint,
                     fallback=verdict, dpdk=verdict)
