"""NUMA nodes: which there are, whose the CPUs are, how far apart they are."""

import re

from machine import cpus

NODES = "/sys/devices/system/node"


def nodes(tree):
    return sorted(int(name[4:]) for name in tree.names(NODES) if re.fullmatch(r"node\d+", name))


def cpus_of(tree, node):
    return cpus.parse(tree.read(f"{NODES}/node{node}/cpulist"))


def distance(tree, node, other):
    """The firmware's figure, 10 for the node itself; None when it is not known."""
    figures = dict(zip(nodes(tree), map(int, tree.read(f"{NODES}/node{node}/distance", "").split())))
    return figures.get(other)
