# ctest: TIMEOUT 1800
"""igb cuts long segments of TCP (TSO): with it and without, and without its checksums, the Linux kernel gets what was
sent, and tshark sees whole segments on the wire.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import machine  # noqa: E402
import rig  # noqa: E402
import kernel_tcp  # noqa: E402
import server  # noqa: E402

import re  # noqa: E402
import socket  # noqa: E402

SIZES = (1, 1000, 300_000)


def serve(guest, folder, devices, *arguments):
    return server.Server(guest, folder, "--proto=tcp", "--idle=adaptive", *arguments, devices=devices)


def is_sound(guest, folder, devices, words):
    """What goes there and back is the same, and what tshark sees of it is TCP as it should be."""
    with serve(guest, folder, devices) as echo:
        for each in words:
            rig.check(each in echo.start_line, f"{devices}: {each!r} is not in: {echo.start_line}")
        capture = kernel_tcp.Capture()
        for size in SIZES:
            data = os.urandom(size)
            rig.check(kernel_tcp.exchange(data) == data, f"{devices}: {size} bytes came back changed")
        kernel_tcp.check_experts(*capture.experts())
    with serve(guest, folder, devices) as echo:
        kernel_tcp.bulk.through_socat(echo, 8)


def joined(guest, folder, devices, bytes_wanted=16 << 20):
    """How many segments of a long answer left together, and as how many packets; None when it does not say."""
    with serve(guest, folder, devices, "--mode=source") as source:
        with socket.create_connection((source.host, source.port), rig.PATIENCE) as client:
            client.settimeout(rig.PATIENCE)
            received = 0
            while received < bytes_wanted:
                received += len(client.recv(1 << 20))
        source.stop()
        found = re.search(r"note: dpdk: \S+: (\d+) segments left as (\d+) packets", source.errors())
        return found and (int(found[1]), int(found[2]))


if __name__ == "__main__":
    bin_dir = rig.start()
    rig.need("socat", "tshark")
    with machine.Guest(nic="igb", cpus=2) as igb:
        is_sound(igb, bin_dir, ";tso=on", ["long segments cut by it", "hardware (send)"])
        segments, packets = joined(igb, bin_dir, ";tso=on") or rig.check(False, "nothing left together")
        rig.check(segments > 2 * packets, f"hardly anything left together: {segments} segments as {packets} packets")
        is_sound(igb, bin_dir, ";tso=off", ["checksums in hardware (receive) and hardware (send)"])
        rig.check(joined(igb, bin_dir, ";tso=off") is None, "something was joined though nobody asked for it")
        is_sound(igb, bin_dir, ";checksums=off", ["checksums in software (receive) and software (send)"])
        code, said = igb.run(f"{igb.program(bin_dir, 'skerry-echo')} --backend=dpdk '--dpdk=vdev=net_ring0;tso=on' "
                             "--ip=198.18.9.2/24 --listen=198.18.9.2:1 --cores=1")
        rig.check(code != 0 and "cuts no segments" in said, f"{code}: {said}")
    print(f"ok: {segments} segments left as {packets} packets")
