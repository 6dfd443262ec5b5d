# ctest: TIMEOUT 240 RUN_SERIAL TRUE
"""Peers that reset, half-close, stall or send garbage end alone: others are served and nothing is left behind. And what
a stop does with the connections it finds."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import functools  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import struct  # noqa: E402
import time  # noqa: E402

bin_dir = rig.start()


def answers(server, connection=None):
    own = connection or server.connect()
    own.sendall(b"still there?")
    data = rig.receive(own, 12)
    if connection is None:
        own.close()
    return data == b"still there?"


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def resets_and_half_closes(serve):
    with serve() as server:
        server.settle()
        other = server.connect()
        rig.check(answers(server, other), "before")
        at_rest = server.descriptors()
        for index in range(200):
            connection = server.connect()
            if index % 2:
                connection.sendall(bytes(1000))
            reset(connection)
        half = server.connect()
        half.sendall(bytes(500_000))
        half.shutdown(socket.SHUT_WR)
        rig.check(rig.receive(half, 500_001) == bytes(500_000), "a peer that has sent its last byte gets all answers")
        half.close()
        rig.check(answers(server, other), "another connection suffers from resets")
        rig.wait_until(lambda: server.descriptors() == at_rest, "descriptors of reset connections are closed")
        rig.wait_until(lambda: server.numbers()["connections"] == 202, "every connection is accepted")
        other.close()
        server.stop()


def urgent_data(serve):
    """The kernel ends a read in front of an urgent byte; what is behind it must not wait for more to come."""
    with serve() as server:
        connection = server.connect()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rig.check(answers(server, connection), "before")
        server.process.send_signal(signal.SIGSTOP)
        rig.wait_until(lambda: server.is_everywhere("T"), "the server stands still")
        connection.send(b"abc")
        connection.send(b"!", socket.MSG_OOB)
        connection.send(b"def")
        rig.wait_until(lambda: rig.unread_bytes(server.port) >= 7, "all has reached the server")
        server.process.send_signal(signal.SIGCONT)
        rig.check(rig.receive(connection, 6) == b"abcdef", "what is behind an urgent byte is answered")
        connection.close()
        server.stop()


def stalls(serve):
    """Sixty peers that send and never read, then one that closes with all that unread."""
    with serve() as server:
        at_rest = server.settle()
        stalled = [server.connect() for _ in range(60)]
        for connection in stalled:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        for connection in stalled[:3]:
            rig.fill(connection, server)
        for connection in stalled[3:]:
            connection.setblocking(False)
            try:
                while True:
                    connection.send(bytes(65_536))
            except BlockingIOError:
                pass
        rig.check(answers(server), "another connection waits for stalled ones")
        before = server.resident_kib()
        rig.check(before < 200_000, f"stalled peers make the server hold {before} KiB")
        for connection in stalled:
            connection.close()
        rig.wait_until(lambda: server.descriptors() == at_rest, "stalled connections are gone")
        rig.check(answers(server), "after stalled ones")
        server.stop()


def garbage(serve):
    with serve("--mode=sockperf") as server:
        good = server.connect()
        message = struct.pack(">QHI", 1, 3, 14)
        for data in (b"GET / HTTP/1.1\r\n\r\n", bytes(14), b"\xff" * 5000, os.urandom(65_536)):
            with server.connect() as bad:
                bad.sendall(data)
                try:
                    while bad.recv(65_536):
                        pass
                except ConnectionResetError:
                    pass
        good.sendall(message)
        rig.check(rig.receive(good, 14) == struct.pack(">QHI", 1, 2, 14), "a sound client beside garbage")
        rig.check(server.stop()["garbage"] == 4, "garbage is counted")
    with serve("--mode=sockperf", "--proto=udp") as server:
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.settimeout(20)
        client.connect((server.host, server.port))
        for data in (b"", b"x", os.urandom(1000), struct.pack(">QHI", 1, 3, 15)):
            client.send(data)
        client.send(message)
        rig.check(client.recv(100) == struct.pack(">QHI", 1, 2, 14), "a sound datagram behind garbage")
        rig.check(server.stop()["garbage"] == 4, "garbage datagrams are counted")


def stop_with_idle_connections(serve):
    with serve("--grace=20s") as server:
        idle = [server.connect() for _ in range(20)]
        rig.check(answers(server, idle[0]), "before the stop")
        # The kernel resets what it has connected and nobody has accepted.
        rig.wait_until(lambda: server.numbers()["connections"] == len(idle), "all connections")
        began = time.monotonic()
        server.stop()
        rig.check(time.monotonic() - began < 15, "a stop waits out its grace for connections without work")
        for connection in idle:
            rig.check(connection.recv(1) == b"", "an idle connection is closed in order")


def stop_with_work(serve):
    """What had reached the server before the stop is answered."""
    with serve("--grace=20s") as server:
        connections = [server.connect() for _ in range(10)]
        for connection in connections:
            rig.check(answers(server, connection), "before the stop")
        for connection in connections:
            connection.sendall(bytes(30_000))
        server.stop()
        for connection in connections:
            rig.check(rig.receive(connection, 30_001) == bytes(30_000), "a stop drops what had come")


def stop_with_a_stalled_peer(serve):
    with serve("--grace=300ms") as server:
        connection = server.connect()
        rig.fill(connection, server)
        server.stop()


def stop_udp(serve):
    with serve("--proto=udp") as server:
        server.stop()


for driver in rig.kernel_drivers(bin_dir):
    serve = functools.partial(rig.Server, bin_dir, f"--backend={driver}")
    for case in (resets_and_half_closes, urgent_data, stalls, garbage, stop_with_idle_connections, stop_with_work,
                 stop_with_a_stalled_peer, stop_udp):
        case(serve)
    print("ok:", driver, flush=True)
