# ctest: TIMEOUT 300 RUN_SERIAL TRUE
"""The example that watches a folder, runs a child and serves what it wrote over TCP does so on every backend, and
leaves no zombie and no descriptor.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402

import socket  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402

bin_dir = rig.start()
program = os.path.join(bin_dir, "example_watch_folder")
if not os.path.exists(program):
    rig.skip(f"example_watch_folder is not built in {bin_dir}")


def connect(address):
    """A connection, once the server listens."""
    found = []

    def is_there():
        try:
            found.append(socket.create_connection((address, 7001), timeout=rig.PATIENCE))
        except OSError:
            return False
        return True

    rig.wait_until(is_there, f"the example listens at {address}:7001")
    found[0].settimeout(rig.PATIENCE)
    return found[0]


def children(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as listed:
        return listed.read().split()


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def read_until(connection, what):
    text = b""
    while what not in text:
        part = connection.recv(4096)
        rig.check(part, f"the connection ends at {text!r}, before {what!r}")
        text += part
    return text


def watch(address, *arguments, prepare=lambda: None, limit=None):
    with tempfile.TemporaryDirectory() as folder:
        open(os.path.join(folder, "first"), "w", encoding="ascii").close()
        process = subprocess.Popen([program, folder, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   preexec_fn=limit)
        try:
            prepare()
            with connect(address) as connection:
                read_until(connection, b"first\n")
                for name in ("second", "third", "fourth"):
                    open(os.path.join(folder, name), "w", encoding="ascii").close()
                    read_until(connection, name.encode() + b"\n")
                rig.wait_until(lambda: not children(process), "no child and no zombie is left")
                at_rest = descriptors(process)
                with connect(address) as other:
                    read_until(other, b"fourth\n")
                    os.remove(os.path.join(folder, "first"))
                    read_until(other, b"fourth\n")
                    read_until(connection, b"fourth\n")
                # As many as a user may have watches: who goes gives its own back at once.
                for _ in range(140):
                    with connect(address) as brief:
                        read_until(brief, b"fourth\n")
                rig.wait_until(lambda: descriptors(process) <= at_rest, "what other clients had open is closed")
        finally:
            process.kill()
            process.wait()
    print(f"{' '.join(arguments)}: ok")


for driver in rig.kernel_drivers(bin_dir):
    watch("127.0.0.1", driver)
if rig.INSIDE not in os.environ:
    rig.skip("tap, dpdk and xdp need a network namespace of its own; run it as root")


def on_one_core():
    """A port of tap or xdp serves one."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


if os.path.exists(os.path.join(bin_dir, "skerry-forward")) and not rig.sanitized(bin_dir):
    def is_there():
        return tap.ip("link", "show", tap.DEVICE, check=False).returncode == 0

    def configure_when_there():
        rig.wait_until(is_there, "DPDK makes the device")
        tap.configure()

    watch(tap.OURS, "dpdk", f"{tap.OURS}/24", f"vdev=net_tap0,iface={tap.DEVICE}", prepare=configure_when_there)
    rig.wait_until(lambda: not is_there(), "the device goes with the program")
if tap.ip("tuntap", "add", tap.DEVICE, "mode", "tap", check=False).returncode == 0:
    tap.configure()
    watch(tap.OURS, f"tap:{tap.DEVICE}", f"{tap.OURS}/24", limit=on_one_core)
    tap.ip("link", "delete", tap.DEVICE)
tap.need_xdp(bin_dir)
watch(tap.OURS, f"xdp:{tap.CABLE_END}", f"{tap.OURS}/24", limit=on_one_core)
