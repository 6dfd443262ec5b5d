# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""Over AF_XDP our stack shares an interface with the kernel: what is for another address goes on to the kernel as if
there were no program, also while ours is flooded; what is lost is counted and told; who has no interface any more ends.
"""

import os
import re
import signal
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402

KERNELS = "198.18.0.3"  # the kernel's address on our end of the cable

bin_dir = rig.start()
rig.need("nsenter", "ping")
tap.need_xdp(bin_dir)


class Host:
    """The other end of the cable, in a network of its own."""

    def __enter__(self):
        self.process = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
        own = os.readlink("/proc/self/ns/net")
        rig.wait_until(lambda: os.readlink(f"/proc/{self.process.pid}/ns/net") != own, "the other network is there")
        tap.ip("link", "set", tap.DEVICE, "netns", str(self.process.pid))
        self.run("ip", "address", "add", f"{tap.KERNEL}/24", "dev", tap.DEVICE)
        self.run("ip", "link", "set", tap.DEVICE, "up")
        self.run("ip", "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def run(self, *command, check=True):
        done = subprocess.run(["nsenter", "-t", str(self.process.pid), "-n", *command], capture_output=True, text=True,
                              timeout=4 * rig.PATIENCE)
        rig.check(not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}")
        return done

    def python(self, text, check=True):
        return self.run(sys.executable, "-c", text, check=check).stdout.strip()

    def ping(self, address, count=5):
        done = self.run("ping", "-n", "-c", str(count), "-i", "0.01", "-w", str(rig.PATIENCE), address)
        rig.check(f"{count} received" in done.stdout, done.stdout)

    def ask(self, address, port):
        """What a server there answers to one message by TCP."""
        return self.python(f"""
import socket
with socket.create_connection(("{address}", {port}), timeout={rig.PATIENCE}) as connection:
    connection.sendall(b"hello")
    print(connection.recv(100).decode())
""")


def note_of(server):
    """Ends the server, and returns what it noted."""
    server.process.send_signal(signal.SIGTERM)
    _, said = server.process.communicate(timeout=2 * rig.PATIENCE)
    rig.check(server.process.returncode == 0, f"ended with {server.process.returncode}: {said}")
    return said


def lost(said):
    found = re.search(r"note: xdp: \w+: packets lost: (.*)", said)
    return dict((name, int(count)) for name, count in re.findall(r"(\w+) (\d+)", found[1])) if found else {}


def goes_both_ways(host):
    with tap.serve_xdp(bin_dir, "--proto=tcp") as server, socket.socket() as kernels:
        kernels.bind((KERNELS, 7001))  # the same port: another address
        kernels.listen()
        kernels.settimeout(rig.PATIENCE)
        for _ in range(3):
            host.ping(KERNELS)
            host.ping(tap.OURS)
        rig.check(host.ask(tap.OURS, 7001) == "hello", "our own server's answer")
        asking = subprocess.Popen(["nsenter", "-t", str(host.process.pid), "-n", "bash", "-c",
                                   f"exec 3<>/dev/tcp/{KERNELS}/7001; echo hello >&3; head -n 1 <&3"],
                                  stdout=subprocess.PIPE, text=True)
        connection, _ = kernels.accept()
        rig.check(connection.recv(100) == b"hello\n", "what came to the kernel's server")
        connection.sendall(b"kernel\n")
        rig.check(asking.communicate(timeout=rig.PATIENCE)[0] == "kernel\n", "the kernel's answer")
        # Broadcasts and groups are the kernel's.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hears:
            hears.settimeout(rig.PATIENCE)
            hears.bind(("0.0.0.0", 7002))
            index = socket.if_nametoindex(tap.CABLE_END)
            hears.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                             struct.pack("4s4si", socket.inet_aton("239.1.2.3"), socket.inet_aton("0.0.0.0"), index))
            for address in ("198.18.0.255", "239.1.2.3"):
                host.python(f"""
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("{tap.KERNEL}"))
    sender.sendto(b"{address}", ("{address}", 7002))
""")
                rig.check(hears.recv(100) == address.encode(), f"what was sent to {address}")
        server.stop()
    print("the kernel's traffic goes on")


def says_that_an_address_is_shared():
    tap.ip("address", "add", f"{tap.OURS}/24", "dev", tap.CABLE_END)
    with tap.serve_xdp(bin_dir, "--proto=tcp") as server:
        said = note_of(server)
    tap.ip("address", "del", f"{tap.OURS}/24", "dev", tap.CABLE_END)
    rig.check("the kernel has the address of --ip too" in said, f"it said {said!r}")
    print("an address of both")


def counts_what_is_lost(host):
    """While the server is stopped more comes than its ring holds, and longer packets than a chunk, or the MTU."""
    with tap.serve_xdp(bin_dir, "--proto=udp") as server:
        host.ping(tap.OURS)
        os.kill(server.process.pid, signal.SIGSTOP)
        rig.wait_until(lambda: server.is_everywhere("T"), "the server is stopped")
        host.python(f"""
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.connect(("{tap.OURS}", 7001))
    for _ in range(6000):
        sender.send(b"x" * 100)
""")
        host.ping(KERNELS)
        os.kill(server.process.pid, signal.SIGCONT)
        rig.wait_until(lambda: host.run("ping", "-n", "-c", "1", "-W", "1", tap.OURS, check=False).returncode == 0,
                       "our stack answers again")
        host.ping(tap.OURS)
        said = note_of(server)
    counts = lost(said)
    full = counts.get("rx_ring_full", 0) + counts.get("fill_ring_empty", 0)
    rig.check(full > 2000 and counts["damaged"] == counts["too_long"] == 0, f"of 6,000 at most 2,048 fit: {said!r}")
    print("flooded:", counts)

    tap.ip("link", "set", tap.CABLE_END, "mtu", "9000")
    host.run("ip", "link", "set", tap.DEVICE, "mtu", "9000")
    with tap.serve_xdp(bin_dir, "--proto=udp") as server:
        host.ping(tap.OURS)
        for size in (1600, 5000):
            host.python(f"""
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.connect(("{tap.OURS}", 7001))
    for _ in range(10):
        sender.send(b"x" * {size})
""")
        host.ping(tap.OURS)
        said = note_of(server)
    counts = lost(said)
    rig.check(counts.get("too_long") == 10 and counts.get("rx_dropped") == 10, f"too long packets: {said!r}")
    host.run("ip", "link", "set", tap.DEVICE, "mtu", "1500")
    tap.ip("link", "set", tap.CABLE_END, "mtu", "1500")
    print("too long:", counts)


def ends_with_the_interface(host):
    """A server whose interface is taken away says so and ends, also when nothing comes and it has nothing to send."""
    with tap.serve_xdp(bin_dir, "--proto=udp") as server:
        host.ping(tap.OURS)
        host.run("ip", "link", "del", tap.DEVICE)
        _, said = server.process.communicate(timeout=2 * rig.PATIENCE)
        rig.check(server.process.returncode == 1 and f"note: xdp: {tap.CABLE_END}: the interface was taken away" in said
                  and "cannot serve any more" in said, f"{server.process.returncode}: {said!r}")
    print("the interface goes away")


tap.ip("address", "add", f"{KERNELS}/24", "dev", tap.CABLE_END)
tap.ip("address", "flush", "dev", tap.DEVICE)
with Host() as other:
    goes_both_ways(other)
    says_that_an_address_is_shared()
    counts_what_is_lost(other)
    ends_with_the_interface(other)
print("ok")
