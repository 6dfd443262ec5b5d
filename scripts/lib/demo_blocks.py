"""The part of scripts/demo that compares: our own TCP and UDP on DPDK, a bare frame over the same kind of link, and the
kernel's TCP, one after the other in short blocks.

What a round trip costs moves with whatever else runs on the machine's host, and with where that puts our CPUs: a bare
frame by a factor of four within minutes. So each block has all of them within seconds and is judged by itself, every
other block in the opposite order; what is told is the median over the blocks. TCP stands between two bare frames: where
these differ the machine has moved in between, and the block says nothing.
"""

import os
import re
import select
import statistics
import subprocess
import tempfile

import demo_processes

BLOCKS = 7
BLOCKS_MAX = 16  # when some have to be thrown away
RAW_SPREAD_MAX = 1.25  # of the bare frames before and after TCP
FRAME_BYTES = 130  # of TCP with 64 bytes of data and timestamps
TIMES = ("--duration=400ms", "--warmup=100ms")
OF_RAW_MAX = 2.0
KERNEL_MIN = 3.5

RAW, TCP, UDP = "raw", "dpdk tcp", "dpdk udp"
KERNEL_SPIN, KERNEL_SLEEP = "epoll tcp spin", "epoll tcp sleep"
KINDS = (RAW, TCP, UDP, KERNEL_SPIN, KERNEL_SLEEP)
ORDER = (RAW, TCP, RAW, UDP, KERNEL_SPIN, KERNEL_SLEEP)
TITLES = {RAW: ("raw", "frame", "spin"), TCP: ("dpdk", "tcp", "spin"), UDP: ("dpdk", "udp", "spin"),
          KERNEL_SPIN: ("epoll", "tcp", "spin"), KERNEL_SLEEP: ("epoll", "tcp", "sleep")}


class Link:
    """Two ports of DPDK that share memory, in a folder of their own."""

    def __init__(self, folder):
        self.folder = folder

    def options(self, role):
        return (f"--dpdk=vdev=net_memif0,role={role},id=0,socket={self.folder}/link,socket-abstract=no;"
                "memory=64;mbufs=2047")


def why_not(bin_dir, server_core, client_core):
    """Why the rows on DPDK cannot be had here, in one line; and what its packet memory is."""
    if not os.path.exists(os.path.join(bin_dir, "skerry-bounce")):
        return "this build has no DPDK", None
    if server_core == client_core:
        return "two programs that poll need two cores", None
    with tempfile.TemporaryDirectory() as folder:
        server = demo_processes.Echo(bin_dir, "tcp", *dpdk_server(Link(folder), server_core), listen="198.18.0.1:7001")
        server.end()
        if server.address is None:
            return server.complaint or "skerry-echo does not start on it", None
        return None, re.search(r"backend dpdk \((.*?);", server.start_line)[1]


def dpdk_server(link, core):
    return "--backend=dpdk", link.options("server"), "--ip=198.18.0.1/24", f"--cores={core}", "--idle=spin"


def raw_p50(bin_dir, server_core, client_core):
    with tempfile.TemporaryDirectory() as folder:
        link = Link(folder)
        command = os.path.join(bin_dir, "skerry-bounce")
        other = subprocess.Popen([command, f"--cores={server_core}", link.options("server")], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, text=True)
        try:
            if not select.select([other.stdout], [], [], 20)[0] or "ready" not in other.stdout.readline():
                return None
            report = demo_processes.report_of([command, "--side=measure", f"--cores={client_core}",
                                               link.options("client"), f"--bytes={FRAME_BYTES}", *TIMES])
        finally:
            other.kill()
            other.wait()
    return report and report["p50_us"]


def dpdk_p50(bin_dir, proto, server_core, client_core):
    with tempfile.TemporaryDirectory() as folder:
        link = Link(folder)
        server = demo_processes.Echo(bin_dir, proto, *dpdk_server(link, server_core), listen="198.18.0.1:7001")
        return loadgen_p50(bin_dir, server, proto, "--backend=dpdk", link.options("client"), "--ip=198.18.0.2/24",
                           f"--cores={client_core}", "--idle=spin")


