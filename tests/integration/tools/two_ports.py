"""Our own stack on two devices at once, the Linux kernel at the other end of both: what tests of that share."""

import concurrent.futures
import os
import socket
import subprocess
import threading

import rig
import tap

SECOND, SECOND_END = "skerry2", "skerry3"  # the device beside tap.DEVICE, and its other end where it is a cable
KERNEL_2, OURS_2 = "198.19.0.1", "198.19.0.2"
BEHIND = "198.51.100.7"  # an address of the kernel's loopback
PORT, KERNEL_PORT = 7001, 7003
SIZE = 300_000
IPS = f"--ip={tap.OURS}/24+{OURS_2}/24"


def configure_second():
    """Gives the kernel's end of the second device its address."""
    with open(f"/proc/sys/net/ipv6/conf/{SECOND}/disable_ipv6", "w", encoding="ascii") as off:
        off.write("1")
    tap.ip("address", "add", f"{KERNEL_2}/24", "dev", SECOND)
    tap.ip("link", "set", SECOND, "up")


def lay_second_cable():
    """As tap.lay_cable(), the second one."""
    tap.ip("link", "add", SECOND, "type", "veth", "peer", "name", SECOND_END)
    for device in (SECOND, SECOND_END):
        features = (part for name in ("rx", "tx", "tso", "gso", "gro") for part in (name, "off"))
        subprocess.run(["ethtool", "-K", device, *features], check=True, capture_output=True)
    with open(f"/proc/sys/net/ipv6/conf/{SECOND_END}/disable_ipv6", "w", encoding="ascii") as off:
        off.write("1")
    tap.ip("link", "set", SECOND_END, "up")
    configure_second()


def exchange(address):
    """Sends a server of ours its bytes, and reads them back at the same time."""
    data = os.urandom(SIZE)
    with socket.create_connection((address, PORT), timeout=rig.PATIENCE) as connection:
        sender = threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)))
        sender.start()
        got = bytearray()
        while piece := connection.recv(65_536):
            got += piece
        sender.join()
    rig.check(got == data, f"the echo of {address} is another: {len(got)} bytes")


def ask_tcp(server):
    """Connections by both ports at the same time, and pings."""
    addresses = (tap.OURS, OURS_2) * 4
    with concurrent.futures.ThreadPoolExecutor(len(addresses)) as pool:
        list(pool.map(exchange, addresses))
    for address in (OURS_2, tap.OURS):
        done = subprocess.run(["ping", "-c", "1", "-W", str(rig.PATIENCE), address], capture_output=True)
        rig.check(done.returncode == 0, f"no ping of {address}")
    last = server.stop()
    rig.check(last["connections"] == len(addresses), f"{last}")


def ask_udp(server):
    """Datagrams by both ports in turn: each is answered from the address that it was sent to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.settimeout(rig.PATIENCE)
        for number in range(20):
            for address in (tap.OURS, OURS_2):
                text = f"{address} {number}".encode()
                ours.sendto(text, (address, PORT))
                got, sender = ours.recvfrom(100)
                rig.check(got == text and sender == (address, PORT), f"{text}: {got} from {sender}")
    # An address is its port's alone: the kernel asks for that of the second on the first, and nobody answers.
    done = subprocess.run(["ping", "-c", "1", "-W", "1", "-I", tap.DEVICE, OURS_2], capture_output=True)
    rig.check(done.returncode != 0, "the first port answers for the second")
    server.stop()


def echo(connection):
    with connection:
        while piece := connection.recv(65_536):
            connection.sendall(piece)


def serve(address):
    """The kernel's server at this address, until the test ends."""
    listener = socket.create_server((address, KERNEL_PORT))

    def answer():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=echo, args=(connection,), daemon=True).start()

    threading.Thread(target=answer, daemon=True).start()
