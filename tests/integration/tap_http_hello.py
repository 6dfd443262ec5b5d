# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""http_hello on our own stack over a TAP device; see tools/http_judge.py."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import http_judge  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
http_judge.need(bin_dir)
tap.make()
http_judge.judge(http_judge.Hello(bin_dir, *tap.OPTIONS, host=tap.OURS, port=80))
print("ok")
