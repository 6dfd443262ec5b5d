"""Memory: hugepages, and whether it may be locked."""

from machine import own, page_pools
from machine.condition import BAD, WARN, Condition, unless

WANTED_MIB = 512  # the packet buffers of a few queues


def conditions(machine):
    tree = machine.tree
    yield from hugepages(tree)
    yield memlock(tree)
    yield transparent_hugepages(tree)


def hugepages(tree):
    """One a node; one for the machine when it has none."""
    pools = page_pools.by_node(tree)
    for node in sorted({pool.node for pool in pools}, key=lambda node: node or 0) or [None]:
        yield hugepages_of(node, [pool for pool in pools if pool.node == node], free_mib(pools))


def free_mib(pools):
    return sum(pool.free * pool.size_kib for pool in pools) // 1024


def hugepages_of(node, pools, free_mib_anywhere):
    seen = ", ".join(f"{pool.free} of {pool.total} of {pool.size} free" for pool in pools) or "no pages of any size"
    where = "" if node is None else f" --node={node}"
    return Condition("hugepages" if node is None else f"hugepages_node{node}", seen,
                     f"DPDK's packet memory, on the node of the card; {WANTED_MIB} MiB are a good start",
                     f"sudo scripts/hugepages.sh reserve {WANTED_MIB // 2}{where}, or for a try on a virtual device "
                     "--dpdk='vdev=net_tap0;hugepages=off'",
                     dpdk=unless(free_mib(pools) >= WANTED_MIB, WARN if free_mib_anywhere else BAD))


def memlock(tree):
    limit, _ = own.limit(tree, "Max locked memory")
    reserved = sum(pool.total * pool.size_kib * 1024 for pool in page_pools.by_node(tree))
    needed = max(reserved, WANTED_MIB << 20)
    exempt = own.has(tree, "CAP_IPC_LOCK")
    lifted = ", but CAP_IPC_LOCK lifts it" if exempt else ""
    seen = "unlimited" if limit is None else f"{limit // 1024} KiB{lifted}"
    return Condition("memlock", seen, "VFIO counts all memory that a card may reach against this limit",
                     "ulimit -l unlimited; to keep it: /etc/security/limits.conf, or LimitMEMLOCK= of the service",
                     dpdk=unless(exempt or limit is None or limit >= needed, BAD))


def transparent_hugepages(tree):
    text = tree.read("/sys/kernel/mm/transparent_hugepage/enabled", "[never]")
    mode = text[text.find("[") + 1:text.find("]")]
    return Condition("transparent_hugepages", mode,
                     "with always, the kernel stops threads now and then to put pages together",
                     "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
                     dpdk=unless(mode != "always", WARN))
