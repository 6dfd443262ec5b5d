# ctest: TIMEOUT 1800
"""igb cuts long segments of TCP (TSO): with it and without, also without checksums by the card, the Linux kernel gets
what was sent, and tshark sees whole segments on the wire.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import machine  # noqa: E402
import rig  # noqa: E402
import kernel_tcp  # noqa: E402
import server  # noqa: E402

import re  # noqa: E402

rig_dir = rig.start()
rig.need("socat", "tshark")
with machine.Guest(nic="igb", cpus=2) as guest:
    def serve(devices):
        return server.Server(guest, rig_dir, "--proto=tcp", "--idle=adaptive", devices=devices)

    for devices_ in (";tso=on", ";tso=off"):
        with serve(devices_) as echo:
            rig.check(("long segments cut by it" in echo.start_line) == (devices_ == ";tso=on"), echo.start_line)
            capture = kernel_tcp.Capture()
            for size in (1, 1000, 300_000):
                data = os.urandom(size)
                rig.check(kernel_tcp.exchange(data) == data, f"{size} bytes came back changed")
            kernel_tcp.check_experts(*capture.experts())
            kernel_tcp.bulk.through_socat(echo, 8)
            told = re.search(r"note: dpdk: \S+: (\d+) segments left as (\d+) packets", echo.errors())
            rig.check((told is not None) == (devices_ == ";tso=on"), f"{devices_}: {echo.errors()}")
            if told:
                rig.check(int(told[1]) > 2 * int(told[2]), f"hardly anything left together: {told[0]}")
                print(told[0])
    refused = guest.run(f"{guest.program(rig_dir, 'skerry-echo')} --backend=dpdk "
                        "'--dpdk=vdev=net_tap0;tso=on' --ip=198.18.9.2/24 --listen=198.18.9.2:1 --cores=1")
    rig.check(refused[0] != 0 and "cuts no segments" in refused[1], f"{refused}")
print("ok")
