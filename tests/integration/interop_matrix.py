# ctest: TIMEOUT 900 RUN_SERIAL TRUE
"""Our TCP against the kernel's, both as a client and as a server, for each value of what may differ: device, IP
version, MTU, SACK, timestamps, window scaling, ECN and congestion control. See tools/interop.py.

SKERRY_LONG=1: for any three values together. SKERRY_CELL=tap,ipv4,1500,1,1,1,0,cubic: for these.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import interop  # noqa: E402
import rig  # noqa: E402

bin_dir = rig.start()
if rig.INSIDE not in os.environ:
    rig.skip("no network namespace of its own; run it as root")
if "SKERRY_CELL" in os.environ:
    interop.run(bin_dir, interop.Cell.parse(os.environ["SKERRY_CELL"]))
    sys.exit(0)

# Each in a process and a network of its own: what a cell leaves behind reaches no other.
environment = {name: value for name, value in os.environ.items() if name != rig.INSIDE}
skipped = {}
failed = 0
cells = interop.few_cells(3 if rig.LONG else 1)
for cell in cells:
    done = subprocess.run([sys.executable, os.path.abspath(__file__), bin_dir], capture_output=True, text=True,
                          timeout=10 * rig.PATIENCE, env={**environment, "SKERRY_CELL": str(cell)})
    if done.returncode == 77:
        skipped.setdefault((cell.device, done.stdout.strip()), []).append(cell)
    elif done.returncode != 0:
        failed += 1
        print(f"SKERRY_CELL={cell}: {(done.stdout + done.stderr).strip()}")
for (device, reason), of_device in skipped.items():
    print(f"{device}, {len(of_device)} cells: {reason}")
count = sum(map(len, skipped.values()))
print(f"{len(cells) - failed - count} cells passed, {failed} failed, {count} skipped")
if count == len(cells):
    rig.skip("no cell can run here")
rig.check(failed == 0, "some cells failed")
