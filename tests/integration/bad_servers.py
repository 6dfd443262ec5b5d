# ctest: TIMEOUT 180
"""Whatever the server does, skerry-loadgen ends in time and calls a run valid only when it was one."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import signal  # noqa: E402
import socket  # noqa: E402
import struct  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

bin_dir = rig.start()


class BadServer:
    """A server whose conduct with one connection, or with all datagrams, is a function. Lives as long as the test."""

    def __init__(self, conduct, kind=socket.SOCK_STREAM):
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.conduct = conduct
        if kind == socket.SOCK_STREAM:
            self.socket.listen()
        threading.Thread(target=self.accept if kind == socket.SOCK_STREAM else self.serve, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection=None):
        try:
            self.conduct(connection or self.socket)
        except OSError:
            pass


def load(port, *arguments, milliseconds=400, patience="500ms"):
    """A run that must end in time: `patience` after the last request is due, and some for a busy machine."""
    began = time.monotonic()
    report = rig.loadgen(bin_dir, f"--connect=127.0.0.1:{port}", "--jitter=0s", "--warmup=0s",
                         f"--timeout={patience}", f"--duration={milliseconds}ms", *arguments,
                         expect=rig.failed_without_a_server)
    took = time.monotonic() - began
    rig.check(took < milliseconds / 1000 + 8, f"{arguments} took {took:.1f} s")
    return report


def in_the_middle(server, action):
    """Calls `action` when the server has answered some of the run's requests: the run itself may begin late."""
    def wait():
        rig.wait_until(lambda: server.numbers()["messages"] >= 50, "the run is under way")
        action()
    threading.Thread(target=wait, daemon=True).start()


def answered(connection, make_answer, requests=None):
    """Answers each chunk that comes, up to so many of them."""
    count = 0
    while requests is None or count < requests:
        data = connection.recv(65_536)
        if not data:
            return
        connection.sendall(make_answer(data))
        count += 1


def closes(connection):
    answered(connection, lambda data: data, 5)
    connection.close()


def resets(connection):
    answered(connection, lambda data: data, 5)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def doubles(connection):
    answered(connection, lambda data: data + data)


def changes_every_byte(connection):
    answered(connection, lambda data: bytes(byte ^ 1 for byte in data))


def greets(connection):
    connection.sendall(b"220 at your service\r\n")
    answered(connection, lambda data: data)


