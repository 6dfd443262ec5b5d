"""igb, the reference card: nic.sh gives it to vfio-pci, skerry-echo answers the kernel's ping, UDP and TCP on it,
and nic.sh gives it back.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import machine  # noqa: E402
import rig  # noqa: E402
import kernel_tcp  # noqa: E402
import kernel_udp  # noqa: E402
import server  # noqa: E402


def is_bound_and_unbound(guest):
    """The journal is what the way back is known by."""
    listed = guest.ask("/host/scripts/nic.sh list")
    rig.check("igb" in listed and "vfio-pci" not in listed, f"the kernel's driver has the card at first: {listed}")
    for _ in range(2):
        guest.ask("modprobe vfio-pci")
        bound = guest.ask(f"/host/scripts/nic.sh bind {guest.port}")
        rig.check(f"{guest.port}: igb -> vfio-pci" in bound, bound)
        rig.check('"driver": "igb"' in guest.ask("cat /var/lib/skerry/*"), "the journal")
        unbound = guest.ask(f"/host/scripts/nic.sh unbind {guest.port}")
        rig.check(f"{guest.port}: vfio-pci -> igb" in unbound, unbound)
        rig.check(guest.ask(f"ls /sys/bus/pci/devices/{guest.port}/net").strip() != "", "its interface is back")
    guest.ask(f"/host/scripts/nic.sh bind {guest.port}")


def is_not_given_away_while_in_use(guest):
    status, output = guest.run(f"/host/scripts/nic.sh unbind {guest.port}")
    rig.check(status == 1 and "is in use by process" in output, f"unbind while the server runs: {status} {output}")


rig_dir = rig.start()
with machine.Guest(nic="igb", cpus=2, bind="") as guest_:
    is_bound_and_unbound(guest_)
    print("bound and unbound")

    def serve_udp():
        return server.Server(guest_, rig_dir, "--proto=udp", "--idle=adaptive")

    def serve_tcp(mode="echo"):
        return server.Server(guest_, rig_dir, "--proto=tcp", f"--mode={mode}", "--idle=adaptive")

    with serve_udp() as udp:
        is_not_given_away_while_in_use(guest_)
        kernel_udp.ask_everything()
        udp.stop()
    with serve_tcp() as tcp:
        kernel_tcp.bulk.through_socat(tcp, 16)
    kernel_tcp.dialogue(serve_tcp)
    kernel_tcp.judged(serve_tcp)
    unbound = guest_.ask(f"/host/scripts/nic.sh unbind {guest_.port}")
    rig.check(f"{guest_.port}: vfio-pci -> igb" in unbound, unbound)
print("ok")
