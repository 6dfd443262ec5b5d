# ctest: TIMEOUT 600
"""The example that keeps a register on three simulated hosts holds its promise under every trouble; with the bug
planted the search over seeds finds a run that breaks it, names the faults that it takes, and the command that it prints
shows the very same run again.
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

bin_dir = rig.start()
program = os.path.join(bin_dir, "example_replicated_register")
if not os.path.exists(program):
    rig.skip(f"example_replicated_register is not built in {bin_dir}")


def outcome(command):
    # The faults found do not depend on what SKERRY_SEEDS and SKERRY_SEED say to the tests around this one.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SKERRY_SEED")}
    done = subprocess.run(command, shell=isinstance(command, str), capture_output=True, text=True, env=clean,
                          timeout=500 if rig.sanitized(bin_dir) else 100, check=False)
    return done.returncode, done.stdout


code, text = outcome([program])
rig.check(code == 0 and text == "every run kept the promise\n", f"the register is right: exit {code}, {text!r}")

code, found = outcome([program, "--acknowledge-early"])
rig.check(code == 1, f"the planted bug is found: exit {code}, {found!r}")
rig.check("acknowledged" in found and re.search(r"^  at \d+\.\d+ s for", found, re.M),
           f"it says what is wrong and which faults it takes: {found!r}")
again = re.search(r"^again: (SKERRY_SEED=\d+ .*)$", found, re.M)
rig.check(again is not None, f"it prints how to run it again: {found!r}")

code, replayed = outcome(again[1])
rig.check(code == 1 and replayed == found, f"the command shows the same run: {replayed!r} for {found!r}")
