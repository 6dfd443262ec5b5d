"""The part of scripts/demo that compares: our own TCP and UDP on DPDK, a bare frame over the same kind of link, and the
kernel's TCP, in short turns.

What a round trip costs moves with where the machine's host puts our CPUs: a cache line that goes back and forth between
them takes 0.13 or 0.52 us, and which of the two changes within a second. So all pairs of programs are started, and all
but one are stopped (SIGSTOP): each has a turn of a fraction of a second in every block, and the CPUs never rest in
between. A block is judged by itself, every other one goes through the pairs backwards, and TCP stands between two bare
frames: where these differ the CPUs have moved meanwhile, and the block says nothing. What is told is the median over
the blocks. The programs write the median of each 20 ms; a turn is worth the median of those that lie inside it.
"""

import csv
import os
import re
import signal
import statistics
import subprocess
import tempfile
import time
import typing

import demo_processes
from demo_processes import SIZE

BLOCKS_MIN = 7
BLOCKS_RUN = 40  # about a second each
RAW_SPREAD_MAX = 1.25  # of the bare frames before and after TCP
FRAME_BYTES = 130  # of TCP with 64 bytes of data and timestamps
WINDOW_S = 0.02
TURN_S = 0.15
SETTLE_S = 0.03  # what a turn begins with says more of the stop before it
START_S = 1.5  # until a client is connected and warm
OF_RAW_MAX = 2.0
KERNEL_MIN = 3.5

RAW, TCP, UDP = "raw", "dpdk tcp", "dpdk udp"
KERNEL_SPIN, KERNEL_SLEEP = "epoll tcp spin", "epoll tcp sleep"
KINDS = (RAW, TCP, UDP, KERNEL_SPIN, KERNEL_SLEEP)
ORDER = (RAW, TCP, RAW, UDP, KERNEL_SPIN, KERNEL_SLEEP)
TITLES = {RAW: ("raw", "frame", "spin"), TCP: ("dpdk", "tcp", "spin"), UDP: ("dpdk", "udp", "spin"),
          KERNEL_SPIN: ("epoll", "tcp", "spin"), KERNEL_SLEEP: ("epoll", "tcp", "sleep")}


def link_options(folder, role):
    """Two ports of DPDK that share memory, in a folder of their own."""
    return (f"--dpdk=vdev=net_memif0,role={role},id=0,socket={folder}/link,socket-abstract=no;"
            "memory=64;mbufs=2047")


def dpdk_server(folder, core):
    return "--backend=dpdk", link_options(folder, "server"), "--ip=198.18.0.1/24", f"--cores={core}", "--idle=spin"


def why_not(bin_dir, server_core, client_core):
    """Why the rows on DPDK cannot be had here, in one line; and what its packet memory is."""
    if not os.path.exists(os.path.join(bin_dir, "skerry-bounce")):
        return "this build has no DPDK", None
    if server_core == client_core:
        return "two programs that poll need two cores", None
    with tempfile.TemporaryDirectory() as folder:
        server = demo_processes.Echo(bin_dir, "tcp", *dpdk_server(folder, server_core), listen="198.18.0.1:7001")
        server.end()
        if server.address is None:
            return server.complaint or "skerry-echo does not start on it", None
        return None, re.search(r"backend dpdk \((.*?);", server.start_line)[1]


class Seen(typing.NamedTuple):
    """What the windows inside a turn say."""
    p50_us: float  # the median of theirs
    max_us: float
    count: int
    seconds: float

    @classmethod
    def of(cls, windows):
        return cls(statistics.median(float(row["p50_us"]) for row in windows),
                   max(float(row["max_us"]) for row in windows), sum(int(row["count"]) for row in windows),
                   len(windows) * WINDOW_S)

    @classmethod
    def together(cls, several):
        return cls(statistics.mean(seen.p50_us for seen in several), max(seen.max_us for seen in several),
                   sum(seen.count for seen in several), sum(seen.seconds for seen in several))


