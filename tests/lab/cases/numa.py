# ctest: TIMEOUT 1800
"""A card at the second of two memory nodes: its buffers and rings lie there, and a core of the other node is told."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import machine  # noqa: E402
import rig  # noqa: E402
import kernel_udp  # noqa: E402
import server  # noqa: E402


def free_pages(guest):
    return [int(guest.ask(f"cat /sys/devices/system/node/node{node}/hugepages/hugepages-2048kB/free_hugepages"))
            for node in (0, 1)]


def serves_from(guest, bin_dir, cpu):
    """Pages that the server took of each node, and what it noted."""
    before = free_pages(guest)
    with server.Server(guest, bin_dir, "--proto=udp", "--idle=adaptive", cores=str(cpu)) as echo:
        kernel_udp.answers_every_size()
        taken = [was - now for was, now in zip(before, free_pages(guest))]
        notes = echo.errors()
        echo.stop()
    return taken, notes


if __name__ == "__main__":
    folder = rig.start()
    with machine.Guest(nic="igb", cpus=2, numa=True, memory_mib=3072, huge_pages=512) as guest_:
        rig.check(guest_.ask(f"cat /sys/bus/pci/devices/{guest_.port}/numa_node").strip() == "1", "the card's node")
        near_pages, near_notes = serves_from(guest_, folder, 1)
        far_pages, far_notes = serves_from(guest_, folder, 0)
        for pages in (near_pages, far_pages):  # 8,191 buffers of 2.3 KiB are ten pages
            rig.check(pages[1] >= 10, f"pages taken of the nodes: {pages}")
        rig.check(near_pages[1] > near_pages[0], f"pages taken of the nodes by a near core: {near_pages}")
        rig.check("at memory node" not in near_notes, f"a near core was warned of: {near_notes}")
        distance = f"core 0 is at memory node 0, {guest_.port} at node 1"
        far = [line for line in far_notes.splitlines() if distance in line]
        rig.check(len(far) == 1, f"a far core: {far_notes}")
        print(f"pages of node 0 and 1: {near_pages}, {far_pages}; {far[0]}")
    print("ok")
