"""Churn against skerry-echo: descriptors, memory, slabs and buffers stay flat.

For SKERRY_CHURN_SECONDS (600): 50 connections and 10 UDP sockets of skerry-loadgen that stay, and meanwhile, hundreds a
second, connections that are closed, reset, half-closed, left with unread data, or dropped in the middle of a message,
and UDP sockets that are gone before their answer comes. Each second the kernel is asked what the server holds, and the
server itself (SIGUSR1).

Flat means: the median of the last quarter of the samples is not above that of the first quarter behind the warm-up (a
tenth of the time) by more than the tolerance below. Each is what one sample may differ from the next by chance: a slab
grows by 2 MiB at a time, connections under way come and go by the dozen. A leak of one block or descriptor in a
thousand connections is above its tolerance after ten minutes.

The buffers made are the most that were ever out or ready at once, and one burst behind a stall of the machine may take
them up to what a core receives in one call and a program holds of one batch. Those out tell a leak at once.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration", "tools"))
import rig  # noqa: E402

import itertools  # noqa: E402
import json  # noqa: E402
import socket  # noqa: E402
import statistics  # noqa: E402
import struct  # noqa: E402
import subprocess  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

seconds = float(os.environ.get("SKERRY_CHURN_SECONDS", "600"))
connections_per_second = 400
datagrams_per_second = 200

# What may differ: absolute, and as a share of the first median.
TOLERANCES = {
    "rss_kib": (1_024, 0.02),
    "descriptors": (10, 0.05),
    "sockets": (10, 0.05),
    "tasks": (20, 0.05),
    "slab_bytes": (2 << 20, 0),
    "slab_blocks": (40, 0.05),
    "buffers_made": (2 * (64 + 32), 0),
    "buffers_out": (8, 0.05),
}

bin_dir = rig.start()


# --- connections that come and go; each function is one life

def open_connection(server, index):
    connection = socket.socket()
    # Ports of one address would run out: each stays taken for a while after its connection.
    connection.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
    connection.bind((f"127.0.1.{1 + index % 200}", 0))
    connection.settimeout(30)
    connection.connect((server.host, server.port))
    return connection


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def says_nothing(connection):
    connection.close()


def resets_at_once(connection):
    reset(connection)


def resets_with_an_answer_under_way(connection):
    connection.send(bytes(5_000))
    reset(connection)


def leaves_its_answer_unread(connection):
    connection.send(bytes(100))
    connection.close()


def exchanges(connection):
    connection.sendall(b"hello")
    rig.check(rig.receive(connection, 5) == b"hello", "a short-lived connection got no answer")
    connection.close()


def half_closes(connection):
    connection.sendall(b"x" * 10_000)
    connection.shutdown(socket.SHUT_WR)
    rig.check(len(rig.receive(connection, 10_001)) == 10_000, "a half-closed connection got no answer")
    connection.close()


def reads_no_more(connection):
    connection.shutdown(socket.SHUT_RD)
    connection.send(bytes(20_000))
    connection.close()


def urges(connection):
    connection.send(b"ab")
    connection.send(b"!", socket.MSG_OOB)
    connection.close()


def sends_and_stalls(connection):
    """The server's answer finds no room; then everything is dropped."""
    connection.setblocking(False)
    try:
        for _ in range(40):
            connection.send(bytes(65_536))
    except BlockingIOError:
        pass
    reset(connection)


LIVES = [says_nothing, resets_at_once, resets_with_an_answer_under_way, leaves_its_answer_unread, exchanges,
         half_closes, reads_no_more, urges, exchanges, half_closes] * 5 + [sends_and_stalls]


class Pace:
    """Calls `step(index)` so often a second until the end; what went wrong is kept for the main thread."""

    def __init__(self, per_second, until, step):
        self.per_second, self.until, self.step = per_second, until, step
        self.done, self.failure = 0, None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        began = time.monotonic()
        try:
            for index in itertools.count():
                due = began + index / self.per_second
                if due >= self.until:
                    return
                time.sleep(max(0, due - time.monotonic()))
                self.step(index)
                self.done += 1
        except (OSError, SystemExit) as error:
            self.failure = error


