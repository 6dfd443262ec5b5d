"""The PCI network devices, and what is known of each."""

from dataclasses import dataclass

from machine import interfaces, iommu
from machine.command import Refused

DEVICES = "/sys/bus/pci/devices"
NETWORK_CLASS = "0x02"
USER_DRIVERS = ("vfio-pci", "uio_pci_generic", "igb_uio")  # they hand the device to a program
# DPDK drives these through their kernel driver, which keeps the port.
SHARED_DRIVERS = ("mlx4_core", "mlx5_core", "mana")


@dataclass(frozen=True)
class Nic:
    address: str
    id: str  # vendor:device
    driver: str | None
    interfaces: tuple
    node: int | None
    group: str | None  # of the IOMMU
    link: str
    uses: tuple  # interfaces.Use

    @property
    def folder(self):
        return folder_of(self.address)

    @property
    def needed_for(self):
        return [use for use in self.uses if use.needed]

    @property
    def is_ready_for_dpdk(self):
        return self.driver in USER_DRIVERS + SHARED_DRIVERS


def folder_of(address):
    return f"{DEVICES}/{address}"


def all_of(tree):
    uses, seen = interfaces.uses(tree), interfaces.names(tree)
    return [nic_at(tree, address, uses, seen) for address in tree.names(DEVICES)
            if tree.read(f"{folder_of(address)}/class", "").startswith(NETWORK_CLASS)]


def find(tree, address):
    for nic in all_of(tree):
        if nic.address == address:
            return nic
    raise Refused(f"there is no PCI network device {address}; scripts/nic.sh list shows those that are")


def nic_at(tree, address, uses, seen):
    folder = folder_of(address)
    names, driver = interface_names(tree, folder), tree.link(f"{folder}/driver")
    node = tree.number(f"{folder}/numa_node", -1)
    carried = [use for name in names for stacked in interfaces.stacked_on(tree, name) for use in uses.get(stacked, [])]
    if driver and driver not in USER_DRIVERS and not seen.intersection(names):
        carried.append(interfaces.ELSEWHERE)
    return Nic(address=address, id=":".join(tree.read(f"{folder}/{part}", "?").removeprefix("0x")
                                            for part in ("vendor", "device")),
               driver=driver, interfaces=tuple(names), node=None if node < 0 else node,
               group=tree.link(f"{folder}/iommu_group"), link=link_of(tree, names), uses=tuple(dict.fromkeys(carried)))


def interface_names(tree, folder):
    """A virtio device has its interface one level further down."""
    below = [folder, *(f"{folder}/{name}" for name in tree.names(folder) if name.startswith("virtio"))]
    return [name for place in below for name in tree.names(f"{place}/net")]


def link_of(tree, names):
    if not names:
        return "-"
    if not any(tree.read(f"{interfaces.NET}/{name}/carrier") == "1" for name in names):
        return "down"
    speed = max(tree.number(f"{interfaces.NET}/{name}/speed", -1) for name in names)
    return f"up, {speed} Mb/s" if speed > 0 else "up"


def neighbours(tree, nic):
    """What shares the port's IOMMU group and keeps VFIO from giving it out: address and driver of each."""
    for address in tree.names(f"{iommu.GROUPS}/{nic.group}/devices") if nic.group else []:
        driver = tree.link(f"{folder_of(address)}/driver")
        if address != nic.address and driver not in (None, "vfio-pci", "pci-stub", "pcieport"):
            yield address, driver


def holders(tree, nic):
    """The processes that have the port open."""
    files = {f"/dev/vfio/{nic.group}", f"/dev/vfio/noiommu-{nic.group}",
             *(f"/dev/{name}" for name in tree.names(f"{nic.folder}/uio"))}
    return [int(process) for process in tree.names("/proc") if process.isdecimal()
            and any(tree.target(f"/proc/{process}/fd/{file}") in files for file in tree.names(f"/proc/{process}/fd"))]
