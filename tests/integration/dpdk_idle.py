# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""A server on DPDK whose cores may sleep does so when nobody asks for anything: after a second of silence it takes at
most 2 % of a core, and answers as before when a frame wakes it. Over net_tap, whose descriptor is the interrupt.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import kernel_udp  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

SILENCE = 5

bin_dir = rig.start()
tap.need_dpdk(bin_dir)
for idle in ("adaptive", "sleep"):
    with tap.serve_dpdk(bin_dir, "--proto=udp", f"--idle={idle}") as server:
        kernel_udp.answers_every_size()
        time.sleep(1)  # the silence is what is tested
        before, began = rig.cpu_seconds(server.process.pid), time.monotonic()
        time.sleep(SILENCE)
        share = (rig.cpu_seconds(server.process.pid) - before) / (time.monotonic() - began)
        rig.check(share <= 0.02, f"--idle={idle}: {share:.1%} of a core in silence")
        for _ in range(20):
            time.sleep(0.1)
            kernel_udp.answers_every_size()
        kernel_udp.answers_many_at_once()
        server.stop()
        print(f"--idle={idle}: {share:.2%} of a core in silence")
print("ok")
