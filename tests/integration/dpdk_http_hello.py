# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""http_hello on our own stack over DPDK's net_tap; see tools/http_judge.py."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import http_judge  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
http_judge.need(bin_dir)
tap.need_dpdk(bin_dir)
http_judge.judge(http_judge.Hello(bin_dir, "--backend=dpdk", f"--dpdk=vdev=net_tap0,iface={tap.DEVICE}", *tap.ADDRESSES,
                                  tap.CORE, host=tap.OURS, port=80, device_came=tap.configure))
print("ok")
