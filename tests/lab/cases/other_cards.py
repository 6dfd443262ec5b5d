# ctest: TIMEOUT 1800
"""Two more drivers than igb: virtio with packed rings, which takes other checksums, and e1000e with one interrupt
(MSI), which either announces frames or the link. The kernel's ping, UDP and TCP are answered on both.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import machine  # noqa: E402
import rig  # noqa: E402
import kernel_tcp  # noqa: E402
import kernel_udp  # noqa: E402
import server  # noqa: E402
import tap  # noqa: E402


def serves(guest, bin_dir, devices=""):
    for idle in ("adaptive", "spin"):
        with server.Server(guest, bin_dir, "--proto=udp", f"--idle={idle}", devices=devices) as echo:
            kernel_udp.ping(5, "-i", "0.2")
            kernel_udp.answers_every_size()
            kernel_udp.answers_many_at_once()
            rig.check(echo.stop()["stack_checksum"] == 0, "sound datagrams were taken for damaged ones")
    print(echo.start_line)
    with server.Server(guest, bin_dir, "--proto=tcp", "--idle=adaptive", devices=devices) as echo:
        for size in (1, 1000, 300_000):
            data = os.urandom(size)
            rig.check(kernel_tcp.exchange(data) == data, f"{size} bytes came back changed")
        echo.stop()
    with server.Server(guest, bin_dir, "--proto=tcp", "--idle=adaptive", devices=devices) as echo:
        kernel_tcp.bulk.through_socat(echo, 8)


if __name__ == "__main__":
    folder = rig.start()
    with machine.Guest(nic="virtio", cpus=2, nic_options="packed=on") as virtio:
        serves(virtio, folder)
    tap.ip("link", "delete", tap.DEVICE)
    with machine.Guest(nic="e1000e", cpus=2) as e1000e:
        serves(e1000e, folder, ";eal=--vfio-intr=msi")
    print("ok")
