"""The IOMMU, which confines a device that a program drives to that program's memory, and VFIO's way without it."""

GROUPS = "/sys/kernel/iommu_groups"
NO_IOMMU_MODE = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
MEANING = "without an IOMMU a card that a program drives can write all of the machine's memory"
FLAGS_WITHOUT = "DPDK then wants --iova-mode=pa and CAP_SYS_RAWIO"


def is_on(tree):
    """VFIO makes groups of its own, of this name, for the ports that it gives out unconfined."""
    return any(tree.read(f"{GROUPS}/{group}/name") != "vfio-noiommu" for group in tree.names(GROUPS))


def is_waived(tree):
    return tree.read(NO_IOMMU_MODE) in ("Y", "1")


def how_to(tree):
    """The way to one, and the way without."""
    vendor = tree.read("/proc/cpuinfo", "")
    flag = ("switch on AMD-Vi in the firmware and boot with iommu=pt" if "AuthenticAMD" in vendor
            else "switch on VT-d in the firmware and boot with intel_iommu=on iommu=pt" if "GenuineIntel" in vendor
            else "switch it on in the firmware and boot with iommu=pt")
    return f"{flag}, or accept the risk: echo 1 | sudo tee {NO_IOMMU_MODE} ({FLAGS_WITHOUT})"
