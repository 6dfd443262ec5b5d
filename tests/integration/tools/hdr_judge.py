"""npm's hdr-histogram-js, the other implementation that our histograms are compared with."""

import shutil
import subprocess
import sys

PACKAGE = "hdr-histogram-js@3.0.1"
SKIP = 77


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIP)


def install(folder):
    """Puts the package below `folder`, where node finds it. Skips the test where it cannot be had."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            skip(f"{program} is not installed")
    if (folder / "node_modules" / "hdr-histogram-js" / "package.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(folder), "--no-save", "--ignore-scripts", "--no-audit", "--no-fund",
               "--fetch-retries=0", "--fetch-timeout=20000", PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        skip(f"npm did not bring {PACKAGE} within 60 s")
    if done.returncode != 0:
        reasons = [line for line in done.stderr.splitlines() if line.startswith(("npm error", "npm ERR"))]
        skip(f"npm cannot install {PACKAGE}: {(reasons or ['no message'])[0]}")