def churn_tcp(server):
    def step(index):
        connection = open_connection(server, index)
        try:
            LIVES[index % len(LIVES)](connection)
        except (ConnectionResetError, BrokenPipeError):
            connection.close()
    return step


def churn_udp(server):
    def step(_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect((server.host, server.port))
            sender.send(b"gone")
    return step


# --- what stays

def load(server, *arguments):
    return subprocess.Popen([os.path.join(bin_dir, "skerry-loadgen"), f"--connect={server.address}",
                             f"--duration={max(1, int(seconds) - 2)}s", "--warmup=1s", "--jitter=0s", "--timeout=20s",
                             "--json=/dev/stdout", *arguments],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report_of(process):
    out, said = process.communicate(timeout=120)
    rig.check(process.returncode == 0, f"skerry-loadgen ended with {process.returncode}: {said}")
    return json.loads(out[out.index("{"):])


# --- what the servers hold

def sample(server):
    numbers = server.numbers(patience=60)
    taken = {name: numbers[name] for name in TOLERANCES if name in numbers}
    taken["rss_kib"] = server.resident_kib()
    taken["descriptors"] = server.descriptors()
    return taken


def judge(name, samples):
    """Prints and returns what is not flat."""
    behind_warm_up = samples[len(samples) // 10:]
    quarter = max(1, len(behind_warm_up) // 4)
    found = []
    print(f"\n{name}: {len(samples)} samples, medians of the first and last {quarter} behind the warm-up")
    for field, (absolute, share) in TOLERANCES.items():
        first = statistics.median(each[field] for each in behind_warm_up[:quarter])
        last = statistics.median(each[field] for each in behind_warm_up[-quarter:])
        allowed = max(absolute, first * share)
        verdict = "ok" if last <= first + allowed else "NOT FLAT"
        print(f"  {field:<13} {first:>12,.0f} {last:>12,.0f}   allowed: +{allowed:,.0f}   {verdict}")
        if verdict != "ok":
            found.append(f"{name} {field}")
    return found


with rig.Server(bin_dir) as tcp, rig.Server(bin_dir, "--proto=udp") as udp:
    at_rest = {server: (server.settle(), server.numbers()) for server in (tcp, udp)}
    until = time.monotonic() + seconds
    loads = [load(tcp, "--conns=50", "--rate=1000"),
             load(udp, "--proto=udp", "--conns=10", "--rate=500", "--arrivals=poisson")]
    paces = [Pace(connections_per_second, until, churn_tcp(tcp)), Pace(datagrams_per_second, until, churn_udp(udp))]
    samples = {tcp: [], udp: []}
    interval = min(1.0, seconds / 40)
    while time.monotonic() < until:
        time.sleep(interval)
        for server in samples:
            samples[server].append(sample(server))
        for pace in paces:
            rig.check(pace.failure is None, f"the churn ended by {pace.failure!r}")
    for pace in paces:
        pace.thread.join()
    reports = [report_of(process) for process in loads]
    print(f"{paces[0].done:,} connections, {paces[1].done:,} datagrams of sockets that were gone, in {seconds:.0f} s")
    for report in reports:
        print(f"beside them {report['proto']}: {report['count']:,} of {report['sent']:,} answered, "
              f"{report['errors']} errors, {report['lost']} lost, p50 {report['p50_us']} us, p99 {report['p99_us']} us")
    failures = judge("tcp", samples[tcp]) + judge("udp", samples[udp])
    rig.check(reports[0]["errors"] == reports[0]["lost"] == reports[0]["ended_early"] == 0,
              f"the connections that stayed suffered: {reports[0]}")
    rig.check(reports[1]["errors"] == 0 and reports[1]["lost"] <= reports[1]["sent"] / 1000,
              f"the UDP sockets that stayed suffered: {reports[1]}")
    rig.check(not failures, "not flat: " + ", ".join(failures))
    for server, (descriptors, numbers) in at_rest.items():
        rig.wait_until(lambda: server.descriptors() == descriptors, "every descriptor is given back")
        after = server.numbers()
        # A connection's end is joined when the next one is accepted.
        rig.check(after["sockets"] == numbers["sockets"] and after["buffers_out"] == 0, f"{numbers} became {after}")
        rig.check(after["tasks"] == numbers["tasks"], f"{numbers} became {after}")
        server.stop()
print("ok")
