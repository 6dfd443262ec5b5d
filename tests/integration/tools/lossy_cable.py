"""A cable that loses frames, between our own stack and the kernel's, and counts what that costs.

Our end is a TAP device, the kernel's a virtual cable (veth); a thread of this process carries frames from one to the
other, each a while later, and drops some. Which ones a seed decides. It looks at the sequence numbers that go by, so it
knows how much was sent again.
"""

import heapq
import random
import select
import socket
import struct
import subprocess
import threading
import time

import rig
import tap

OUR_DEVICE = "skerry2"
OPTIONS = (f"--backend=tap:{OUR_DEVICE}", f"--ip={tap.OURS}/24", tap.CORE)
ETH_P_ALL = 3
OUTGOING = 4


def make():
    """Makes both devices, or skips the test."""
    rig.need("ethtool")
    made = tap.ip("tuntap", "add", OUR_DEVICE, "mode", "tap", check=False)
    if made.returncode != 0:
        rig.skip(f"no TAP device here: {made.stderr.strip()}")
    tap.lay_cable()
    # The kernel has no address on these two and keeps out of what goes over them.
    for device in (OUR_DEVICE, tap.CABLE_END):
        with open(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6", "w", encoding="ascii") as switch:
            switch.write("1")
        tap.ip("link", "set", device, "arp", "off")
        tap.ip("link", "set", device, "up")


def data_of(frame):
    """The flow of a segment with payload and the numbers of that, or None."""
    if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return None
    header = 14 + (frame[14] & 15) * 4
    total = 14 + int.from_bytes(frame[16:18], "big")
    payload = header + (frame[header + 12] >> 4) * 4
    if total <= payload:
        return None
    seq = struct.unpack_from("!I", frame, header + 4)[0]
    return frame[26:34] + frame[header:header + 4], seq, total - payload


class Way:
    """One direction."""

    def __init__(self, from_device, to_device, seed, loss):
        self.source, self.sink = (self.open(device) for device in (from_device, to_device))
        self.random = random.Random(seed)
        self.loss = loss
        self.seen = {}  # the end of what each flow has sent
        self.segments = self.lost = self.again = 0

    @staticmethod
    def open(device):
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        end.bind((device, ETH_P_ALL))
        return end

    def is_lost(self, frame):
        """Only segments with data are dropped and counted; what acknowledges them always comes."""
        data = data_of(frame)
        if data is None:
            return False
        flow, seq, length = data
        self.segments += 1
        end = self.seen.get(flow, seq)
        if (seq + length - end) & 0xffffffff > 0x7fffffff or seq + length == end:
            self.again += 1
        else:
            self.seen[flow] = (seq + length) & 0xffffffff
        if self.random.random() >= self.loss:
            return False
        self.lost += 1
        return True


class Relay:
    """Carries frames while it is entered."""

    def __init__(self, seed, loss, delay):
        self.ours = Way(OUR_DEVICE, tap.CABLE_END, seed, loss)
        self.kernels = Way(tap.CABLE_END, OUR_DEVICE, seed + 1, loss)
        self.delay = delay
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.is_over = False

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()

    def carry(self):
        ways = {way.source: way for way in (self.ours, self.kernels)}
        under_way, number = [], 0
        while not self.is_over:
            wait = max(0, under_way[0][0] - time.monotonic()) if under_way else 0.05
            for source in select.select(list(ways), [], [], wait)[0]:
                frame, address = source.recvfrom(65536)
                if address[2] == OUTGOING or ways[source].is_lost(frame):
                    continue
                number += 1
                heapq.heappush(under_way, (time.monotonic() + self.delay, number, ways[source].sink, frame))
            while under_way and under_way[0][0] <= time.monotonic():
                _, _, sink, frame = heapq.heappop(under_way)
                try:
                    sink.send(frame)
                except OSError:  # the device's queue is full, or its end is gone: lost as on any cable
                    pass


def serve(bin_dir, *arguments, port=7001, **how):
    """The cable stays up when a server ends, so the kernel would go on with the address of the one before."""
    tap.ip("neighbour", "flush", "dev", tap.DEVICE)
    return rig.Server(bin_dir, *OPTIONS, *arguments, listen=f"{tap.OURS}:{port}", **how)


def set_kernel(name, value):
    subprocess.run(["sysctl", "-q", "-w", f"net.ipv4.{name}={value}"], check=True)