class Pair:
    """A server and a client that ask and answer for as long as they are not stopped."""

    def __init__(self, bin_dir, kind, server_core, client_core, folder):
        self.kind = kind
        self.folder = os.path.join(folder, kind.replace(" ", "-"))
        os.mkdir(self.folder)
        self.series = os.path.join(self.folder, "series.csv")
        self.client = None
        self.windows = []
        start = {RAW: self.bounce, TCP: self.dpdk, UDP: self.dpdk}.get(kind, self.kernel)
        self.server, command = start(bin_dir, kind, server_core, client_core)
        if command:
            self.client = subprocess.Popen(
                [*command, "--warmup=0s", "--duration=10min", f"--series={self.series}",
                 f"--window={WINDOW_S * 1e3:.0f}ms"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(START_S)

    def bounce(self, bin_dir, kind, server_core, client_core):
        program = os.path.join(bin_dir, "skerry-bounce")
        server = demo_processes.Server([program, f"--cores={server_core}", link_options(self.folder, "server")])
        return server, "ready" in server.start_line and [
            program, "--side=measure", f"--cores={client_core}", link_options(self.folder, "client"),
            f"--bytes={FRAME_BYTES}"]

    def dpdk(self, bin_dir, kind, server_core, client_core):
        server = demo_processes.Echo(bin_dir, kind.split()[1], *dpdk_server(self.folder, server_core),
                                     listen="198.18.0.1:7001")
        return server, self.loadgen(bin_dir, server, kind.split()[1], "--backend=dpdk",
                                    link_options(self.folder, "client"), "--ip=198.18.0.2/24",
                                    f"--cores={client_core}", "--idle=spin")

    def kernel(self, bin_dir, kind, server_core, client_core):
        idle = kind.split()[2]
        server = demo_processes.Echo(bin_dir, "tcp", "--backend=epoll", f"--cores={server_core}", f"--idle={idle}",
                                     listen="127.0.0.1:0")
        return server, self.loadgen(bin_dir, server, "tcp", "--backend=epoll", f"--cores={client_core}",
                                    f"--idle={idle}")

    def loadgen(self, bin_dir, server, proto, *options):
        return server.address and [os.path.join(bin_dir, "skerry-loadgen"), f"--proto={proto}",
                                   f"--connect={server.address}", f"--size={SIZE}", "--jitter=0s", "--timeout=1min",
                                   *options]

    def is_up(self):
        return self.client is not None and self.client.poll() is None and self.server.process.poll() is None

    def signal(self, number):
        for process in (self.server.process, self.client):
            if process is not None and process.poll() is None:
                process.send_signal(number)

    def turn(self):
        """Lets it run; from when to when, on the clock of the programs' windows."""
        self.signal(signal.SIGCONT)
        begin = time.monotonic()
        time.sleep(TURN_S)
        end = time.monotonic()
        self.signal(signal.SIGSTOP)
        return begin + SETTLE_S, end

    def finish(self):
        """Ends both; what the client saw is in `windows`, when it ended well."""
        self.signal(signal.SIGCONT)
        if self.client is not None:
            self.client.send_signal(signal.SIGINT)
            try:
                self.client.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.client.kill()
                self.client.wait()
        self.server.end()
        if self.client is not None and self.client.returncode == 0:
            with open(self.series, newline="") as file:
                self.windows = [row for row in csv.DictReader(file) if row["p50_us"] != "n/a"]

    def seen(self, turn):
        """What the windows inside the turn say; nothing when none is."""
        begin, end = turn
        inside = [row for row in self.windows
                  if float(row["start_s"]) >= begin and float(row["start_s"]) + WINDOW_S <= end]
        return Seen.of(inside) if inside else None


class Pairs:
    """One of each kind; all stand still but the one that has its turn."""

    def __init__(self, bin_dir, cores, folder):
        self.bin_dir, self.cores, self.folder = bin_dir, cores, folder
        self.pairs = {}

    def start(self):
        """Whether all came up; one that did not ends it."""
        for kind in KINDS:
            self.pairs[kind] = Pair(self.bin_dir, kind, *self.cores, self.folder)
            if not self.pairs[kind].is_up():
                print(f"{kind} did not start: {self.pairs[kind].server.start_line}", flush=True)
                return False
            self.pairs[kind].signal(signal.SIGSTOP)
        return True

    def run(self, count):
        """`count` blocks, each a list of kinds and their turns."""
        turns = []
        for number in range(count):
            order = ORDER if number % 2 == 0 else tuple(reversed(ORDER))
            turns.append([(kind, self.pairs[kind].turn()) for kind in order])
        return turns

    def finish(self):
        for pair in self.pairs.values():
            pair.finish()


def block_of(pairs, turns):
    """What was seen of each kind; nothing when one has nothing, or the CPUs moved meanwhile."""
    took = [(kind, pairs[kind].seen(turn)) for kind, turn in turns]
    if any(seen is None for _, seen in took):
        return None
    raws = [seen for kind, seen in took if kind == RAW]
    if max(raw.p50_us for raw in raws) > min(raw.p50_us for raw in raws) * RAW_SPREAD_MAX:
        return None
    return dict(took) | {RAW: Seen.together(raws)}


def run_blocks(bin_dir, cores):
    """The blocks that say something, and how many there were."""
    with tempfile.TemporaryDirectory() as folder:
        pairs = Pairs(bin_dir, cores, folder)
        turns = []
        try:
            if pairs.start():
                turns = pairs.run(BLOCKS_RUN)
        finally:
            pairs.finish()
    said = [block_of(pairs.pairs, block) for block in turns]
    return [block for block in said if block], len(said)


def ratio(blocks, of, to):
    return statistics.median(block[of].p50_us / block[to].p50_us for block in blocks)


def show(blocks):
    print(f"{'backend':<8} {'proto':<6} {'ends':<6} {'p50 us':>8} {'least':>8} {'most':>8} {'of raw':>8}")
    for kind in KINDS:
        p50s = [block[kind].p50_us for block in blocks]
        print(f"{TITLES[kind][0]:<8} {TITLES[kind][1]:<6} {TITLES[kind][2]:<6} {statistics.median(p50s):>8.2f} "
              f"{min(p50s):>8.2f} {max(p50s):>8.2f} {ratio(blocks, kind, RAW):>8.2f}")
    of_raw, spinning = ratio(blocks, TCP, RAW), ratio(blocks, KERNEL_SPIN, TCP)
    print(f"\nTCP on DPDK: {spinning:.1f} times shorter than the kernel's with both ends spinning, "
          f"{ratio(blocks, KERNEL_SLEEP, TCP):.1f} times with both sleeping")
    print(f"budgets: {of_raw:.2f} times a bare frame, at most {OF_RAW_MAX}: {verdict(of_raw <= OF_RAW_MAX)}; "
          f"{spinning:.1f} times shorter than a spinning kernel, at least {KERNEL_MIN}: "
          f"{verdict(spinning >= KERNEL_MIN)}")


def verdict(is_met):
    return "met" if is_met else "MISSED"


def result_of(kind, blocks, memory):
    """The fields that every row of the file has, then what only these have. A window keeps no p99."""
    backend, proto, ends = TITLES[kind]
    p50s = [block[kind].p50_us for block in blocks]
    whole = Seen.together([block[kind] for block in blocks])
    return {"backend": backend, "proto": proto, "bytes": FRAME_BYTES if kind == RAW else SIZE, "conns": 1,
            "loop": "closed", "idle": ends, "client_idle": ends, "rate": whole.count / whole.seconds,
            "count": whole.count, "p50_us": statistics.median(p50s), "p99_us": None, "p999_us": None,
            "max_us": whole.max_us, "late_share": 0, "jitter_us": None, "invalid": False, "invalid_reasons": [],
            "memory": memory if kind in (RAW, TCP, UDP) else None, "of_raw": ratio(blocks, kind, RAW),
            "blocks_p50_us": p50s}


def compare(bin_dir, server_core, client_core):
    """Prints the table and its verdict, or one line that says why there is none; returns what goes into the file."""
    reason, memory = why_not(bin_dir, server_core, client_core)
    if reason:
        print(f"\ndpdk: left out: {reason}")
        return []
    print(f"\nour own stack on DPDK, between two processes over net_memif, packet memory: {memory};\none connection, "
          f"{SIZE} bytes each way; raw is a frame of {FRAME_BYTES} bytes without any stack; turns of {TURN_S} s, "
          "medians over the blocks\n", flush=True)
    blocks, count = run_blocks(bin_dir, (server_core, client_core))
    if len(blocks) < BLOCKS_MIN:
        print(f"dpdk: left out: only {len(blocks)} of {count} blocks can be used; the CPUs moved in the others")
        return []
    show(blocks)
    print(f"{len(blocks)} of {count} blocks; in the others the bare frames before and after TCP differ by more than "
          f"{RAW_SPREAD_MAX}")
    return [result_of(kind, blocks, memory) for kind in KINDS]
