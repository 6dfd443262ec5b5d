"""Two ends in network namespaces of their own and skerry-link between them: a rate, a delay, a queue, losses by seed.

The far end is the kernel's. The near one is the kernel's too, or a program's with a TAP device. Offloads are off, so
that each frame on the link is a segment as it would be on a wire.
"""

import json
import os
import socket
import subprocess

import rig
import tap

FAR, NEAR = tap.KERNEL, tap.OURS
FAR_DEVICE, NEAR_DEVICE, PROGRAM_DEVICE = "far0", "near0", "prog0"


class Namespace:
    """A network of its own, which ends with this process."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        self.network = f"/proc/{self.holder.pid}/ns/net"
        self.enter = ["nsenter", f"--net={self.network}"]
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command):
        return subprocess.run([*self.enter, *command], check=True, capture_output=True, text=True)

    def set(self, name, value):
        self.run("sysctl", "-q", "-w", f"{name}={value}")

    def make_tap(self, device, address=None):
        """Up and without offloads. Without an address the kernel keeps out of what goes over it."""
        self.run("ip", "tuntap", "add", device, "mode", "tap")
        self.set(f"net.ipv6.conf.{device}.disable_ipv6", 1)
        features = (part for name in ("tx", "tso", "gso", "gro") for part in (name, "off"))
        self.run("ethtool", "-K", device, *features)
        # Of frames, for while the program at its end has no turn.
        self.run("ip", "link", "set", device, "txqueuelen", "10000")
        if address is None:
            self.run("ip", "link", "set", device, "arp", "off")
        else:
            self.run("ip", "address", "add", f"{address}/24", "dev", device)
        self.run("ip", "link", "set", device, "up")

    def end(self):
        self.holder.stdin.close()
        self.holder.wait()


class Ends:
    """The far end is here, in the namespace of this process; the near ones are in another."""

    def __init__(self):
        self.here, self.there = Namespace(), Namespace()
        self.here.make_tap(FAR_DEVICE, FAR)
        self.there.make_tap(NEAR_DEVICE, NEAR)
        self.there.make_tap(PROGRAM_DEVICE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for namespace in (self.here, self.there):
            namespace.end()


class Link(rig.Child):
    """skerry-link between the near end and the far one, while it is entered.

    `is_program`: the near end is the program that has PROGRAM_DEVICE. `loses_far`: what comes from the far end is lost
    and late instead.
    """

    def __init__(self, bin_dir, ends, *options, is_program=False, loses_far=False):
        device = f"packet:{PROGRAM_DEVICE}" if is_program else f"tap:{NEAR_DEVICE}"
        near, far = f"{device}@{ends.there.network}", f"tap:{FAR_DEVICE}@{ends.here.network}"
        left, right = (far, near) if loses_far else (near, far)
        ends.here.run("ip", "neighbour", "flush", "dev", FAR_DEVICE)  # the other kind of near end is another station
        self.process = subprocess.Popen([os.path.join(bin_dir, "skerry-link"), f"--left={left}", f"--right={right}",
                                         *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=rig.urgent)
        line = self.first_line()
        if "carries" not in line:
            self.process.kill()
            rig.check(False, f"skerry-link did not start: {self.process.stderr.read()}")

    def cpu_seconds(self):
        return rig.cpu_seconds(self.process.pid)

    def stop(self):
        """Ends it and returns its counters."""
        self.process.terminate()
        out, said = self.process.communicate(timeout=rig.PATIENCE)
        rig.check(self.process.returncode == 0, f"skerry-link ended with {self.process.returncode}: {said}")
        counters = json.loads(out)
        for way in ("forth", "back"):
            for wrong in ("refused", "too_long", "no_room"):
                rig.check(counters[way][wrong] == 0, f"the link is no link: {counters}")
        return counters


def socket_in(namespace, kind):
    """A socket of that namespace: this thread goes there and back."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(namespace.network, os.O_RDONLY)
    try:
        os_setns(there)
        return socket.socket(socket.AF_INET, kind)
    finally:
        os_setns(home)
        os.close(there)
        os.close(home)


def os_setns(fd):
    """os.setns() came with Python 3.12."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    clone_newnet = 0x40000000
    if libc.setns(fd, clone_newnet) != 0:
        raise OSError(ctypes.get_errno(), "setns")
