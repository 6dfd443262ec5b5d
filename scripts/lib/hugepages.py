"""Hugepages for DPDK's packet memory.

    hugepages.sh status                            pages by size and NUMA node, and where they are mounted
    hugepages.sh reserve N [--size=2M|1G] [--node=K]
                                                   makes a pool hold N pages: that of node K, or of all nodes together;
                                                   never makes one smaller
    hugepages.sh release                           gives every pool the size it had before the first `reserve`
"""

import sys

from machine import numa, page_pools
from machine.command import Parser, Refused, at_least, run
from machine.journal import Journal
from machine.tree import Tree

PROGRAM = "scripts/hugepages.sh"
ACCEPTED = "hugepages.sh status | reserve N [--size=2M|1G] [--node=K] | release"


def key_of(pool):
    return f"{pool.size} on {where(pool)}"


def where(pool):
    return "all nodes" if pool.node is None else f"node {pool.node}"


def status(tree):
    pools, mounts = page_pools.by_node(tree), page_pools.mounts(tree)
    if not pools:
        print("this kernel has no hugepages, or does not show them here")
        return
    print(f"{'size':<6}{'node':>5}{'total':>9}{'free':>9}  mounted at")
    for pool in pools:
        node = "-" if pool.node is None else pool.node
        points = ", ".join(mounts.get(pool.size_kib, [])) or "nowhere"
        print(f"{pool.size:<6}{node:>5}{pool.total:>9}{pool.free:>9}  {points}")


def chosen_pool(tree, size, node):
    if node is not None and node not in numa.nodes(tree):
        have = ", ".join(map(str, numa.nodes(tree))) or "none"
        raise Refused(f"there is no NUMA node {node}; the nodes here: {have}")
    pools = page_pools.all_nodes(tree) if node is None else page_pools.by_node(tree)
    pools = [pool for pool in pools if pool.node == node]
    for pool in pools:
        if pool.size == size:
            return pool
    have = ", ".join(pool.size for pool in pools) or "none"
    raise Refused(f"this kernel has no pages of {size}; it has {have}: choose with --size, or boot with "
                  f"hugepagesz={size}")


def remember(tree, size, node):
    """What the pools hold that a reservation may change: the kernel spreads one for all nodes over all of them."""
    journal = Journal(tree, "hugepages")
    for pool in page_pools.by_node(tree):
        if pool.size == size and node in (None, pool.node):
            journal.remember(key_of(pool), pool.total)


def reserve(tree, pages, size, node):
    pool = chosen_pool(tree, size, node)
    before = pool.total
    if before >= pages:
        print(f"{key_of(pool)}: {before} pages are there already, {pool.free} of them free; nothing to do")
        return
    refuse_to_starve(pool, pages)
    remember(tree, size, node)
    pool.resize(pages)
    if pool.total < pages:
        raise Refused(shortage(pool, pages))
    print(f"{key_of(pool)}: {before} -> {pool.total} pages, {pool.free} of them free; {PROGRAM} release undoes it")


def refuse_to_starve(pool, pages):
    """The kernel would hand out the last pages that keep the machine alive."""
    available = page_pools.available_kib(pool.tree)
    more_kib = (pages - pool.total) * pool.size_kib
    if available is not None and more_kib > available - available // 10:
        raise Refused(f"{key_of(pool)}: {pages - pool.total} more pages are {more_kib // 1024} MiB, "
                      f"{available // 1024} MiB are available and a tenth stays with the machine; ask for less, or end "
                      "other programs")


def shortage(pool, pages):
    got = pool.total
    free_mib = page_pools.free_kib(pool.tree, pool.node) // 1024
    missing_mib = (pages - got) * pool.size_kib // 1024
    why = (f"only {free_mib} MiB are free and {missing_mib} MiB are missing" if free_mib < missing_mib
           else f"{free_mib} MiB are free, but in pieces smaller than a page")
    count = pages if pool.node is None else f"{pool.node}:{pages}"
    return (f"{key_of(pool)}: got {got} of {pages} pages: {why}; boot with hugepagesz={pool.size} hugepages={count}, "
            f"when memory is still whole ({PROGRAM} release gives back what was got)")


def release(tree):
    journal = Journal(tree, "hugepages")
    if not journal.keys():
        print("nothing was reserved by this script; nothing to do")
    pools = {key_of(pool): pool for pool in page_pools.by_node(tree)}
    for key in journal.keys():
        if not journal.is_current(key):
            print(f"{key}: reserved before a reboot, which has undone it; nothing to do")
        elif key in pools:
            restore(pools[key], journal.recall(key))
        journal.forget(key)


def restore(pool, pages):
    before = pool.total
    if before != pages:
        pool.resize(pages)
    # The kernel takes a page that is in use out of the pool when its program lets it go.
    kept = pool.total - pages
    later = f"; {kept} are still in use and follow when their programs end" if kept > 0 else ""
    print(f"{key_of(pool)}: {before} -> {pages} pages{later}")


def main(arguments, tree=None):
    parser = Parser(PROGRAM, ACCEPTED, __doc__)
    _, reserving, _ = parser.add_verbs("status", "reserve", "release")
    reserving.add_argument("pages", metavar="N", type=at_least(1))
    reserving.add_argument("--size", choices=list(page_pools.SIZES), default="2M")
    reserving.add_argument("--node", metavar="K", type=at_least(0))
    options = parser.parse_args(arguments)
    acts = {"status": status, "release": release,
            "reserve": lambda tree: reserve(tree, options.pages, options.size, options.node)}
    return run(PROGRAM, arguments, tree or Tree(options.root), acts[options.verb])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
