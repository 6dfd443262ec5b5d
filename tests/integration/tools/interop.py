"""Our TCP and the kernel's in one cell of a matrix: a device, an address family, an MTU and what the kernel is set to.

Each is a server of the other once. Bytes come back as they were sent, both ends close in order, the kernel says that
what it offers was taken and nothing else, and a third party finds nothing wrong with a segment of either.
"""

import dataclasses
import itertools
import os
import re
import socket
import struct
import subprocess
import threading

import kernel_tcp
import rig
import tap

PORT = kernel_tcp.PORT
KERNELS_PORT = 7100
# What the two sides may differ in, and the values of each.
DIMENSIONS = {
    "device": ("tap", "net_tap", "net_af_packet", "net_af_xdp", "xdp"),
    "family": ("ipv4", "ipv6"),
    "mtu": (576, 1280, 1500, 9000),  # of both ends, but for a port that takes no more than 1500
    "tcp_sack": (1, 0),
    "tcp_timestamps": (1, 0),
    "tcp_window_scaling": (1, 0),
    "tcp_ecn": (0, 1),
    "congestion_control": ("cubic", "reno", "bbr"),
}
SYSCTLS = [name for name in DIMENSIONS if name.startswith("tcp_")]
SIZES = (1, 1448, 1 << 18)


@dataclasses.dataclass(frozen=True)
class Cell:
    device: str
    family: str
    mtu: int
    tcp_sack: int
    tcp_timestamps: int
    tcp_window_scaling: int
    tcp_ecn: int
    congestion_control: str

    def __str__(self):
        return ",".join(str(getattr(self, name)) for name in DIMENSIONS)

    @staticmethod
    def parse(text):
        parts = text.split(",")
        return Cell(*(type(values[0])(part) for part, values in zip(parts, DIMENSIONS.values())))

    def our_mtu(self):
        takes_jumbo = self.device == "tap" or "mtu=" in self.device  # the latter a card
        return self.mtu if takes_jumbo else min(self.mtu, 1500)

    def is_possible(self):
        # RFC 8200 section 5: no link of IPv6 takes less than 1,280 bytes. The kernel has no XDP on a cable whose other
        # end sends more than a page.
        return (self.family == "ipv4" or self.mtu >= 1280) and (self.device != "net_af_xdp" or self.mtu <= 1500)

    def meetings(self, count):
        """Which `count` values meet here."""
        return set(itertools.combinations(((name, getattr(self, name)) for name in DIMENSIONS), count))


def every_cell():
    cells = (Cell(*values) for values in itertools.product(*DIMENSIONS.values()))
    return [cell for cell in cells if cell.is_possible()]


def few_cells(count):
    """Few cells in which any `count` values that can meet do meet once. The same ones every time."""
    candidates = {cell: cell.meetings(count) for cell in every_cell()}
    left = set().union(*candidates.values())
    chosen = []
    while left:
        best = max(candidates, key=lambda cell: len(candidates[cell] & left))  # the first of those that bring most
        chosen.append(best)
        left -= candidates[best]
    return chosen


