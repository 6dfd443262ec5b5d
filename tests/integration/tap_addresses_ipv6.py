# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""--ip6=A,B,C: our own stack over a TAP device has several IPv6 addresses, of one network and of two. The Linux kernel
reaches each of them, and a server of one is not heard by the others.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import addresses  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
tap.make()
addresses.answers_v6(bin_dir, f"--backend=tap:{tap.DEVICE}")
print("ok")
