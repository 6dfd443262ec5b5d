# ctest: TIMEOUT 500
"""--ip=dhcp: our own stack over a TAP device gets its address from Debian's dnsmasq, is reached there by the kernel,
renews, and gives it back. A server that refuses takes it, one whose address somebody has is told so, and where there is
none the program says so. tshark reads what was on the wire.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
rig.need("dnsmasq", "tshark")
PORT = 7001
START = 60  # seconds: the probe for the address takes up to 7, and a second one after a DECLINE
RENEWAL = 30  # dnsmasq lends for 2 minutes at least, and says after how many of them it wants to be asked again
ALONE = "skerry9"  # a device with no server on it
TAKEN, NEXT = "198.18.0.50", "198.18.0.51"
folder = tempfile.TemporaryDirectory()


class Dnsmasq(rig.Child):
    """A server of DHCP alone, with a log to read."""

    def __init__(self, first, last, *options, device=tap.DEVICE):
        self.log_file = os.path.join(folder.name, f"dnsmasq{time.monotonic_ns()}.log")
        self.log_to = open(self.log_file, "w", encoding="ascii")
        # Without a file of leases, which it writes to the disk between the log and the answer.
        self.process = subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root", "--no-ping",
             f"--interface={device}", "--bind-dynamic", "--dhcp-authoritative", "--dhcp-sequential-ip", "--log-dhcp",
             "--log-facility=-", "--leasefile-ro", f"--pid-file={self.log_file}.pid",
             f"--dhcp-range={first},{last},255.255.255.0,2m", "--dhcp-option-force=option:T1,6", *options],
            stdout=self.log_to, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        rig.wait_until(lambda: "DHCP, IP range" in self.log() or self.process.poll() is not None, "dnsmasq starts")
        rig.check(self.process.poll() is None, f"dnsmasq has ended: {self.log()}")

    def __exit__(self, *what):
        super().__exit__(*what)
        self.log_to.close()

    def log(self):
        with open(self.log_file, encoding="ascii") as file:
            return file.read()

    def count(self, message):
        return len(re.findall(rf"{message}\({tap.DEVICE}\)", self.log()))


def serve(*options, **how):
    return rig.Server(bin_dir, f"--backend=tap:{tap.DEVICE}", "--ip=dhcp", tap.CORE, "--proto=tcp", *options,
                      listen=f"0.0.0.0:{PORT}", patience=START, **how)


def lent(server):
    found = re.search(r"address (\S+)/24 by DHCP", server.start_line)
    rig.check(found, f"no address in {server.start_line!r}")
    return found[1]


def connect(address):
    return socket.create_connection((address, PORT), timeout=rig.PATIENCE)


def echo(connection, size=100_000):
    data = b"skerry" * (size // 6) + bytes(size % 6)  # what tshark takes for no other protocol
    sender = threading.Thread(target=connection.sendall, args=(data,))
    sender.start()
    rig.check(rig.receive(connection, size) == data, "the echo is another")
    sender.join()


def tshark(path, *arguments):
    done = subprocess.run(["tshark", "-r", path, *arguments], capture_output=True, text=True,
                          timeout=3 * rig.PATIENCE)
    rig.check(done.returncode == 0, f"tshark does not read {path}: {done.stderr}")
    return done.stdout


def check_wire(path, address):
    """What the client said, in this order, and that nobody has anything against how."""
    types = [int(line) for line in tshark(path, "-Y", "dhcp", "-T", "fields", "-e", "dhcp.option.dhcp").split()]
    rig.check(types[:4] == [1, 2, 3, 5], f"messages {types}")
    rig.check(types[4:6] == [3, 5], f"no renewal in {types}")
    rig.check(types[-1] == 7, f"no RELEASE at the end of {types}")
    # A reader that the machine did not let run in time fills or closes its window.
    worst = tshark(path, "-Y", "(dhcp || arp || tcp) && _ws.expert.severity >= 0x00600000 && "
                   "!tcp.analysis.window_full && !tcp.analysis.zero_window", "-o",
                   "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields", "-e", "frame.number",
                   "-e", "_ws.expert.message")
    rig.check(worst == "", f"tshark complains: {worst}")
    probes = tshark(path, "-Y", f"arp.src.proto_ipv4 == 0.0.0.0 && arp.dst.proto_ipv4 == {address}", "-T", "fields",
                    "-e", "frame.number").split()
    rig.check(len(probes) == 3, f"{len(probes)} probes")


tap.make()
tap.ip("tuntap", "add", ALONE, "mode", "tap")
tap.ip("link", "set", ALONE, "up")
alone = subprocess.Popen([os.path.join(bin_dir, "skerry-echo"), f"--listen=0.0.0.0:{PORT}", f"--backend=tap:{ALONE}",
                          "--ip=dhcp", tap.CORE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)

# An address, the kernel by TCP, a renewal under a connection that stands, and back.
path = os.path.join(folder.name, "dhcp.pcapng")
with Dnsmasq("198.18.0.60", "198.18.0.69", "--dhcp-option=26,1400", "--dhcp-option=6,198.18.0.1",
             "--dhcp-option=121,192.0.2.0/24,198.18.0.1,0.0.0.0/0,198.18.0.1") as dhcp:
    with serve(f"--capture={path}") as server:
        address = lent(server)
        rig.check(address.startswith("198.18.0.6"), f"{address} is none of the server's")
        with connect(address) as connection:
            echo(connection)
            rig.wait_until(lambda: dhcp.count("DHCPACK") >= 2, "a renewal is acknowledged", RENEWAL)
            echo(connection)
        rig.check(dhcp.count("DHCPDISCOVER") == 1 and dhcp.count("DHCPNAK") == 0, dhcp.log())
        numbers = server.numbers()["drops"]
        rig.check(not any(name.startswith("dhcp") for name in numbers), f"{numbers}")
        server.stop()
    rig.wait_until(lambda: dhcp.count("DHCPRELEASE") == 1, "the address is given back")
check_wire(path, address)
print(f"{address} was lent, renewed and given back")

# A server that refuses what another lent: the connection ends, and another address is asked for.
first = Dnsmasq("198.18.0.70", "198.18.0.70")
with first, serve() as server:
    before = lent(server)
    with connect(before) as connection:
        echo(connection)
        # The servers change right after a renewal: one that found nobody would be sent again a minute later.
        renewals = first.count("DHCPACK")
        rig.wait_until(lambda: first.count("DHCPACK") > renewals, "a renewal is acknowledged", RENEWAL)
        first.process.terminate()
        first.process.wait()
        with Dnsmasq("198.18.0.80", "198.18.0.80") as second:
            rig.wait_until(lambda: second.count("DHCPNAK") >= 1, "the server refuses", RENEWAL)
            rig.wait_until(lambda: second.count("DHCPACK") >= 1, "it lends another", 40)

            def answers():
                try:
                    with socket.create_connection(("198.18.0.80", PORT), timeout=1) as fresh:
                        echo(fresh, 1000)
                    return True
                except OSError:
                    return False
            rig.wait_until(answers, "the new address answers", 20)
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(timeout=30)
            said = server.process.stderr.read()
            rig.check("refuses us 198.18.0.70" in said, f"no line about it: {said!r}")
print(f"after {before} was refused, 198.18.0.80")

# The first address that the server has is the kernel's already.
tap.ip("address", "add", f"{TAKEN}/32", "dev", "lo")
with Dnsmasq(TAKEN, NEXT) as dhcp, serve() as server:
    rig.check(lent(server) == NEXT, server.start_line)
    rig.check(dhcp.count("DHCPDECLINE") == 1, dhcp.log())
    with connect(NEXT) as connection:
        echo(connection, 1000)
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(timeout=30)
print(f"{TAKEN} was declined, and {NEXT} taken")

# Nobody answers.
_, said = alone.communicate(timeout=90)
rig.check(alone.returncode == 1 and said.count("\n") == 1 and "no DHCP server answered" in said,
          f"ended with {alone.returncode}: {said!r}")
print("where nobody answers:", said.strip())

# Over DPDK, which makes the device: its server comes when it is there. One core asks, and both have the address.
tap.ip("link", "delete", tap.DEVICE)
cores = ",".join(str(core) for core in sorted(os.sched_getaffinity(0))[:2])
if os.path.exists(os.path.join(bin_dir, "skerry-forward")) and not rig.sanitized(bin_dir):
    servers = []

    def come():
        rig.wait_until(lambda: tap.ip("link", "show", tap.DEVICE, check=False).returncode == 0,
                       "DPDK makes its device", START)
        tap.configure()
        servers.append(Dnsmasq("198.18.0.90", "198.18.0.99"))
    waiter = threading.Thread(target=come)
    waiter.start()
    with rig.Server(bin_dir, "--backend=dpdk", f"--dpdk=vdev=net_tap0,iface={tap.DEVICE}", "--ip=dhcp",
                    f"--cores={cores}", "--proto=tcp", listen=f"0.0.0.0:{PORT}", patience=START) as server:
        waiter.join()
        with servers[0]:
            for _ in range(8):
                with connect(lent(server)) as connection:
                    echo(connection)
            server.stop()
            rig.wait_until(lambda: servers[0].count("DHCPRELEASE") == 1, "the address is given back")
    print("and over net_tap")
print("ok")
