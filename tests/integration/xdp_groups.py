# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""A switch asks about groups (MLD), and forgets who does not answer; the group in which our IPv6 address is asked for
over AF_XDP is answered for, by the kernel where it has IPv6 on the interface, and by our stack where it has none.
"""

import os
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402
import xdp  # noqa: E402

QUERY, REPORT = 130, 143
IS_INCLUDE, IS_EXCLUDE = 1, 2  # records of answers; others tell of changes
BETWEEN = 0.5  # seconds from one query to the next

bin_dir = rig.start()
tap.speak_ipv6()
tap.need_xdp(bin_dir)
group = socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:2")  # of tap.OURS_V6
rig.check(group[13:] == socket.inet_pton(socket.AF_INET6, tap.OURS_V6)[13:], f"not the group of {tap.OURS_V6}")


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def query():
    """A general one of version 2, to be answered at once: RFC 3810 section 5.1."""
    source, to = (socket.inet_pton(socket.AF_INET6, address) for address in ("fe80::1", "ff02::1"))
    def of(total):
        return struct.pack(">BBHHH16sBBH", QUERY, 0, total, 1, 0, bytes(16), 2, 125, 0)
    message = of(0)
    message = of(checksum(source + to + struct.pack(">II", len(message), 58) + message))
    router_alert = bytes((58, 0, 5, 2, 0, 0, 1, 0))
    head = struct.pack(">IHBB", 6 << 28, len(router_alert) + len(message), 0, 1)
    ethernet = bytes.fromhex("333300000001") + tap.mac_of(tap.DEVICE) + b"\x86\xdd"
    return ethernet + head + source + to + router_alert + message


def answered_groups(frame):
    """The groups that a report says the host is in, of one that answers a query."""
    if len(frame) < 70 or frame[20] != 0 or frame[54] != 58 or frame[62] != REPORT:
        return set()
    groups, at = set(), 70
    for _ in range(struct.unpack(">H", frame[68:70])[0]):
        kind, more, sources = struct.unpack(">BBH", frame[at:at + 4])
        if kind in (IS_INCLUDE, IS_EXCLUDE):
            groups.add(frame[at + 4:at + 20])
        at += 20 + 16 * sources + 4 * more
    return groups


def is_answered_for():
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003)) as wire:
        wire.bind((tap.DEVICE, 0x0003))
        deadline = time.monotonic() + rig.PATIENCE
        told = set()
        while time.monotonic() < deadline:
            wire.send(query())
            again = time.monotonic() + BETWEEN
            while select.select([wire], [], [], max(0.0, again - time.monotonic()))[0]:
                frame, (_, _, kind, _, _) = wire.recvfrom(2048)
                told |= answered_groups(frame) if kind != socket.PACKET_OUTGOING else set()
                if group in told:
                    return
        rig.check(False, f"nobody said that {tap.OURS}'s group is wanted here, only {[one.hex() for one in told]}")


for mode in xdp.modes():
    for is_disabled in ("1", "0"):
        with open(f"/proc/sys/net/ipv6/conf/{tap.CABLE_END}/disable_ipv6", "w", encoding="ascii") as switch:
            switch.write(is_disabled)
        with tap.serve_xdp(bin_dir, "--proto=udp") as server:
            is_answered_for()
            server.stop()
        print("the kernel has", "none" if is_disabled == "1" else "IPv6")
print("ok")
