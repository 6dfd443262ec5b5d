# ctest: TIMEOUT 180 RUN_SERIAL TRUE
"""Our own stack over AF_XDP on two cables at once, the Linux kernel at the other ends; see tools/two_ports.py."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402
from two_ports import IPS, KERNEL_2, KERNEL_PORT, PORT, SECOND_END, ask_tcp, ask_udp, lay_second_cable  # noqa: E402
from two_ports import serve  # noqa: E402

bin_dir = rig.start()
tap.need_xdp(bin_dir)
lay_second_cable()
OPTIONS = (f"--backend=xdp:{tap.CABLE_END}+{SECOND_END}", IPS, tap.CORE)


def server(*options):
    return rig.Server(bin_dir, *OPTIONS, *options, listen=f"0.0.0.0:{PORT}")


for idle in ("sleep", "spin"):
    with server("--proto=tcp", f"--idle={idle}") as running:
        ask_tcp(running)
    print("tcp by both ports,", idle)
with server("--proto=udp") as running:
    ask_udp(running)
print("udp by both ports")
for address in (tap.KERNEL, KERNEL_2):
    serve(address)
    report = rig.loadgen(bin_dir, *OPTIONS, f"--connect={address}:{KERNEL_PORT}", "--loop=closed", "--conns=4",
                         "--duration=200ms", "--warmup=0ms", rig.ALL_ANSWERS)
    rig.check(report["count"] > 10, f"{address}: {report['count']} answers")
    print("reached:", address)
print("ok")
