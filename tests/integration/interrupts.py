# ctest: TIMEOUT 180
"""Signals: an interrupted run tells what it has, a stop that takes long can be hurried, a server tells its numbers."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import fcntl  # noqa: E402
import json  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import termios  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

bin_dir = rig.start()
cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))


def interrupted(port, signals, *arguments, after=0.7, has_begun=lambda: True):
    """Starts a run of ten minutes, sends the signals some time after it has begun, and returns its report."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "run.json")
        client = subprocess.Popen([os.path.join(bin_dir, "skerry-loadgen"), f"--connect=127.0.0.1:{port}",
                                   f"--json={path}", "--duration=10min", "--warmup=0s", "--jitter=0s", *arguments],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        rig.wait_until(lambda: rig.catches(client.pid, signal.SIGINT) and has_begun(), "the run has begun")
        time.sleep(after)
        for number in signals:
            client.send_signal(number)
            time.sleep(0.05)
        try:
            _, said = client.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            client.kill()
            rig.check(False, f"{arguments} does not end after {signals}")
        rig.check(client.returncode == 0, f"{arguments} ended with {client.returncode} after {signals}: {said}")
        rig.check("interrupted: the figures end there" in said, f"{arguments}: {said}")
        with open(path) as file:
            return json.load(file)


def runs_end_in_order():
    """What was under way is answered, and the figures are those of the time that was measured."""
    def interrupted_at_work(server, number, *arguments):
        before = server.numbers()["messages"]
        return interrupted(server.port, [number], rig.ALL_ANSWERS, *arguments,
                           has_begun=lambda: server.numbers()["messages"] >= before + 50)
    with rig.Server(bin_dir) as server:
        for arguments in (["--rate=1000"], ["--conns=50"], ["--rate=2000", "--conns=50", "--arrivals=poisson"],
                          ["--conns=30", f"--cores={cores}"], ["--rate=2000", "--conns=30", f"--cores={cores}"]):
            for number in (signal.SIGINT, signal.SIGTERM):
                report = interrupted_at_work(server, number, *arguments)
                rig.check(report["lost"] == 0 and report["errors"] == 0, f"{arguments}: {report}")
                rig.check(report["count"] == report["sent"] > 0, f"{arguments}: {report}")
                rig.check(0.3 < report["measured_s"] < 15, f"{arguments}: measured {report['measured_s']} s")
                rig.check(report["ended_early"] == 0, f"{arguments}: {report}")
        report = interrupted_at_work(server, signal.SIGINT, "--rate=1000", "--interval=10ms")
        rig.check(report["first_half_p50_us"] and report["second_half_p50_us"], f"a half has no median: {report}")
        server.stop()
    with rig.Server(bin_dir, "--proto=udp") as server:
        report = interrupted_at_work(server, signal.SIGINT, "--proto=udp", "--conns=20")
        rig.check(report["lost"] == 0 and report["count"] == report["sent"], f"udp: {report}")
        server.stop()


def waits_are_cut():
    """One request in an hour; answers that never come; writes that block; and the second signal."""
    with rig.Server(bin_dir) as server:
        interrupted(server.port, [signal.SIGINT], "--rate=0.01")
        server.stop()
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen()
    port = silent.getsockname()[1]
    for arguments in (["--rate=100"], ["--conns=3"], ["--size=8000000"], ["--rate=100", "--size=1000000"],
                      ["--mode=source"], ["--size=8000000", "--mode=sink"]):
        interrupted(port, [signal.SIGINT], "--timeout=300ms", *arguments, after=0.5)
        interrupted(port, [signal.SIGINT, signal.SIGTERM], "--timeout=10min", *arguments, after=0.5)


def stopped_before(words, port, when, *, after):
    """Starts a run, stops it `after` seconds, when `when()` is true: nothing was measured, so nothing is written."""
    with tempfile.TemporaryDirectory() as folder:
        old, new = os.path.join(folder, "old.json"), os.path.join(folder, "new.html")
        with open(old, "w") as file:
            file.write("figures")
        client = subprocess.Popen([os.path.join(bin_dir, "skerry-loadgen"), *words, f"--connect=127.0.0.1:{port}",
                                   f"--json={old}", f"--html={new}"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        rig.wait_until(lambda: rig.catches(client.pid, signal.SIGINT) and when(), "the run has begun")
        time.sleep(after)
        client.send_signal(signal.SIGTERM)
        try:
            shown, said = client.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            client.kill()
            rig.check(False, f"{words} does not end after SIGTERM")
        # A machine that is too busy for a trial ends a sweep by itself.
        rig.check(client.returncode == ("no knee" in said), f"{words} ended with {client.returncode}: {said}")
        with open(old) as file:
            rig.check(file.read() == "figures", f"{words} wrote what it did not measure: {said}")
        rig.check(os.listdir(folder) == ["old.json"], f"{words} left {os.listdir(folder)}")
        return shown, said


def stops_before_the_measurement():
    """While it connects to one that does not answer, while it watches the core, in the warm-up."""
    nothing = "stopped before it measured anything\n"
    deaf = socket.socket()
    deaf.bind(("127.0.0.1", 0))
    deaf.listen(0)
    waiting = [socket.socket() for _ in range(4)]  # there is no room for another
    for each in waiting:
        each.setblocking(False)
        each.connect_ex(deaf.getsockname())
    _, said = stopped_before([], deaf.getsockname()[1], lambda: True, after=0.3)
    rig.check(said.endswith(nothing), said)
    with rig.Server(bin_dir) as server:
        for words in (["--jitter=10min"], ["--jitter=0s", "--warmup=10min"]):
            _, said = stopped_before([*words, f"--cores={cores}"], server.port,
                                     lambda: server.numbers()["connections"] > 0, after=0.3)
            rig.check(said.endswith(nothing), said)
        server.stop()


def sweeps_end_between_runs():
    """A signal that comes when no run is measured, here while the core is watched, ends the sweep all the same."""
    with rig.Server(bin_dir) as server:
        began = server.numbers()["messages"]
        shown, said = stopped_before(
            ["sweep", "--from=200", "--to=200", "--trial=5s", "--warmup=0s", "--p99-max=10s", "--jitter=10min"],
            server.port, lambda: server.numbers()["messages"] >= began + 900, after=3)
        print(shown, said)
        rig.check("interrupted: the sweep ends there" in said or "no knee" in said, said)
        server.stop()


def hurried_stop():
    with rig.Server(bin_dir, "--grace=10min") as server:
        connection = server.connect()
        rig.fill(connection, server)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        rig.check(server.process.poll() is None, "a stop does not wait for a connection that has work")
        server.stop(signal.SIGINT, patience=10)


def numbers_on_request():
    # One core: another one's listener may come a moment after the start line, and counts as a socket.
    with rig.Server(bin_dir, f"--cores={min(os.sched_getaffinity(0))}") as server:
        before = server.numbers()
        connections = [server.connect() for _ in range(10)]
        for connection in connections:
            connection.sendall(b"hello")
            rig.check(rig.receive(connection, 5) == b"hello", "an answer")
        held = server.numbers()
        rig.check(held["connections"] == 10 and held["sockets"] == before["sockets"] + 10, f"{before} {held}")
        rig.check(held["messages"] == 10 and held["slab_blocks"] > before["slab_blocks"] > 0, f"{before} {held}")
        rig.check(held["tasks"] > before["tasks"] and held["slab_bytes"] >= before["slab_bytes"] > 0, f"{held}")
        for connection in connections:
            connection.close()
        rig.wait_until(lambda: server.numbers()["sockets"] == before["sockets"], "sockets are given back")
        rig.check(server.numbers()["buffers_out"] == 0, "a buffer is held by nobody")
        rig.check(server.stop()["connections"] == 10, "and again at the end")
    # Nobody reads what is printed: the requests pile up in the pipe, and the server goes on.
    with rig.Server(bin_dir) as server:
        stop = threading.Event()

        def ask():
            while not stop.is_set():
                server.process.send_signal(signal.SIGUSR1)
                time.sleep(0.001)
        asking = threading.Thread(target=ask)
        asking.start()
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            with server.connect() as connection:
                connection.sendall(b"x")
                rig.check(rig.receive(connection, 1) == b"x", "an answer between requests for numbers")
        stop.set()
        asking.join()
        server.stop()


def fill_the_pipe(server):
    """Asks for numbers until the server is in the middle of printing some."""
    fcntl.fcntl(server.process.stdout, fcntl.F_SETPIPE_SZ, 4096)

    def waiting():
        return int.from_bytes(fcntl.ioctl(server.process.stdout, termios.FIONREAD, bytes(4)), sys.byteorder)
    unchanged = 0
    while unchanged < 10:  # a text that does not fit waits as a whole
        before = waiting()
        server.process.send_signal(signal.SIGUSR1)
        time.sleep(0.03)
        unchanged = unchanged + 1 if waiting() == before else 0
    rig.check(waiting() > 2048, "nothing is printed")


def a_second_signal_does_not_wait():
    """Not for what is printed into a pipe that nobody reads either."""
    with rig.Server(bin_dir, "--grace=10min") as server:
        fill_the_pipe(server)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        rig.check(server.process.poll() is None, "what is being printed is not waited for")

        def ended():
            server.process.send_signal(signal.SIGTERM)
            return server.process.poll() is not None
        rig.wait_until(ended, "it ends by a second signal")
        rig.check(server.process.returncode == 0, server.how_it_ended())


runs_end_in_order()
waits_are_cut()
stops_before_the_measurement()
sweeps_end_between_runs()
hurried_stop()
numbers_on_request()
a_second_signal_does_not_wait()
print("ok")