def kernel_p50(bin_dir, idle, server_core, client_core):
    server = demo_processes.Echo(bin_dir, "tcp", "--backend=epoll", f"--cores={server_core}", f"--idle={idle}",
                                 listen="127.0.0.1:0")
    return loadgen_p50(bin_dir, server, "tcp", "--backend=epoll", f"--cores={client_core}", f"--idle={idle}")


def loadgen_p50(bin_dir, server, proto, *options):
    try:
        if server.address is None:
            return None
        report = demo_processes.report_of([os.path.join(bin_dir, "skerry-loadgen"), f"--proto={proto}",
                                           f"--connect={server.address}", "--size=64", "--jitter=0s", *TIMES, *options])
    finally:
        server.end()
    return None if report is None or report["invalid"] else report["p50_us"]


def run_block(bin_dir, cores, order):
    """The p50 of each kind; nothing when one of them did not come off, or the machine moved meanwhile."""
    runs = {RAW: lambda: raw_p50(bin_dir, *cores),
            TCP: lambda: dpdk_p50(bin_dir, "tcp", *cores),
            UDP: lambda: dpdk_p50(bin_dir, "udp", *cores),
            KERNEL_SPIN: lambda: kernel_p50(bin_dir, "spin", *cores),
            KERNEL_SLEEP: lambda: kernel_p50(bin_dir, "sleep", *cores)}
    took = [(kind, runs[kind]()) for kind in order]
    missing = [kind for kind, p50 in took if not p50]
    if missing:
        print(f"a block is thrown away: {', '.join(missing)} did not come off", flush=True)
        return None
    raws = [p50 for kind, p50 in took if kind == RAW]
    if max(raws) > min(raws) * RAW_SPREAD_MAX:
        print(f"a block is thrown away: a bare frame took {raws[0]:.2f} us before TCP and {raws[1]:.2f} after it",
              flush=True)
        return None
    return dict(took) | {RAW: statistics.mean(raws)}


def run_blocks(bin_dir, cores):
    blocks = []
    for number in range(BLOCKS_MAX):
        block = run_block(bin_dir, cores, ORDER if number % 2 == 0 else tuple(reversed(ORDER)))
        if block:
            blocks.append(block)
        if len(blocks) == BLOCKS:
            break
    return blocks


def ratio(blocks, of, to):
    return statistics.median(block[of] / block[to] for block in blocks)


def show(blocks):
    print(f"{'backend':<8} {'proto':<6} {'ends':<6} {'p50 us':>8} {'least':>8} {'most':>8} {'of raw':>8}")
    for kind in KINDS:
        p50s = [block[kind] for block in blocks]
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


def results_of(blocks, memory):
    return [{"backend": TITLES[kind][0], "proto": TITLES[kind][1], "loop": "closed", "idle": TITLES[kind][2],
             "memory": memory if kind in (RAW, TCP, UDP) else None,
             "p50_us": statistics.median(block[kind] for block in blocks), "of_raw": ratio(blocks, kind, RAW),
             "blocks_p50_us": [block[kind] for block in blocks]} for kind in KINDS]


def compare(bin_dir, server_core, client_core):
    """Prints the table and its verdict, or one line that says why there is none; returns what goes into the file."""
    reason, memory = why_not(bin_dir, server_core, client_core)
    if reason:
        print(f"\ndpdk: left out: {reason}")
        return []
    print(f"\nour own stack on DPDK, between two processes over net_memif, packet memory: {memory}; {BLOCKS} blocks of "
          f"0.4 s each,\none connection, 64 bytes each way; raw is a frame of {FRAME_BYTES} bytes without any stack; "
          "medians over the blocks\n", flush=True)
    blocks = run_blocks(bin_dir, (server_core, client_core))
    if len(blocks) < BLOCKS:
        print(f"dpdk: left out: only {len(blocks)} of {BLOCKS_MAX} blocks came off")
        return []
    show(blocks)
    return results_of(blocks, memory)
