"""What the Linux kernel asks of our TCP, whatever carries the frames: bulk, dialogue, churn, and what a third party
says of it. `serve(mode)` starts skerry-echo on port 7001; the kernel's end of the wire is tap.DEVICE.

64 MiB through socat and back, sockperf for 1 s, 500 connections ten times. SKERRY_LONG=1: 1 GiB, 10 s, 2,000 ten times.
"""

import os
import re
import socket
import struct
import subprocess
import tempfile
import threading

import bulk
import rig
import tap

PORT = 7001
MEGABYTES = 1024 if rig.LONG else 64
SECONDS = 10 if rig.LONG else 1
ROUNDS = 10
CONNECTIONS = 2000 if rig.LONG else 500
RESETS_AT_ONCE = 200


class Capture:
    """Everything on the device, as tshark's expert sees it. The end of a capture is a datagram that it waits for."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "wire.pcap")
        self.process = subprocess.Popen(["tshark", "-i", tap.DEVICE, "-w", self.path, "-B", "64"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while "Capturing on" not in (line := self.process.stderr.readline()):
            rig.check(line, "tshark does not capture")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.mark("begins")  # dumpcap may say that it captures a moment before it does

    def mark(self, what):
        def is_there():
            with socket.socket(tap.family(), socket.SOCK_DGRAM) as sender:
                sender.sendto(what.encode(), (tap.OURS, 9))
            return os.path.exists(self.path) and what.encode() in open(self.path, "rb").read()
        rig.wait_until(is_there, f"the capture {what}")

    def experts(self):
        """What is worse than a note, by its words."""
        self.mark("ends")
        self.process.terminate()
        self.process.wait(rig.PATIENCE)
        found = experts_of(self.path)
        self.folder.cleanup()
        return found


def experts_of(path):
    """How many segments of TCP are in a capture, and what tshark's expert says of them that is worse than a note, by
    its words.
    """
    source = "ipv6.src" if tap.is_v6() else "ip.src"
    fields = [part for name in (source, "_ws.expert.severity", "_ws.expert.message") for part in ("-e", name)]
    # The bytes are random: by chance of the kernel's port tshark would read a protocol into them, and complain.
    plain = ("-d", f"tcp.port=={PORT},data")
    done = subprocess.run(["tshark", "-r", path, "-Y", "tcp", "-T", "fields", *fields, "-E", "aggregator=|",
                           "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", *plain],
                          capture_output=True, text=True, timeout=6 * rig.PATIENCE)
    rig.check(done.returncode == 0, done.stderr)
    lines = done.stdout.splitlines()
    warning = 0x00600000
    found = {}
    for line in lines:
        source, severities, messages = line.split("\t")
        for severity, message in zip(severities.split("|"), messages.split("|")):
            if message.startswith("TCP Checksum 0xffff instead of 0x0000") and source != tap.OURS:
                continue  # skb_checksum_help() writes a sum of zero so, as UDP wants it
            if severity and int(severity) >= warning:
                found[message] = found.get(message, 0) + 1
    return len(lines), found


def exchange(data):
    with socket.create_connection((tap.OURS, PORT), timeout=rig.PATIENCE) as connection:
        sender = threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)))
        sender.start()
        answer = rig.receive(connection, len(data) + 1)
        sender.join()
    return answer


def dialogue(serve):
    with serve("sockperf") as server:
        command = ["sockperf", "ping-pong", "--tcp", "--data-integrity", "-i", tap.OURS, "-p", str(PORT),
                   "-t", str(SECONDS)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 2 * rig.PATIENCE)
        output = done.stdout + done.stderr
        counts = re.search(r"dropped messages = (\d+); # duplicated messages = (\d+); # out-of-order messages = (\d+)",
                           output)
        rig.check(done.returncode == 0 and counts and counts.groups() == ("0", "0", "0"), output)
        received = re.search(r"Valid Duration.*ReceivedMessages=(\d+)", output)
        rig.check(received and int(received[1]) > 0, f"nothing was received: {output}")
        rig.check(server.stop()["garbage"] == 0, "sockperf's messages were taken for garbage")
        print(f"sockperf: {received[1]} messages")


def reset_all(server, connections):
    """Some at a time: a reset for which the device's queue has no room is lost, and nobody sends it again."""
    for first in range(0, len(connections), RESETS_AT_ONCE):
        some = connections[first:first + RESETS_AT_ONCE]
        for connection in some:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        left = len(connections) - first - len(some)
        rig.wait_until(lambda: server.numbers()["sockets"] <= left + 1, f"all sockets but {left} are gone")


