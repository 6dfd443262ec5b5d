# ctest: TIMEOUT 300 RUN_SERIAL TRUE
"""Our own TCP over AF_XDP against the kernel's over a virtual cable, by IPv6; see tools/kernel_tcp.py."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import kernel_tcp  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
tap.speak_ipv6()
tap.need_xdp(bin_dir)
kernel_tcp.ask_everything(lambda mode="echo": tap.serve_xdp(bin_dir, "--proto=tcp", f"--mode={mode}"))
print("ok")
