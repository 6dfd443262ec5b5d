#!/usr/bin/env python3
"""What does a core cost that has little to do, and how late does it answer? A curve for each idle policy and backend.

usage: bench/idle_cost.py FOLDER_OF_THE_PROGRAMS [--rounds N] [--secs S] [--rates LIST] [--backends LIST] [--json FILE]

skerry-echo with --idle=spin, adaptive and sleep, asked by skerry-loadgen, which spins, at rates from nothing up, by
datagrams of 64 bytes. `cpu` is the server's CPU time in percent of the time that went by, `calls` how often it slept
a second (voluntary switches), p50 and p99 the response times in us: what a wake-up costs shows where the rate is low,
because there each request wakes the core. Figures are medians over the rounds. `dpdk` is net_memif, which has no
interrupt: to sleep there is to look again after a while. Ends with 77 where it cannot run.
"""

import argparse
import json
import os
import re
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "integration", "tools"))
import rig  # noqa: E402
from connection_rate import ends  # noqa: E402

IDLES = ("spin", "adaptive", "sleep")


def sleeps(pid):
    """Voluntary switches of all threads."""
    count = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
            count += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.MULTILINE)[1])
    return count


def measure(bin_dir, backend, idle, rate, cores, secs):
    with tempfile.TemporaryDirectory() as folder:
        server_end, client_end, listen = ends(backend, folder)
        with rig.Server(bin_dir, *server_end, f"--cores={cores[0]}", f"--idle={idle}", "--proto=udp",
                        listen=listen) as server:
            pid = server.process.pid
            time.sleep(0.2)  # what the start left to do
            began, cpu, slept = time.monotonic(), rig.cpu_seconds(pid), sleeps(pid)
            report = None
            if rate == 0:
                time.sleep(secs)
            else:
                report = rig.loadgen(bin_dir, *client_end, f"--cores={cores[-1]}", "--idle=spin", "--proto=udp",
                                     f"--connect={server.host}:{server.port}", "--warmup=0s", "--jitter=0s",
                                     f"--rate={rate}", f"--duration={round(1000 * secs)}ms", patience=60 + 2 * secs)
            took = time.monotonic() - began
            row = {"backend": backend, "idle": idle, "rate": rate,
                   "cpu_percent": 100 * (rig.cpu_seconds(pid) - cpu) / took,
                   "sleeps_per_s": (sleeps(pid) - slept) / took,
                   "p50_us": report and report["p50_us"], "p99_us": report and report["p99_us"]}
    return row


def middle(rows):
    """One row of the medians."""
    row = dict(rows[0])
    for name in ("cpu_percent", "sleeps_per_s", "p50_us", "p99_us"):
        values = [each[name] for each in rows if each[name] is not None]
        row[name] = statistics.median(values) if values else None
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--secs", type=float, default=1.0)
    parser.add_argument("--rates", default="0,100,1000,10000,50000", help="requests a second")
    parser.add_argument("--backends", default="epoll,io_uring,dpdk")
    parser.add_argument("--json", help="write the figures to this file")
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        rig.skip("two CPUs are needed")
    bin_dir = os.path.abspath(arguments.folder)
    has_dpdk = os.path.exists(os.path.join(bin_dir, "skerry-forward"))
    rows = []
    print(f"{'backend':10}{'idle':10}{'rate/s':>8}{'cpu %':>8}{'sleeps/s':>10}{'p50 us':>9}{'p99 us':>9}")
    for backend in arguments.backends.split(","):
        if backend == "dpdk" and not has_dpdk:
            continue
        for rate in (int(rate) for rate in arguments.rates.split(",")):
            found = {idle: [] for idle in IDLES}
            for _ in range(arguments.rounds):
                for idle in IDLES:
                    found[idle].append(measure(bin_dir, backend, idle, rate, cores, arguments.secs))
            for idle in IDLES:
                row = middle(found[idle])
                rows.append(row)
                times = [f"{row[name]:9.1f}" if row[name] is not None else f"{'':9}" for name in ("p50_us", "p99_us")]
                print(f"{backend:10}{idle:10}{rate:8,}{row['cpu_percent']:8.1f}{row['sleeps_per_s']:10,.0f}"
                      f"{times[0]}{times[1]}", flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"secs": arguments.secs, "rows": rows}, file, indent=2)


if __name__ == "__main__":
    main()
