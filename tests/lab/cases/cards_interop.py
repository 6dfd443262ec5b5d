# ctest: TIMEOUT 1800
"""A sample of the interop matrix on PCI cards: igb, virtio and e1000e, with their checksums and without, with segments
that igb cuts and without, both IP versions, small and large MTU, and what the kernel may be set to. Each cell is judged
as those on this machine are (tests/integration/interop_matrix.py).
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import machine  # noqa: E402
import rig  # noqa: E402
import interop  # noqa: E402
import server  # noqa: E402
import tap  # noqa: E402

import subprocess  # noqa: E402

# The device is what stands behind the card's address.
CELLS = {
    "igb": [
        interop.Cell(";tso=on", "ipv4", 1500, 1, 1, 1, 1, "cubic"),
        interop.Cell(";tso=on;mtu=9000", "ipv6", 9000, 1, 0, 1, 0, "bbr"),
        interop.Cell(";checksums=off", "ipv6", 1280, 0, 1, 0, 1, "reno"),
        interop.Cell("", "ipv4", 576, 1, 0, 1, 0, "bbr"),
    ],
    "virtio": [
        interop.Cell("", "ipv6", 1500, 1, 1, 1, 1, "bbr"),
        interop.Cell("", "ipv4", 9000, 0, 1, 1, 0, "cubic"),
        interop.Cell(";mtu=9000", "ipv4", 9000, 1, 1, 1, 0, "cubic"),
        interop.Cell(";checksums=off", "ipv4", 1280, 1, 0, 0, 1, "reno"),
    ],
    "e1000e": [
        interop.Cell(";eal=--vfio-intr=msi", "ipv4", 1500, 0, 0, 1, 1, "cubic"),
        interop.Cell(";eal=--vfio-intr=msi", "ipv6", 1280, 1, 1, 1, 0, "reno"),
        interop.Cell(";eal=--vfio-intr=msi;checksums=off", "ipv4", 576, 1, 1, 0, 0, "cubic"),
        interop.Cell(";eal=--vfio-intr=msi;mtu=9000", "ipv4", 9000, 1, 1, 1, 0, "cubic"),
    ],
}
ENDS = {"ipv4": ("198.18.0.1", "198.18.0.2", 24), "ipv6": (tap.KERNEL_V6, tap.OURS_V6, 64)}


class Client:
    """A program in the guest, which runs when its end is waited for."""

    def __init__(self, guest, command):
        self.guest, self.command, self.returncode = guest, command, None

    def communicate(self, timeout):
        self.returncode, output = self.guest.run(self.command, timeout)
        return output, ""


class Wire:
    """As interop.Wire."""

    def __init__(self, guest, bin_dir, cell):
        self.guest, self.bin_dir, self.cell = guest, bin_dir, cell
        tap.KERNEL, tap.OURS, self.prefix = ENDS[cell.family]
        tap.ip("link", "set", tap.DEVICE, "mtu", str(cell.mtu))
        if cell.family == "ipv6":
            for value in "10":  # what the cell before left goes
                with open(f"/proc/sys/net/ipv6/conf/{tap.DEVICE}/disable_ipv6", "w", encoding="ascii") as switch:
                    switch.write(value)
            tap.configure()
        for name in interop.SYSCTLS:
            subprocess.run(["sysctl", "-q", "-w", f"net.ipv4.{name}={getattr(cell, name)}"], check=True)

    def serve(self):
        return server.Server(self.guest, self.bin_dir, "--proto=tcp", "--idle=adaptive", devices=self.cell.device,
                             ip=f"{tap.OURS}/{self.prefix}")

    def client(self, *arguments):
        card = [f"'--dpdk=pci={self.guest.port}{self.cell.device}'", server.own_address(f"{tap.OURS}/{self.prefix}")]
        return Client(self.guest, " ".join([self.guest.program(self.bin_dir, "skerry-loadgen"), "--backend=dpdk",
                                            "--cores=1", *card, *arguments]))


def judge(nic, bin_dir):
    with machine.Guest(nic=nic, cpus=2, nic_options="packed=on" if nic == "virtio" else "") as guest:
        # What IPv6 leaves on the device reaches no cell of IPv4.
        for cell in sorted(CELLS[nic], key=lambda each: each.family):
            interop.KERNELS_PORT += 1  # a listener that waits lives as long as its thread
            wire = Wire(guest, bin_dir, cell)
            # On virtio's wire checksums are left to the other end, also by this machine's kernel.
            interop.kernel_asks(cell, wire, "Bad checksum" if guest.is_half_summed else "$^")
            interop.we_ask(cell, wire)
            print(f"ok: {nic} {cell}", flush=True)
    tap.ip("link", "delete", tap.DEVICE)


if __name__ == "__main__":
    folder = rig.start()
    rig.need("tshark", "sysctl")
    for each_nic in CELLS:
        judge(each_nic, folder)
    print(f"{sum(map(len, CELLS.values()))} cells passed")
