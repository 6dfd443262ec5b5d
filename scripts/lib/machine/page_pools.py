"""Hugepages: the kernel's pools, one for each size and NUMA node, and where each size is mounted."""

import re
from dataclasses import dataclass

from machine import numa

SIZES = {"2M": 2048, "1G": 1024 * 1024}  # KiB, as in the names of the kernel's folders
ALL_NODES = "/sys/kernel/mm/hugepages"
UNITS = {"K": 1, "M": 1024, "G": 1024 * 1024}


@dataclass(frozen=True)
class Pool:
    tree: object
    size_kib: int
    node: int | None  # None: all nodes together
    folder: str

    @property
    def size(self):
        return size_name(self.size_kib)

    @property
    def total(self):
        return self.tree.number(f"{self.folder}/nr_hugepages", 0)

    @property
    def free(self):
        return self.tree.number(f"{self.folder}/free_hugepages", 0)

    def resize(self, pages):
        """Asks for so many pages; the kernel gives what it finds and reports no error when that is less."""
        self.tree.write(f"{self.folder}/nr_hugepages", f"{pages}\n")


def size_name(size_kib):
    return next((name for name, kib in SIZES.items() if kib == size_kib), f"{size_kib}K")


def pools_in(tree, folder, node):
    for name in tree.names(folder):
        if match := re.fullmatch(r"hugepages-(\d+)kB", name):
            yield Pool(tree, int(match[1]), node, f"{folder}/{name}")


def by_node(tree):
    """Every pool, by size and node. A kernel without NUMA has none by node: there is one of each size then."""
    found = [pool for node in numa.nodes(tree)
             for pool in pools_in(tree, f"{numa.NODES}/node{node}/hugepages", node)]
    return sorted(found or all_nodes(tree), key=lambda pool: (pool.size_kib, pool.node or 0))


def all_nodes(tree):
    return sorted(pools_in(tree, ALL_NODES, None), key=lambda pool: pool.size_kib)


def mounts(tree):
    """Size in KiB -> mount points."""
    found = {}
    for line in tree.lines("/proc/mounts"):
        fields = line.split()
        if len(fields) > 3 and fields[2] == "hugetlbfs":
            size = re.search(r"pagesize=(\d+)([KMG])", fields[3])
            found.setdefault(int(size[1]) * UNITS[size[2]] if size else default_size(tree), []).append(fields[1])
    return found


def default_size(tree):
    line = next((line for line in tree.lines("/proc/meminfo") if line.startswith("Hugepagesize:")), "x 2048 kB")
    return int(line.split()[1])


def free_kib(tree, node):
    """Memory that nobody uses, on a node or on all."""
    where = "/proc/meminfo" if node is None else f"{numa.NODES}/node{node}/meminfo"
    return memory_kib(tree, where, "MemFree") or 0


def available_kib(tree):
    """What the kernel could give out, with the caches of files; None when it does not say."""
    return memory_kib(tree, "/proc/meminfo", "MemAvailable")


def memory_kib(tree, where, field):
    found = re.search(rf"{field}:\s+(\d+) kB", tree.read(where, ""))
    return int(found[1]) if found else None
