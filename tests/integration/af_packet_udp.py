# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""Our own stack on DPDK answers the Linux kernel over net_af_packet: what tap_udp.py asks. SKERRY_LONG=1: sockperf for
10 s instead of 1.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import kernel_udp  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
tap.need_dpdk(bin_dir)
tap.lay_cable()

for idle in ("spin", "adaptive"):
    with tap.serve_cable(bin_dir, "--proto=udp", f"--idle={idle}") as server:
        kernel_udp.ask_everything()
        last = server.stop()
        rig.check(last["unsent"] == 0 and last["no_buffers"] == 0, f"the server lost some: {last}")

if rig.shutil.which("sockperf"):
    with tap.serve_cable(bin_dir, "--proto=udp", "--mode=sockperf", prepare=rig.urgent) as server:
        kernel_udp.sockperf()
        server.stop()
print("ok")
