# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""Our own stack on DPDK answers the Linux kernel over net_tap: what tap_udp.py asks, with packet memory of ordinary
pages. SKERRY_LONG=1: sockperf for 10 s instead of 2.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import kernel_udp  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
if not os.path.exists(os.path.join(bin_dir, "skerry-forward")):
    rig.skip("this build has no dpdk")
if rig.sanitized(bin_dir):
    rig.skip("DPDK's own memory is foreign to sanitizers")
rig.need("ip")
if rig.INSIDE not in os.environ:
    rig.skip("no network namespace of its own; run it as root")


def serve(*arguments, **how):
    """The device is made by DPDK and ends with the server."""
    server = rig.Server(bin_dir, "--backend=dpdk", f"--dpdk=vdev=net_tap0,iface={tap.DEVICE}", f"--ip={tap.OURS}/24",
                        "--cores=0", "--proto=udp", *arguments, listen=f"{tap.OURS}:7001", **how)
    tap.configure()
    return server


for idle in ("spin", "adaptive"):
    with serve(f"--idle={idle}") as server:
        kernel_udp.ask_everything()
        last = server.stop()
        rig.check(last["unsent"] == 0 and last["no_buffers"] == 0, f"the server lost some: {last}")

if rig.shutil.which("sockperf"):
    with serve("--mode=sockperf", prepare=rig.urgent) as server:
        kernel_udp.sockperf()
        server.stop()
print("ok")
