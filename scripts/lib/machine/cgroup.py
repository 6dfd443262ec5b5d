"""The limit that control groups set on CPU time: the smallest of this process's group and those above it.

The same rules as core/src/topology/cgroup.cpp, which the runtime asks: what this says is what a program will do.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Quota:
    quota_us: int
    period_us: int
    source: str

    @property
    def cores(self):
        return self.quota_us / self.period_us

    @property
    def is_fractional(self):
        return self.quota_us % self.period_us != 0

    @property
    def cores_ceil(self):
        return -(-self.quota_us // self.period_us)


def own_groups(tree):
    """(path in version 1's hierarchy of the controller cpu, path in version 2's), "/" where there is none."""
    v1 = v2 = "/"
    for line in tree.lines("/proc/self/cgroup"):
        number, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            v1 = path
        elif number == "0" and not controllers:
            v2 = path
    return v1, v2


def mount(tree, kind, option=None):
    """(root, point) of the first mounted hierarchy of a kind."""
    for line in tree.lines("/proc/self/mountinfo"):
        left, _, right = line.partition(" - ")
        fields = right.split()
        if fields[:1] == [kind] and (option is None or option in fields[2].split(",")):
            root, point = left.split()[3:5]
            return tuple(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path) for path in (root, point))
    return None


def levels(mounted, group):
    """The folders from the group up to the mount point. A group outside of it, as another namespace's, counts as it."""
    root, point = mounted
    below = PurePosixPath("/")
    if ".." not in group and (root == "/" or group == root or group.startswith(f"{root}/")):
        below = PurePosixPath(group if root == "/" else "/" + group[len(root):].lstrip("/"))
    return [point + str(level).rstrip("/") for level in (below, *below.parents)]


def quota_in(tree, folder):
    parts = tree.read(f"{folder}/cpu.max", "").split()
    source = f"{folder}/cpu.max"
    if not parts:
        parts = [tree.read(f"{folder}/cpu.cfs_{part}_us", "") for part in ("quota", "period")]
        source = f"{folder}/cpu.cfs_quota_us"
    if len(parts) == 2 and all(part.isdecimal() and int(part) > 0 for part in parts):  # else "max" or -1: no limit
        return Quota(int(parts[0]), int(parts[1]), source)
    return None


def quota(tree):
    v1, v2 = own_groups(tree)
    places = ((mount(tree, "cgroup", "cpu"), v1), (mount(tree, "cgroup2"), v2))
    folders = [folder for mounted, group in places if mounted for folder in levels(mounted, group)]
    found = [limit for folder in folders if (limit := quota_in(tree, folder))]
    return min(found, key=lambda limit: limit.cores, default=None)
