# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""Our own stack over AF_XDP answers the Linux kernel by IPv6, with the program in the device's driver and in generic
mode; beside it the kernel has its own IPv6 on the same interface, an address whose neighbours ask in our group too.
"""

import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402
import xdp  # noqa: E402

BESIDE = "fd00:198:18::9:0:2"  # the kernel's on our end; the low 24 bits are those of our address

bin_dir = rig.start()
rig.need("nsenter", "ping")
tap.speak_ipv6()
tap.need_xdp(bin_dir)

for mode in xdp.modes():
    with tap.serve_xdp(bin_dir, "--proto=udp") as server:
        groups = tap.ip("maddress", "show", "dev", tap.CABLE_END).stdout
        rig.check("33:33:ff:00:00:02" in groups, f"a card would not let the questions for us pass: {groups}")
        xdp.answers_everything(server, mode)
xdp.takes_unfinished_checksums(bin_dir)


class Neighbour:
    """The other end of the cable, in a network of its own."""

    def __enter__(self):
        self.process = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
        own = os.readlink("/proc/self/ns/net")
        rig.wait_until(lambda: os.readlink(f"/proc/{self.process.pid}/ns/net") != own, "the other network is there")
        tap.ip("link", "set", tap.DEVICE, "netns", str(self.process.pid))
        self.run("ip", "address", "add", f"{tap.KERNEL}/64", "dev", tap.DEVICE, "nodad")
        self.run("ip", "link", "set", tap.DEVICE, "up")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def run(self, *command):
        done = subprocess.run(["nsenter", "-t", str(self.process.pid), "-n", *command], capture_output=True, text=True,
                              timeout=4 * rig.PATIENCE)
        rig.check(done.returncode == 0, f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def ping(self, address):
        self.run("ping", "-6", "-n", "-c", "3", "-i", "0.01", "-w", str(rig.PATIENCE), address)


with open(f"/proc/sys/net/ipv6/conf/{tap.CABLE_END}/disable_ipv6", "w", encoding="ascii") as switch:
    switch.write("0")
tap.ip("address", "add", f"{BESIDE}/64", "dev", tap.CABLE_END, "nodad")
with Neighbour() as neighbour, tap.serve_xdp(bin_dir, "--proto=udp") as server:
    rig.wait_until(lambda: "tentative" not in tap.ip("-6", "address", "show").stdout, "the kernel has its addresses")
    kernels = tap.ip("-6", "-br", "address", "show", "dev", tap.CABLE_END).stdout.split()
    link_local = [word.split("/")[0] for word in kernels if word.startswith("fe80::")]
    rig.check(len(link_local) == 1, f"the kernel's link-local address: {kernels}")
    for _ in range(2):
        neighbour.ping(tap.OURS)
        neighbour.ping(BESIDE)
        neighbour.ping(f"{link_local[0]}%{tap.DEVICE}")
    entries = neighbour.run("ip", "-6", "neighbour", "show", "dev", tap.DEVICE)
    for address in (tap.OURS, BESIDE, link_local[0]):
        rig.check(f"{address} lladdr " in entries, f"{address}: {entries}")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as hears:  # groups are the kernel's
        hears.settimeout(rig.PATIENCE)
        hears.bind(("::", 7002))
        neighbour.run(sys.executable, "-c", f"""
import socket
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
    sender.sendto(b"all", ("ff02::1%{tap.DEVICE}", 7002))
""")
        rig.check(hears.recv(100) == b"all", "what was sent to all on the link")
    server.stop()
print("ok")
