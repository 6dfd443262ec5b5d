"""Gives a PCI network device to a driver for programs, and back.

driver_override is the mechanism: it names the one driver that may take a device, so that no other device with the
same id follows, as would with new_id. The order of the writes matters: the override comes first and is the one that
fails without rights, when nothing has changed; the journal comes before the port leaves its driver.
"""

from machine import interfaces, iommu, nics
from machine.command import Refused
from machine.journal import Journal

PROBE = "/sys/bus/pci/drivers_probe"
SUBJECT = "nics"


def override_of(tree, nic):
    text = tree.read(f"{nic.folder}/driver_override", "")
    return "" if text == "(null)" else text


def set_override(tree, nic, driver):
    tree.write(f"{nic.folder}/driver_override", f"{driver}\n")


def probe(tree, nic):
    """Takes the device from its driver and lets the kernel look for one. Returns the one that took it."""
    if tree.link(f"{nic.folder}/driver"):
        tree.write(f"{nic.folder}/driver/unbind", nic.address)
    tree.write(PROBE, nic.address)
    return tree.link(f"{nic.folder}/driver")


def bind(tree, address, driver):
    """Returns what happened and what else there is to know, in lines."""
    nic = nics.find(tree, address)
    if nic.driver == driver:
        return [f"{address} has the driver {driver} already; nothing to do"]
    refuse_needed(nic)
    refuse_driver(tree, nic, driver)
    refuse_held(tree, nic)
    take(tree, nic, driver)
    return [f"{address}: {nic.driver or 'no driver'} -> {driver}; scripts/nic.sh unbind {address} undoes it",
            *notes(tree, nics.find(tree, address), lost=nic.uses)]


def take(tree, nic, driver):
    journal, override = Journal(tree, SUBJECT), override_of(tree, nic)
    set_override(tree, nic, driver)
    was_known = journal.is_current(nic.address)
    journal.remember(nic.address, {"driver": nic.driver, "override": override, "id": nic.id})
    try:
        got, why = probe(tree, nic), "the last lines of dmesg may say why"
    except OSError as error:
        got, why = None, error.strerror
    if got != driver:
        set_override(tree, nic, override)
        back = probe(tree, nic)
        if not was_known:
            journal.forget(nic.address)
        raise Refused(f"{nic.address}: {driver} did not take the port ({why}); it is back with {back or 'no driver'}")


def refuse_needed(nic):
    if interfaces.ELSEWHERE in nic.uses:
        raise Refused(f"{nic.address}: {nic.driver} has it and no interface of it is in this network namespace, so "
                      "another may need it; run this there (the host's: sudo nsenter -t 1 -n), or if there is none, "
                      f"first: echo {nic.address} | sudo tee {nic.folder}/driver/unbind")
    if nic.needed_for:
        use = nic.needed_for[0]
        raise Refused(f"{nic.address} ({', '.join(nic.interfaces)}) carries the {use}, which would end; "
                      "move that to another port, or choose another: scripts/nic.sh list")


def refuse_driver(tree, nic, driver):
    if nic.driver in nics.SHARED_DRIVERS:
        raise Refused(f"{nic.address}: DPDK drives this card through {nic.driver}, which keeps it; no need to bind, "
                      f"name it with --dpdk='pci={nic.address}'")
    if not tree.exists(f"/sys/bus/pci/drivers/{driver}"):
        raise Refused(f"the driver {driver} is not loaded; run: sudo modprobe {driver}")
    if driver == "vfio-pci" and not nic.group and not iommu.is_waived(tree):
        raise Refused(f"{nic.address} is behind no IOMMU: {iommu.MEANING}, so VFIO does not give it out; "
                      f"{iommu.how_to(tree)}")


def refuse_held(tree, nic):
    """The kernel would let the caller wait, deaf to signals, until the last program has closed the device."""
    if held := nics.holders(tree, nic):
        raise Refused(f"{nic.address} is in use by process {', '.join(map(str, held))}; end that first")


def notes(tree, nic, lost):
    for use in lost:
        yield f"note: the {use} went with it"
    others = ", ".join(f"{address} ({driver})" for address, driver in nics.neighbours(tree, nic))
    if others and nic.driver == "vfio-pci":
        yield f"note: VFIO gives out IOMMU group {nic.group} only as a whole; bind these too: {others}"
    if nic.driver == "vfio-pci" and iommu.is_waived(tree) and not iommu.is_on(tree):
        yield f"note: {iommu.MEANING}; {iommu.FLAGS_WITHOUT}"
    elif nic.driver == "vfio-pci":
        yield f"note: a program without root needs: sudo chown USER /dev/vfio/{nic.group}"


def unbind(tree, address):
    nic, journal = nics.find(tree, address), Journal(tree, SUBJECT)
    earlier = journal.recall(address)
    if nic.driver and nic.driver not in nics.USER_DRIVERS:
        journal.forget(address)  # a reboot was faster, or somebody else
        return [f"{address} has its kernel driver, {nic.driver}; nothing to do"]
    refuse_held(tree, nic)
    if earlier and earlier["id"] != nic.id:
        earlier = None  # another card is in the slot
    # An override of an earlier boot is gone with it; without one the kernel chooses by the device's id.
    set_override(tree, nic, earlier["override"] if earlier and journal.is_current(address) else "")
    got = probe(tree, nic)
    refuse_wrong_driver(address, got, earlier and earlier["driver"])
    journal.forget(address)
    return [f"{address}: {nic.driver or 'no driver'} -> {got or 'no driver'}"]


def refuse_wrong_driver(address, got, wanted):
    if got in nics.USER_DRIVERS and got != wanted:
        raise Refused(f"{address}: {got} took the port again, by its list of ids; take it out of its parameter "
                      "ids on the kernel's command line and in /etc/modprobe.d")
    if wanted and got != wanted:
        raise Refused(f"{address} had {wanted} and now has {got or 'no driver'}; run: sudo modprobe {wanted}, then "
                      f"sudo scripts/nic.sh unbind {address}")
