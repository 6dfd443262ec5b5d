"""A TAP device whose other end is the kernel: what tests of our own stack against the kernel's share."""

import os
import subprocess

import rig

DEVICE = "skerry0"
KERNEL, OURS = "198.18.0.1", "198.18.0.2"
OPTIONS = (f"--backend=tap:{DEVICE}", f"--ip={OURS}/24", "--cores=0")


def ip(*arguments, check=True):
    return subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True)


def make():
    """Makes the device in the namespace of this test and gives the kernel's end its address, or skips the test."""
    rig.need("ip")
    if rig.INSIDE not in os.environ:
        rig.skip("no network namespace of its own; run it as root")
    made = ip("tuntap", "add", DEVICE, "mode", "tap", check=False)
    if made.returncode != 0:
        rig.skip(f"no TAP device here: {made.stderr.strip()}")
    configure()


def configure():
    """Gives the kernel's end of the device its address."""
    # The kernel's own chatter (IPv6, multicast) would make counts differ from run to run.
    with open(f"/proc/sys/net/ipv6/conf/{DEVICE}/disable_ipv6", "w", encoding="ascii") as switch:
        switch.write("1")
    ip("address", "add", f"{KERNEL}/24", "dev", DEVICE)
    ip("link", "set", DEVICE, "up")


def serve(bin_dir, *arguments, port=7001, **how):
    return rig.Server(bin_dir, *OPTIONS, *arguments, listen=f"{OURS}:{port}", **how)
