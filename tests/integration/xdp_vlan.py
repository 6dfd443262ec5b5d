# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""Over AF_XDP frames of VLANs are the kernel's: the interface leaves their tags to be seen while a program of ours has
it, and is as it was behind that. A tag that only says a priority is no VLAN's.
"""

import os
import signal
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402
import xdp  # noqa: E402

PORT = 7100  # of who asks

bin_dir = rig.start()
tap.need_xdp(bin_dir)


def offload(device, name):
    shown = subprocess.run(["ethtool", "-k", device], check=True, capture_output=True, text=True).stdout
    return next(line.split()[1] for line in shown.splitlines() if line.startswith(f"{name}: "))


def switch(device, name, state):
    subprocess.run(["ethtool", "-K", device, name, state], check=True, capture_output=True)


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack(">H", ~total & 0xffff)


def datagram(text, tci=None):
    """A frame with it for our server, in a VLAN or with a priority if `tci` says so."""
    addresses = socket.inet_aton(tap.KERNEL) + socket.inet_aton(tap.OURS)
    head = struct.pack(">BBHHHBB", 0x45, 0, 28 + len(text), 1, 0, 64, 17)
    ip = head + checksum(head + b"\0\0" + addresses) + addresses
    udp = struct.pack(">HHHH", PORT, 7001, 8 + len(text), 0)
    tag = b"" if tci is None else struct.pack(">HH", 0x8100, tci)
    return tap.mac_of(tap.CABLE_END) + tap.mac_of(tap.DEVICE) + tag + b"\x08\0" + ip + udp + text


def takes_what_is_in_no_vlan():
    """The first answer is to the frame behind the one with a tag, or the server has taken that, too."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
        asks.settimeout(rig.PATIENCE)
        asks.bind((tap.KERNEL, PORT))
        wire.bind((tap.DEVICE, 0))
        asks.sendto(b"first", (tap.OURS, 7001))  # each finds the other
        rig.check(asks.recv(100) == b"first", "an answer")
        for tci, text in ((7, b"in a VLAN"), (7 | 5 << 13, b"in a VLAN, with a priority"), (0xfff, b"of no number")):
            wire.send(datagram(text, tci))
            wire.send(datagram(b"in none"))
            came = asks.recv(100)
            rig.check(came == b"in none", f"a frame of another VLAN was taken: {came!r}")
        wire.send(datagram(b"with a priority", 5 << 13))
        came = asks.recv(100)
        rig.check(came == b"with a priority", f"a priority is no VLAN: {came!r}")


def note_of(server):
    server.process.send_signal(signal.SIGTERM)
    _, said = server.process.communicate(timeout=2 * rig.PATIENCE)
    rig.check(server.process.returncode == 0, f"ended with {server.process.returncode}: {said}")
    return said


for mode in xdp.modes():
    for before in ("on", "off"):
        switch(tap.CABLE_END, "rxvlan", before)
        with tap.serve_xdp(bin_dir, "--proto=udp") as server:
            attached = tap.ip("link", "show", tap.CABLE_END).stdout
            rig.check((" xdpgeneric " in attached) == (mode == "generic"), f"not {mode}: {attached}")
            rig.check(offload(tap.CABLE_END, "rx-vlan-offload") == "off", "the card takes tags off")
            takes_what_is_in_no_vlan()
            said = note_of(server)
        rig.check(("rx-vlan-offload is off while" in said) == (before == "on"), f"it was {before}: {said!r}")
        rig.check(offload(tap.CABLE_END, "rx-vlan-offload") == before, f"it is not {before} again")
        print(f"rx-vlan-offload {before}")

# One that is killed has no time for it.
with tap.serve_xdp(bin_dir, "--proto=udp") as server:
    server.process.kill()
    server.process.wait()
with tap.serve_xdp(bin_dir, "--proto=udp") as server:
    takes_what_is_in_no_vlan()
    server.stop()
print("ok")
