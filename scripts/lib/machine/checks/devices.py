"""Network cards, what confines them, and how far they are from the CPUs."""

from machine import cpus, iommu, nics, numa
from machine.condition import BAD, OK, WARN, Condition, unless

VFIO = "/sys/bus/pci/drivers/vfio-pci"
NEAR = 10  # the firmware's figure for a node and itself


def conditions(machine):
    tree = machine.tree
    found = nics.all_of(tree)
    # Without a card to hand over, DPDK runs on virtual devices, which need neither IOMMU nor VFIO.
    severity = BAD if any(nic.driver not in nics.SHARED_DRIVERS for nic in found) else WARN
    yield iommu_on(tree, severity)
    yield vfio(tree, severity)
    if not found:
        yield Condition("nics", "no PCI network device", "DPDK without one has virtual devices only",
                        "--dpdk='vdev=net_memif0' and its like, or give the machine a card", dpdk=WARN)
    for nic in found:
        yield card(nic, found)
        yield distance(tree, nic)


def iommu_on(tree, severity):
    on, waived = iommu.is_on(tree), iommu.is_waived(tree)
    return Condition("iommu", "on" if on else "off, and waived" if waived else "off", iommu.MEANING, iommu.how_to(tree),
                     dpdk=OK if on else WARN if waived else severity)


def vfio(tree, severity):
    loaded = tree.exists(VFIO)
    return Condition("vfio", "loaded" if loaded else "not loaded", "the driver that hands a card to a program",
                     "sudo modprobe vfio-pci; to keep it: a line vfio-pci in /etc/modules-load.d/vfio.conf",
                     dpdk=unless(loaded, severity))


def card(nic, found):
    """One card is enough, and the one that the machine is reached by is not it as long as there is another."""
    used = "; ".join(["", *map(str, nic.uses)])
    seen = f"{nic.driver or 'no driver'}, {','.join(nic.interfaces) or 'no interface'}, link {nic.link}{used}"
    step = ("it carries what the machine is reached by; leave it and give the machine another card" if nic.needed_for
            else f"sudo scripts/nic.sh bind {nic.address}")
    is_fine = (any(other.is_ready_for_dpdk for other in found)
               or nic.needed_for and not all(other.needed_for for other in found))
    return Condition(f"nic_{nic.address}", seen, "DPDK needs one card that a driver for programs has", step,
                     dpdk=unless(is_fine, BAD))


def distance(tree, nic):
    allowed = cpus.allowed(tree)
    near = [figure for node in numa.nodes(tree) if nic.node is not None and numa.cpus_of(tree, node) & allowed
            and (figure := numa.distance(tree, nic.node, node)) is not None]
    verdict = unless(not near or min(near) <= NEAR, WARN)
    seen = f"card on node {nic.node}, nearest allowed CPU at distance {min(near)}" if near else "no node known"
    return Condition(f"numa_{nic.address}", seen, "from another node every packet crosses the link between them",
                     f"allow CPUs of node {nic.node}: taskset -c {cpus.show(numa.cpus_of(tree, nic.node))}",
                     fallback=verdict, dpdk=verdict)
