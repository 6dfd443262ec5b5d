# ctest: TIMEOUT 300 RUN_SERIAL TRUE
"""Our own TCP on DPDK against the kernel's over net_af_packet; see tools/kernel_tcp.py."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import kernel_tcp  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
tap.need_dpdk(bin_dir)
tap.lay_cable()
kernel_tcp.ask_everything(lambda mode="echo": tap.serve_cable(bin_dir, "--proto=tcp", f"--mode={mode}"))
kernel_tcp.takes_unfinished_checksums(lambda: tap.serve_cable(bin_dir, "--proto=tcp"), 1000)
kernel_tcp.answers_over_a_small_mtu(lambda: tap.serve_cable(bin_dir, "--proto=udp"), (1372, 1373, 1450))
print("ok")
