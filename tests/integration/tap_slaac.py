# ctest: TIMEOUT 240
"""--ip6=auto over a TAP device: Debian's radvd names a prefix, a program makes an address of it and is reached there by
the kernel, on the link and through the router. A radvd that ends is no router any more. An address that another station
has is refused when a program starts, and the kernel finds ours taken. Without IPv4 the kernel gets no answer to ARP.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402

PREFIX, FAR = "fd00:198:18:", "2001:db8:99::1"
folder = tempfile.TemporaryDirectory()


class Radvd(rig.Child):
    """A router of the kernel's end of the device."""

    def __init__(self, options, of_prefix, patience=rig.PATIENCE):
        config = os.path.join(folder.name, "radvd.conf")
        with open(config, "w", encoding="ascii") as out:
            out.write(f"interface {tap.DEVICE} {{ IgnoreIfMissing on; AdvSendAdvert on; MinRtrAdvInterval 3; "
                      f"MaxRtrAdvInterval 4; {options} prefix {PREFIX}:/64 {{ {of_prefix} }}; }};\n")
        os.chmod(folder.name, 0o755)
        self.process = subprocess.Popen([radvd, "-n", "-C", config, "-p", os.path.join(folder.name, "pid"), "-m",
                                         "stderr", "-u", "root"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self):
        """It says that it is no router any more."""
        self.process.terminate()
        self.process.wait(rig.PATIENCE)


def set_switch(name, value, device=tap.DEVICE):
    with open(f"/proc/sys/net/ipv6/conf/{device}/{name}", "w", encoding="ascii") as switch:
        switch.write(str(value))


def serve(*options, proto="tcp", ip6="auto"):
    return rig.Server(bin_dir, f"--backend=tap:{tap.DEVICE}", f"--ip6={ip6}", f"--proto={proto}", tap.CORE, *options,
                      listen="[::]:7001", patience=2 * rig.PATIENCE)


def address_in(line):
    found = re.search(r"IPv6 address (\S+)/64, router (fe80:\S+?)\)", line)
    rig.check(found, f"no address in the start line: {line}")
    return found[1]


def asks(address, source="::", tries=20, wait=1.0):
    """Whether a datagram to our stack is answered, from one of the kernel's addresses."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as ours:
        ours.bind((source, 0))
        ours.settimeout(wait)
        for number in range(tries):
            ours.sendto(str(number).encode(), (address, 7001))
            try:
                if ours.recv(100) == str(number).encode():
                    return True
            except TimeoutError:
                pass
    return False


def exchange(address):
    with socket.create_connection((address, 7001), timeout=rig.PATIENCE) as ours:
        data = os.urandom(100_000)
        got = b""
        ours.sendall(data[:50_000])
        while len(got) < 50_000:
            got += ours.recv(65_536)
        rig.check(got == data[:50_000], "the echo is another")


def gets_an_address():
    with Radvd("", "AdvOnLink on; AdvAutonomous on;"), serve() as server:
        print(server.start_line)
        address = address_in(server.start_line)
        rig.check(address.startswith(PREFIX), address)
        exchange(address)
        rig.check(subprocess.run(["ping", "-6", "-c", "1", "-W", str(rig.PATIENCE), address],
                                 capture_output=True).returncode == 0, "no answer to a ping")
        # The kernel looks for another station before it takes the same address, and finds us.
        set_switch("accept_dad", 1)
        tap.ip("address", "add", f"{address}/64", "dev", tap.DEVICE)
        rig.wait_until(lambda: "dadfailed" in tap.ip("-6", "address", "show", "dev", tap.DEVICE).stdout,
                       "the kernel finds our address taken")
        tap.ip("address", "del", f"{address}/64", "dev", tap.DEVICE)
        set_switch("accept_dad", 0)
        server.stop()
    print("gets an address of radvd's prefix, and has it alone")


def loses_its_router():
    with Radvd("AdvDefaultLifetime 1800;", "AdvOnLink on; AdvAutonomous on;") as router, serve(proto="udp") as server:
        address = address_in(server.start_line)
        rig.check(asks(address), "no answer on the link")
        rig.check(asks(address, FAR), "no answer by the router")
        router.end()
        rig.wait_until(lambda: not asks(address, FAR, tries=1, wait=0.3), "the router is left")
        rig.check(asks(address), "the address went with the router")
        drops = server.numbers()["drops"]
        rig.check(drops.get("ipv6_no_route", 0) > 0, f"{drops}")
        server.stop()
    print("loses its router, and keeps its address")


def is_refused():
    done = rig.run(bin_dir, "skerry-echo", "--proto=udp", f"--listen=[::]:7001", f"--backend=tap:{tap.DEVICE}",
                   f"--ip6={tap.KERNEL_V6}/64", tap.CORE)
    lines = [line for line in done.stderr.splitlines() if ": note: " not in line]
    rig.check(done.returncode == 1 and len(lines) == 1 and "another station on the link has this address" in lines[0],
              f"a duplicate: {done.returncode} {done.stderr!r}")
    print("refused:", lines[0])


def waits_for_no_router():
    begun = time.monotonic()
    with serve() as server:
        rig.check("no router has given an IPv6 address yet" in server.start_line, server.start_line)
        rig.check(time.monotonic() - begun < 2 * rig.PATIENCE, "it waits for ever")
        server.stop()
    print("starts without a router")


def is_alone():
    """Without --ip."""
    with serve(ip6=f"{tap.OURS_V6}/64", proto="udp") as server:
        rig.check(asks(tap.OURS_V6), "no answer by IPv6")
        tap.ip("address", "add", "198.18.0.1/24", "dev", tap.DEVICE)
        done = subprocess.run(["ping", "-c", "1", "-W", "1", "198.18.0.2"], capture_output=True, text=True)
        rig.check(done.returncode != 0, "an answer by IPv4")
        drops = server.numbers()["drops"]
        rig.check(drops.get("arp_unsolicited", 0) > 0, f"{drops}")
        server.stop()
    print("speaks IPv6 alone")


bin_dir = rig.start()
radvd = next((path for path in ("/usr/sbin/radvd", "/sbin/radvd") if os.path.exists(path)), None)
if radvd is None:
    rig.skip("radvd is not installed")
rig.need("ping")
tap.speak_ipv6()
tap.make()
set_switch("accept_dad", 0)
set_switch("forwarding", 1)
set_switch("forwarding", 1, "all")
tap.ip("address", "add", f"{FAR}/128", "dev", "lo")
gets_an_address()
loses_its_router()
is_refused()
waits_for_no_router()
is_alone()
print("ok")
