# ctest: TIMEOUT 300
"""64 MiB of noise through socat and back keep their checksum; SKERRY_LONG=1: 1 GiB."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import bulk  # noqa: E402
import rig  # noqa: E402

bin_dir = rig.start()
rig.need("socat")
megabytes = 1024 if rig.LONG else 64

for driver in rig.kernel_drivers(bin_dir):
    with rig.Server(bin_dir, f"--backend={driver}") as server:
        bulk.through_socat(server, megabytes)