class Wire:
    """The two ends of a cell, and how a program of ours is told to take one of them."""

    def __init__(self, bin_dir, cell):
        self.bin_dir, self.cell = bin_dir, cell
        self.addresses = tap.ADDRESSES if cell.family == "ipv6" else tap.ADDRESSES[:1]
        if cell.family == "ipv6":
            tap.speak_ipv6()
        if cell.device == "tap":
            tap.make()
        elif cell.device != "net_tap":  # which makes its own, for as long as a program runs
            tap.lay_cable()
        for name in SYSCTLS:
            subprocess.run(["sysctl", "-q", "-w", f"net.ipv4.{name}={getattr(cell, name)}"], check=True)
        if cell.device != "net_tap":
            self.shape()

    def shape(self):
        tap.ip("link", "set", tap.DEVICE, "mtu", str(self.cell.mtu))
        if self.cell.device not in ("tap", "net_tap"):
            tap.ip("link", "set", tap.CABLE_END, "mtu", str(self.cell.our_mtu()))

    def options(self):
        backend = {
            "tap": (f"--backend=tap:{tap.DEVICE}",),
            "xdp": (f"--backend=xdp:{tap.CABLE_END}",),
            "net_tap": ("--backend=dpdk", f"--dpdk=vdev=net_tap0,iface={tap.DEVICE}"),
            "net_af_packet": ("--backend=dpdk", f"--dpdk=vdev=net_af_packet0,iface={tap.CABLE_END},framecnt=8192"),
            "net_af_xdp": ("--backend=dpdk", f"--dpdk=vdev=net_af_xdp0,iface={tap.CABLE_END}"),
        }[self.cell.device]
        return (*backend, *self.addresses, tap.CORE)

    def serve(self):
        server = rig.Server(self.bin_dir, *self.options(), "--proto=tcp", listen=tap.at(tap.OURS, PORT))
        self.device_came()
        return server

    def device_came(self):
        """A device that a program of ours made is given its other end."""
        if self.cell.device == "net_tap":
            tap.configure()
            self.shape()

    def client(self, *arguments):
        """skerry-loadgen beside this script, which has the kernel's end to look after."""
        return subprocess.Popen([os.path.join(self.bin_dir, "skerry-loadgen"), *self.options(), *arguments],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def agreed(connection):
    """What the kernel says of its connection: the options in use, and the largest segment that it sends."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    names = ("tcp_timestamps", "tcp_sack", "tcp_window_scaling", "tcp_ecn")
    options = {name: info[5] >> bit & 1 for bit, name in enumerate(names)}
    segment, = struct.unpack_from("=I", info, 16)
    return options, segment


def check_agreed(cell, connection, kernel_asked):
    options, segment = agreed(connection)
    for name, value in options.items():
        # As the kernel's own default has it, we agree to ECN and do not ask for it.
        offered = getattr(cell, name) if kernel_asked or name != "tcp_ecn" else 0
        rig.check(value == offered, f"{name} is {value} on the connection, {offered} was offered")
    headers = (60 if cell.family == "ipv6" else 40) + 12 * cell.tcp_timestamps
    largest = cell.our_mtu() - headers
    rig.check(segment == largest, f"the kernel's segments have {segment} bytes, {largest} fit")


def kernels_socket(cell, address, connects):
    """One that sends as the cell says. The system's own default can be set for all networks only."""
    end = socket.socket(tap.family())
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, cell.congestion_control.encode())
    if connects:
        end.settimeout(rig.PATIENCE)
        end.connect(address)
    else:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end.bind(address)
        end.listen()
    return end


def kernel_asks(cell, wire, besides="$^"):
    """besides: what tshark may say too."""
    with wire.serve() as server:
        capture = kernel_tcp.Capture()
        for size in SIZES:
            data = os.urandom(size)
            with kernels_socket(cell, (tap.OURS, PORT), connects=True) as connection:
                sender = threading.Thread(target=lambda: (connection.sendall(data),
                                                          connection.shutdown(socket.SHUT_WR)))
                sender.start()
                answer = rig.receive(connection, size + 1)
                sender.join()
                check_agreed(cell, connection, kernel_asked=True)
            rig.check(answer == data, f"{size} bytes came back changed")
        kernel_tcp.check_experts(*capture.experts(), besides)
        counters = server.stop()
        rig.check(counters["resets"] == 0 and counters["bytes_in"] == sum(SIZES), f"counters {counters}")


def echo(listener, cell, served):
    """The kernel's end as a server: one connection after the other, told by what it had."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # closed: no more will come
            return
        with connection:
            count = 0
            while data := connection.recv(1 << 16):
                if count == 0:
                    check_agreed(cell, connection, kernel_asked=False)
                connection.sendall(data)
                count += len(data)
            served.append(count)


def we_ask(cell, wire):
    # Under any address: a device that a program makes is not there yet, and neither is its address.
    listener = kernels_socket(cell, ("", KERNELS_PORT), connects=False)
    served = []
    thread = threading.Thread(target=echo, args=(listener, cell, served), daemon=True)
    thread.start()
    client = wire.client("--proto=tcp", "--connect=" + tap.at(tap.KERNEL, KERNELS_PORT), "--size=4000", "--conns=1",
                         "--warmup=0s", "--jitter=0s", "--duration=300ms", rig.ALL_ANSWERS)
    if cell.device == "net_tap":
        rig.wait_until(lambda: tap.DEVICE in dict(socket.if_nameindex()).values(), "there is a device")
        wire.device_came()
    output, said = client.communicate(timeout=3 * rig.PATIENCE)
    rig.check(client.returncode == 0, f"skerry-loadgen ended with {client.returncode}: {said} {output}")
    rig.wait_until(lambda: served, "the connection has ended")
    listener.close()
    rig.check(len(served) == 1 and served[0] >= 4000 and served[0] % 4000 == 0, f"the kernel's end had {served}")


def run(bin_dir, cell):
    rig.need("tshark", "sysctl")
    if cell.device.startswith("net_"):
        tap.need_dpdk(bin_dir)
    wire = Wire(bin_dir, cell)
    kernel_asks(cell, wire)
    we_ask(cell, wire)
