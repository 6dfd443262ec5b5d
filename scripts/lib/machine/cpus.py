"""The CPUs of this machine: lists of them, which this process may use, which are two threads of one core."""

import re

from machine import own

CPUS = "/sys/devices/system/cpu"


def parse(text):
    """The kernel's list format, `0,2-4`, as a set; an empty text is an empty set."""
    cpus = set()
    for part in (text or "").strip().split(","):
        first, _, last = part.partition("-")
        if first.strip().isdecimal():
            cpus.update(range(int(first), int(last or first) + 1))
    return cpus


def show(cpus):
    """The same format, for people and for taskset."""
    parts, left = [], sorted(cpus)
    while left:
        end = next((at for at in range(1, len(left)) if left[at] != left[0] + at), len(left))
        parts.append(str(left[0]) if end == 1 else f"{left[0]}-{left[end - 1]}")
        left = left[end:]
    return ",".join(parts)


def allowed(tree):
    """Affinity and cpuset together: the kernel keeps the one within the other."""
    return parse(own.status(tree, "Cpus_allowed_list"))


def online(tree):
    return parse(tree.read(f"{CPUS}/online"))


def isolated(tree):
    return parse(tree.read(f"{CPUS}/isolated"))


def sharing_a_core(tree, cpus):
    """The groups of those among `cpus` that are two threads of one core."""
    groups = {frozenset(parse(tree.read(f"{CPUS}/cpu{cpu}/topology/thread_siblings_list")) & cpus) for cpu in cpus}
    return sorted((group for group in groups if len(group) > 1), key=min)


def flags(tree):
    found = re.search(r"(?m)^flags\s*:(.*)$", tree.read("/proc/cpuinfo", ""))
    return set(found[1].split()) if found else None
