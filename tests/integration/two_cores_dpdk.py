# ctest: TIMEOUT 300 RUN_SERIAL TRUE
"""Sockets of our own stack on two cores over DPDK, by IPv4; see tools/two_cores.py."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import two_cores  # noqa: E402

two_cores.ask_everything()
