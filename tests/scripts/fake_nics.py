"""A machine of files with PCI network devices in it, whose kernel binds and unbinds drivers."""

import re
import shutil
import struct

from fake_machine import FakeMachine

DEVICES, DRIVERS = "/sys/bus/pci/devices", "/sys/bus/pci/drivers"
ROUTES = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
SOCKETS = "sl local_address rem_address st tx_queue\n"


def words(address):
    """An IPv4 address as /proc/net writes it."""
    return "%08X" % struct.unpack("=I", bytes(map(int, address.split("."))))


class MachineWithNics(FakeMachine):
    def __init__(self, case):
        super().__init__(case)
        self.native = {}  # address -> the driver that takes it by its id
        self.put("/sys/bus/pci/drivers_probe")
        self.reactions = [(rf"({DEVICES}/.*)/driver/unbind", lambda match, _: self.leave(match[1])),
                          (r"/sys/bus/pci/drivers_probe", lambda _, address: self.probe(address))]

    def add_driver(self, name):
        self.put(f"{DRIVERS}/{name}/unbind")

    def add_nic(self, address, driver="ixgbe", interface=None, group=None, node=-1, device="0x10fb"):
        folder = f"{DEVICES}/{address}"
        for name, text in (("class", "0x020000"), ("vendor", "0x8086"), ("device", device), ("numa_node", str(node)),
                           ("driver_override", "(null)")):
            self.put(f"{folder}/{name}", text)
        if driver:
            self.native[address] = driver
            self.add_driver(driver)
            self.drive(address, driver)
        if interface:
            self.put(f"{folder}/net/{interface}/address")
            self.put(f"/sys/class/net/{interface}/carrier", "1")
            self.put("/proc/net/dev", self.read("/proc/net/dev", "Inter-|\n face |") + f"\n{interface:>6}: 0 0\n")
        if group:
            self.link_to(f"{folder}/iommu_group", f"../../../kernel/iommu_groups/{group}")
            self.put(f"/sys/kernel/iommu_groups/{group}/devices/{address}")

    def drive(self, address, driver):
        self.link_to(f"{DEVICES}/{address}/driver", f"../../drivers/{driver}")

    def leave(self, folder):
        """The interface goes with the driver."""
        self.unlink(f"{folder}/driver")
        shutil.rmtree(self.path(f"{folder}/net"), ignore_errors=True)

    def driver_of(self, address):
        return self.link(f"{DEVICES}/{address}/driver")

    def override_of(self, address):
        return self.read(f"{DEVICES}/{address}/driver_override")

    def probe(self, address):
        driver = re.sub(r"\(null\)", "", self.override_of(address)) or self.native.get(address)
        if driver and self.exists(f"{DRIVERS}/{driver}"):
            self.drive(address, driver)

    def route(self, interface, network, mask, gateway="0.0.0.0"):
        known = self.read("/proc/net/route", ROUTES).rstrip() + "\n"
        flags = "0001" if gateway == "0.0.0.0" else "0003"
        self.put("/proc/net/route",
                 f"{known}{interface} {words(network)} {words(gateway)} {flags} 0 0 0 {words(mask)} 0 0 0\n")

    def default_route(self, interface):
        self.route(interface, "0.0.0.0", "0.0.0.0", gateway="198.18.0.1")

    def own_address(self, interface, address):
        """With its subnet of 256 addresses."""
        self.route(interface, address.rpartition(".")[0] + ".0", "255.255.255.0")
        self.put("/proc/net/fib_trie", self.read("/proc/net/fib_trie", "Local:") +
                 f"\n     |-- {address}\n        /32 host LOCAL\n")

    def session(self, own, port, peer, state="01", table="tcp", before=""):
        self.put(f"/proc/net/{table}",
                 f"{SOCKETS}0: {before}{words(own)}:{port:04X} {before}{words(peer)}:C000 {state} 0:0\n")

    def hold(self, process, file):
        self.link_to(f"/proc/{process}/fd/7", file)

    def reboot(self):
        super().reboot()
        for address in self.native:
            self.put(f"{DEVICES}/{address}/driver_override", "(null)")
            self.drive(address, self.native[address])