def answers_half(connection):
    data = connection.recv(65_536)
    connection.sendall(data[:min(len(data), 64) // 2])  # on a busy machine two requests come together
    threading.Event().wait()


def never_reads(connection):
    threading.Event().wait()


def early_ends():
    """A closed loop sends nothing that is not answered: the share of answers cannot tell that a connection is gone."""
    for conduct in (closes, resets):
        server = BadServer(conduct)
        report = load(server.port, "--conns=3", milliseconds=10_000)  # ends with its last connection
        rig.check(report["invalid"] and report["ended_early"] == 3, f"{conduct.__name__}, closed: {report}")
        rig.check("3 connections ended" in str(report["invalid_reasons"]), report["invalid_reasons"])
        report = load(server.port, "--rate=1000", milliseconds=10_000)
        rig.check(report["invalid"] and report["sent"] < 10_000, f"{conduct.__name__}, open: {report}")
    began = time.monotonic()
    report = load(BadServer(lambda connection: connection.close()).port, "--mode=source", milliseconds=60_000)
    rig.check(time.monotonic() - began < 30, "a source that is gone is waited for")
    rig.check(report["invalid"] and report["ended_early"] == 1, f"source: {report}")


def nobody_there():
    """Datagrams that leave are not taken for received when the network says that they were not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    for loop in ([], ["--rate=200"]):
        report = load(port, "--proto=udp", "--mode=sink", *loop, milliseconds=1000)
        rig.check(report["invalid"] and report["bounced"] > 0, f"nobody there, {loop}: {report}")


def hours_unsent():
    """What the rest of a run asked for is counted when its connections are gone, and that takes no time of its own."""
    for arrivals in ("constant", "poisson"):
        server = BadServer(closes)
        report = load(server.port, "--rate=1000000000", f"--arrivals={arrivals}", "--inflight=10",
                      milliseconds=1000 * 3600 * 1000)
        offered = report["offered"]
        rig.check(offered == 1e9 if arrivals == "constant" else abs(offered - 1e9) < 1e3, f"{arrivals}: {offered}")
        rig.check(report["invalid"] and report["ended_early"] == 1, f"{arrivals}: {report}")


def wrong_answers():
    for loop in ([], ["--rate=500"], ["--inflight=4"]):
        for conduct in (changes_every_byte, greets):
            report = load(BadServer(conduct).port, *loop, patience="20s")  # a wrong answer ends the connection
            rig.check(report["invalid"] and report["errors"] > 0, f"{conduct.__name__} {loop}: {report}")
            rig.check(report["count"] <= 1, f"{conduct.__name__} {loop}: {report['count']} pass for right answers")
        # The second copy of an answer is nobody's, or it is not the next one's.
        report = load(BadServer(doubles).port, *loop, patience="20s")  # all are answered, so it waits for nothing
        rig.check(report["unexpected"] + report["errors"] >= report["count"] > 0, f"doubles {loop}: {report}")


def no_answers():
    for conduct in (answers_half, never_reads):
        port = BadServer(conduct).port
        for arguments in (["--rate=500"], ["--conns=4"], ["--rate=200", "--size=1000000"], ["--size=8000000"],
                          ["--size=8000000", "--mode=sink"], ["--rate=200", "--size=1000000", "--mode=sink"],
                          ["--rate=200", "--size=1000000", "--inflight=2"]):
            report = load(port, *arguments)
            rig.check(report["invalid"] and report["count"] == 0 or "--mode=sink" in arguments,
                      f"{conduct.__name__} {arguments}: {report}")
            if "--rate=200" in arguments:
                rig.check(report["offered"] == 200, f"{conduct.__name__} {arguments}: offered {report['offered']}")


def falls_silent():
    """A closed loop asks a silent server for nothing, so that no share of what it sent tells of the silence."""
    def sends_a_while(connection):
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            connection.sendall(bytes(4096))
        threading.Event().wait()

    def reads_a_while(connection):
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            connection.recv(65_536)
        threading.Event().wait()

    for conduct, mode in ((sends_a_while, "source"), (reads_a_while, "sink")):
        report = load(BadServer(conduct).port, f"--mode={mode}", milliseconds=1500)
        rig.check(report["count"] > 1000 and report["ended_early"] == 1 and report["lost"] + report["errors"] <= 2,
                  f"{mode}: {report}")
        rig.check(report["invalid"] and any("had no answer" in why for why in report["invalid_reasons"]),
                  f"{mode}: {report}")

    def answers_until(count, then=0):
        """So many datagrams, and after as many more as `then` says again."""
        def conduct(own):
            for index in range(1 << 30):
                data, peer = own.recvfrom(65_536)
                if index < count or then and index >= count + then:
                    own.sendto(data, peer)
        return conduct
    # To the end, and in the middle: at 100 ms a request the server is silent for half a second.
    for conduct in (answers_until(2000), answers_until(2000, 5)):
        report = load(BadServer(conduct, socket.SOCK_DGRAM).port, "--proto=udp", milliseconds=1500, patience="100ms")
        rig.check(report["ended_early"] == 1 and report["invalid"], f"silent datagrams: {report}")


def stops_and_dies():
    """A server that is stopped, and one that is killed, in the middle of the run."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for arguments in (["--rate=500"], ["--conns=10"], ["--rate=500", "--size=1000000", "--conns=2"]):
            with rig.Server(bin_dir) as server:
                in_the_middle(server, lambda: server.process.send_signal(number))
                report = load(server.port, *arguments, milliseconds=2000)
                rig.check(report["invalid"], f"signal {number}, {arguments}: {report}")


def overloaded():
    """A server that is slower than it is asked to be goes on to the end: the run is invalid, its server is there."""
    def slow(connection):
        while data := connection.recv(64):
            time.sleep(0.01)
            connection.sendall(data)

    report = load(BadServer(slow).port, "--rate=2000", milliseconds=300, patience="2s")
    rig.check(report["invalid"] and report["count"] > 0 and report["ended_early"] == 0, f"overloaded: {report}")


def datagrams():
    def drops_every_tenth(own):
        for index in range(1 << 30):
            data, peer = own.recvfrom(65_536)
            if index % 10:
                own.sendto(data, peer)

    def doubles_each(own):
        while True:
            data, peer = own.recvfrom(65_536)
            own.sendto(data, peer)
            own.sendto(data, peer)

    def answers_something_else(own):
        while True:
            data, peer = own.recvfrom(65_536)
            own.sendto(bytes(len(data)), peer)

    # Exactly what the server drops is lost, and a busy machine may keep the server from answering for a second or two.
    report = load(BadServer(drops_every_tenth, socket.SOCK_DGRAM).port, "--proto=udp", "--rate=500", patience="4s")
    rig.check(report["invalid"] and 15 <= report["lost"] <= 25 and report["count"] == 200 - report["lost"],
              f"a tenth is lost: {report}")
    # Not more answers than the kernel holds for a client that stands still.
    report = load(BadServer(doubles_each, socket.SOCK_DGRAM).port, "--proto=udp", "--rate=250", patience="20s")
    rig.check(report["count"] == 100 and report["lost"] == 0 and report["unexpected"] >= 99, f"doubled: {report}")
    other = BadServer(answers_something_else, socket.SOCK_DGRAM)
    done = rig.run(bin_dir, "skerry-loadgen", f"--connect=127.0.0.1:{other.port}", "--proto=udp")
    rig.check(done.returncode == 1 and "it does not send back what it gets" in done.stderr, f"no echo server: {done}")
    with rig.Server(bin_dir, "--proto=udp") as server:
        in_the_middle(server, server.process.kill)
        report = load(server.port, "--proto=udp", "--rate=500", milliseconds=2000)
        rig.check(report["invalid"] and report["lost"] > 100, f"the port is gone: {report}")
        rig.check(report["count"] + report["lost"] + report["errors"] == 1000, f"the sums: {report}")


early_ends()
nobody_there()
hours_unsent()
wrong_answers()
no_answers()
falls_silent()
stops_and_dies()
overloaded()
datagrams()
print("ok")
