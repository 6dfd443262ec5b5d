"""What the kernel asks of a stack with several addresses of a family: two of one network, and one of another."""

import re
import socket
import subprocess
import threading

import rig
import tap

SECOND = "198.18.0.3"  # of the first one's network
OTHER, OTHER_KERNEL = "203.0.113.2", "203.0.113.1"  # of a network of 16
NOBODY = "198.18.0.9"
IPS = f"--ip={tap.OURS}/24,{SECOND}/24,{OTHER}/28"
ALL = (tap.OURS, SECOND, OTHER)
PORT = 7004
KINDS = (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM))


def configure():
    """Gives the kernel's end an address in the other network too."""
    tap.ip("address", "add", f"{OTHER_KERNEL}/28", "dev", tap.DEVICE)


def is_echoed(address, port, kind=socket.SOCK_STREAM):
    """Whether what is sent there comes back, and from there: a connected socket hears nobody else."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as client:
        client.settimeout(5)
        try:
            client.connect((address, port))
            for number in range(20):
                text = f"{address} {number}".encode()
                client.sendall(text)
                if client.recv(1000) != text:
                    return False
        except OSError:
            return False
    return True


def answers_by_all(server, kind=socket.SOCK_STREAM):
    """A server of all of them answers each from where it was asked."""
    rig.check(f"IPv4 addresses {tap.OURS}/24, {SECOND}/24, {OTHER}/28" in server.start_line, server.start_line)
    for address in ALL * 2:
        rig.check(is_echoed(address, server.port, kind), f"no echo of {address}")
        if rig.shutil.which("ping"):
            done = subprocess.run(["ping", "-c1", "-W5", address], capture_output=True, text=True)
            rig.check(done.returncode == 0, f"no pong of {address}: {done.stdout}")
    neighbours = tap.ip("neighbour", "show", "dev", tap.DEVICE).stdout
    macs = {address: re.search(rf"^{re.escape(address)} lladdr (\S+)", neighbours, re.M) for address in ALL}
    rig.check(all(macs.values()) and len({found[1] for found in macs.values()}) == 1, neighbours)
    rig.check(not is_echoed(NOBODY, server.port, kind), f"{NOBODY} answers, which is nobody's")


def answers_by_one(server, of, kind):
    """A server of one of them is not heard by the others."""
    for address in ALL:
        rig.check(is_echoed(address, server.port, kind) == (address == of), f"{address}, of a server at {of}")


def comes_from_the_right_one(bin_dir, options):
    """What a client of ours comes from, as the kernel sees it."""
    for own, kernel in ((tap.OURS, tap.KERNEL), (OTHER, OTHER_KERNEL)):
        seen = set()
        with socket.create_server((kernel, PORT)) as listener:
            def serve():
                while True:
                    try:
                        connection, peer = listener.accept()
                    except OSError:
                        return
                    seen.add(peer[0])
                    threading.Thread(target=echo, args=(connection,), daemon=True).start()

            threading.Thread(target=serve, daemon=True).start()
            report = rig.loadgen(bin_dir, *options, f"--connect={kernel}:{PORT}", "--loop=closed", "--conns=2",
                                 "--duration=200ms", "--warmup=0ms", rig.ALL_ANSWERS)
        rig.check(report["count"] > 10 and seen == {own}, f"{kernel} was asked {report['count']} times by {seen}")


def echo(connection):
    with connection:
        while piece := connection.recv(65_536):
            connection.sendall(piece)


# --- the same of IPv6

SECOND_V6 = "fd00:198:18::3"  # of the first one's network
OTHER_V6, OTHER_KERNEL_V6 = "fd00:113::2", "fd00:113::1"
NOBODY_V6 = "fd00:198:18::9"
IPS_V6 = f"--ip6={tap.OURS_V6}/64,{SECOND_V6}/64,{OTHER_V6}/48"
ALL_V6 = (tap.OURS_V6, SECOND_V6, OTHER_V6)


def configure_v6():
    """Gives the kernel's end an address in each network."""
    tap.ip("address", "add", f"{tap.KERNEL_V6}/64", "dev", tap.DEVICE, "nodad")
    tap.ip("address", "add", f"{OTHER_KERNEL_V6}/48", "dev", tap.DEVICE, "nodad")


def answers_by_all_v6(server, kind):
    """A server of all of them answers each from where it was asked: a connected socket hears nobody else."""
    text = f"IPv6 addresses {tap.OURS_V6}/64, {SECOND_V6}/64, {OTHER_V6}/48"
    rig.check(text in server.start_line, server.start_line)
    for address in ALL_V6 * 2:
        rig.check(is_echoed(address, server.port, kind), f"no echo of {address}")
    rig.check(not is_echoed(NOBODY_V6, server.port, kind), f"{NOBODY_V6} answers, which is nobody's")


def answers_by_one_v6(server, of, kind):
    for address in ALL_V6:
        rig.check(is_echoed(address, server.port, kind) == (address == of), f"{address}, of a server at {of}")


def answers_v6(bin_dir, backend):
    """All of that over one backend, of both protocols; the kernel's end of its device exists."""
    with open(f"/proc/sys/net/ipv6/conf/{tap.DEVICE}/disable_ipv6", "w", encoding="ascii") as switch:
        switch.write("0")
    configure_v6()
    options = (backend, IPS_V6, tap.CORE)
    for proto, kind in KINDS:
        with rig.Server(bin_dir, *options, f"--proto={proto}", listen="[::]:7001") as server:
            answers_by_all_v6(server, kind)
            server.stop()
        for of in ALL_V6:
            with rig.Server(bin_dir, *options, f"--proto={proto}", listen=f"[{of}]:7001") as server:
                answers_by_one_v6(server, of, kind)
                server.stop()
