# ctest: TIMEOUT 120
"""http_hello on the kernel's sockets; see tools/http_judge.py."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import http_judge  # noqa: E402
import rig  # noqa: E402

import socket  # noqa: E402
import subprocess  # noqa: E402

bin_dir = rig.start()
http_judge.need(bin_dir)
for driver in rig.kernel_drivers(bin_dir):
    http_judge.judge(http_judge.Hello(bin_dir, f"--backend={driver}"))
    print("ok:", driver, flush=True)
taken = socket.create_server(("127.0.0.1", 0))
refused = subprocess.run([http_judge.program_in(bin_dir), f"--listen=127.0.0.1:{taken.getsockname()[1]}"],
                         capture_output=True, text=True, timeout=rig.PATIENCE)
rig.check(refused.returncode == 1 and refused.stderr.count("\n") == 1 and "cannot listen" in refused.stderr,
          f"a port in use: {refused}")
