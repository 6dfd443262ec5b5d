# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""--vlan: our own stack over a TAP device, and over DPDK's, answers the Linux kernel in a VLAN: ping, UDP of the link's
whole MTU, TCP. It hears nothing of what is in no VLAN, and what only has a priority is in none. tshark looks at what
was on the wire.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402

import kernel_tcp  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import vlan  # noqa: E402

bin_dir = rig.start()
rig.need("ping", "tshark")
OURS = 7
SIZE = 300_000
MTU = 1500
folder = tempfile.TemporaryDirectory()
path = os.path.join(folder.name, "vlan.pcapng")


def ping(*arguments):
    done = subprocess.run(["ping", "-c", "1", "-W", str(rig.PATIENCE), *arguments, tap.OURS], capture_output=True,
                          text=True, timeout=2 * rig.PATIENCE)
    return done.returncode == 0


def ask_all(bin_dir, *options):
    """TCP both ways, the longest packet of the link, and ARP, which is needed for them."""
    with tap.serve(bin_dir, "--proto=tcp", *options) as server:
        data = os.urandom(SIZE)
        rig.check(kernel_tcp.exchange(data) == data, "the echo is another")
        rig.check(ping("-M", "do", "-s", str(MTU - 28)), "no answer to the longest ping")
        drops = server.numbers()["drops"]
        server.stop()
    with tap.serve(bin_dir, "--proto=udp", *options) as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
            ours.settimeout(rig.PATIENCE)
            for size in (1, MTU - 28, 4000):  # the last in pieces
                data = os.urandom(size)
                ours.sendto(data, (tap.OURS, 7001))
                rig.check(ours.recv(65536) == data, f"a datagram of {size} bytes")
        server.stop()
    return drops


def fields(*names, only=""):
    wanted = [part for name in names for part in ("-e", name)]
    done = subprocess.run(["tshark", "-r", path, "-Y", only, "-T", "fields", *wanted], capture_output=True, text=True,
                          timeout=3 * rig.PATIENCE)
    rig.check(done.returncode == 0, f"tshark does not read {path}: {done.stderr}")
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


tap.make()

# In no VLAN: a tag that says a priority is none (802.1Q 9.6). The kernel puts it on by itself only with a VLAN device.
vlan.tag_priority(5)
drops = ask_all(bin_dir, f"--capture={path}")
rig.check("ethernet_vlan" not in drops, f"{drops}")
rows = fields("vlan.id", "vlan.priority", "frame.packet_flags_direction", only="frame")
came = {row[:2] for row in rows if int(row[2], 0) == 1}
left = {row[:2] for row in rows if int(row[2], 0) == 2}
rig.check(came == {("0", "5")} and left == {("", "")}, f"tags and priorities: {came} came, {left} left")
print("a priority tag is no VLAN")
vlan.leave()

# In our VLAN, what has no tag is not ours.
with tap.serve(bin_dir, "--proto=tcp", f"--vlan={OURS}") as server:
    subprocess.run(["ping", "-c", "1", "-W", "1", tap.OURS], capture_output=True, timeout=rig.PATIENCE)
    drops = server.numbers()["drops"]
    rig.check(drops.get("ethernet_vlan", 0) > 0 and set(drops) == {"ethernet_vlan"}, f"{drops}")
    server.stop()

how = vlan.join(OURS)
tap.ip("neighbour", "flush", "dev", tap.DEVICE)
drops = ask_all(bin_dir, f"--vlan={OURS}")
rig.check("ethernet_vlan" not in drops, f"{drops}")
print(f"the kernel in VLAN {OURS}, by {how}")

# And what tshark says of the wire.
with tap.serve(bin_dir, "--proto=tcp", f"--vlan={OURS}", f"--capture={path}") as server:
    data = os.urandom(SIZE)
    rig.check(kernel_tcp.exchange(data) == data, "the echo is another")
    rig.check(ping("-M", "do", "-s", str(MTU - 28)), "no answer to the longest ping")
    server.stop()
segments, found = kernel_tcp.experts_of(path)
rig.check(segments > 2 * SIZE // MTU, f"{segments} segments")
kernel_tcp.check_experts(segments, found)
rows = fields("vlan.id", "vlan.etype", "frame.len", "frame.packet_flags_direction", only="frame")
rig.check({row[0] for row in rows} == {str(OURS)}, f"VLANs {set(row[0] for row in rows)}")
for direction in (1, 2):
    longest = max(int(row[2]) for row in rows if int(row[3], 0) == direction)
    rig.check(longest == 18 + MTU, f"the longest frame of direction {direction} has {longest} bytes")
print(f"{len(rows)} frames, all in VLAN {OURS}, up to {18 + MTU} bytes")

# Another VLAN's frames are not ours.
with tap.serve(bin_dir, "--proto=tcp", f"--vlan={OURS + 1}") as server:
    subprocess.run(["ping", "-c", "1", "-W", "1", tap.OURS], capture_output=True, timeout=rig.PATIENCE)
    drops = server.numbers()["drops"]
    rig.check(drops.get("ethernet_vlan", 0) > 0, f"{drops}")
    server.stop()

# By DPDK, which makes the device.
vlan.leave()
tap.ip("link", "delete", tap.DEVICE)
if os.path.exists(os.path.join(bin_dir, "skerry-forward")) and not rig.sanitized(bin_dir):
    with tap.serve_dpdk(bin_dir, "--proto=tcp", f"--vlan={OURS}") as server:
        vlan.join(OURS)
        data = os.urandom(SIZE)
        rig.check(kernel_tcp.exchange(data) == data, "the echo is another")
        rig.check(ping("-M", "do", "-s", str(MTU - 28)), "no answer to the longest ping")
        server.stop()
    print("and over net_tap")
print("ok")