def churn(serve):
    with serve() as server:
        rig.check(exchange(b"first") == b"first", "the first echo")
        rig.wait_until(lambda: server.numbers()["sockets"] == 1, "the first connection is gone")
        before = server.numbers()
        for number in range(ROUNDS):
            all_open = [socket.create_connection((tap.OURS, PORT), timeout=rig.PATIENCE) for _ in range(CONNECTIONS)]
            for index, connection in enumerate(all_open):
                connection.sendall(index.to_bytes(4, "big"))
            for index, connection in enumerate(all_open):
                rig.check(rig.receive(connection, 4) == index.to_bytes(4, "big"), "an answer of another connection")
            if number % 5 == 4:
                reset_all(server, all_open)
            else:
                for connection in all_open:
                    connection.close()
            rig.wait_until(lambda: server.numbers()["sockets"] == before["sockets"], "all sockets are gone")
        # A server forgets tasks that have ended when it accepts the next connection.
        rig.check(exchange(b"last") == b"last", "the last echo")
        rig.wait_until(lambda: server.numbers()["sockets"] == 1, "the last connection is gone")
        after = server.numbers()
        for name in ("sockets", "tasks", "slab_blocks", "buffers_out"):
            rig.check(after[name] == before[name], f"{name}: {before[name]} before, {after[name]} after")
        rig.check(after["connections"] == ROUNDS * CONNECTIONS + 2, f"counters {after}")
        rig.check(after["resets"] == ROUNDS // 5 * CONNECTIONS, f"counters {after}")
        server.stop()
        print(f"{ROUNDS} x {CONNECTIONS} connections")


def check_experts(packets, found, besides="$^"):
    """What experts_of() a capture found; `besides` is what may be too."""
    # Closed windows and a reset are what was asked for. An end that the machine did not let run in time sends again
    # what has come, which the other one says. DPDK's net_tap writes a checksum of 0 as 0xffff, which is the same number
    # (RFC 1624), once in 65,536 segments. All else would be a fault of one of the two.
    expected = re.compile(r"TCP Zero Window segment|TCP window specified by the receiver is now completely full|"
                          r"Connection reset \(RST\)|TCP keep-alive segment|D-SACK Sequence|"
                          r"TCP Checksum 0xffff instead of 0x0000|" + besides)
    bad = {message: count for message, count in found.items() if not expected.search(message)}
    rig.check(packets > 100, f"only {packets} segments were captured")
    rig.check(not bad, f"tshark's expert says {bad}")


def judged(serve):
    """Handshakes, both kinds of end, data both ways and a closed window, as tshark sees them."""
    with serve() as server:
        capture = Capture()
        for size in (1, 1000, 100_000):
            data = os.urandom(size)
            rig.check(exchange(data) == data, f"{size} bytes came back changed")
        with socket.create_connection((tap.OURS, PORT), timeout=rig.PATIENCE) as slow:
            rig.fill(slow)  # nobody reads: the server's write waits, its window closes
            slow.setblocking(True)
            rig.receive(slow, 100_000)
        refused = socket.socket(tap.family())
        rig.check(refused.connect_ex((tap.OURS, PORT + 1)) != 0, "a port where nobody listens was connected")
        packets, found = capture.experts()
        check_experts(packets, found)
        server.stop()
        print(f"{packets} segments, expert: {found}")


def takes_unfinished_checksums(serve, size):
    """As a cable is when nobody has set anything: the kernel leaves checksums to a card that is not there."""
    tap.configure_offloads("on")
    with serve() as server:
        data = os.urandom(size)
        rig.check(exchange(data) == data, f"{size} bytes came back changed")
        server.stop()
    tap.configure_offloads("off")
    print("unfinished checksums")


def answers_over_a_small_mtu(serve, sizes=(1372, 1373, 1450, 2000)):
    """Datagrams longer than the cable's packets, there and back: in pieces that fit it."""
    for device in (tap.DEVICE, tap.CABLE_END):
        tap.ip("link", "set", device, "mtu", "1400")
    with serve() as server, socket.socket(tap.family(), socket.SOCK_DGRAM) as asker:
        asker.settimeout(rig.PATIENCE)
        for size in sizes:
            data = os.urandom(size)
            asker.sendto(data, (tap.OURS, PORT))
            rig.check(asker.recv(size + 1) == data, f"{size} bytes came back changed")
        server.stop()
    print("small MTU")


def ask_everything(serve):
    rig.need("socat", "sockperf", "tshark")
    with serve() as server:
        bulk.through_socat(server, MEGABYTES)
    if not tap.is_v6():  # which sockperf 3.7 does not know
        dialogue(serve)
    churn(serve)
    judged(serve)
