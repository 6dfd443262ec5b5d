#!/usr/bin/env python3
"""What goodput does one TCP connection of our stack have where segments are lost, beside one of Linux with CUBIC?

usage: bench/goodput_under_loss.py FOLDER_OF_THE_PROGRAMS [--cells LIST] [--seeds N] [--secs S] [--rate BITS]
       [--kinds LIST] [--json FILE]

Over skerry-link, which loses the same segments by number for the same seed. The far end is always the kernel's. For
each cell and seed, in turns: the kernel sends with CUBIC and the kernel receives (`linux`, the reference), our stack
sends (`sends`), our stack receives what the kernel sends (`receives`).

A cell is LOSS%xRTT, or rREORDER%xRTT for segments that come late instead, by a quarter of the round trip and at least
a millisecond. The round trip is that of the empty link, whose queue holds a round trip's bytes and 64 KiB more. What
the receiver's program reads in --secs is measured, after a second. The figure is the ratio of the medians over the
seeds; the budget 0.9 in each cell, and 1.0 in the median of the cells that lose. As root: everything is in network
namespaces of its own. Ends with 1 when a budget is missed, and with 77 where it cannot run.
"""

import argparse
import json
import os
import platform
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "integration", "tools"))
import link  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

CELLS = "0.01x1,0.01x10,0.01x50,0.1x1,0.1x10,0.1x50,1x1,1x10,1x50,3x1,3x10,3x50,r1x1,r1x10,r1x50"
KINDS = ("linux", "sends", "receives")
BUDGET, BUDGET_MEDIAN = 0.9, 1.0
WARM_UP = 1.0
PORT = 7001
# Those of a kernel that nobody has tuned, on every machine.
KERNEL = {"net.ipv4.tcp_no_metrics_save": "1",
          "net.ipv4.tcp_rmem": "4096 131072 6291456", "net.ipv4.tcp_wmem": "4096 16384 4194304"}


class Cell:
    def __init__(self, name):
        self.name = name
        share, rtt = name.lstrip("r").split("x")
        self.is_reorder = name.startswith("r")
        self.share, self.rtt_ms = float(share) / 100, float(rtt)

    def options(self, seed, rate):
        queue = int(rate / 8 * self.rtt_ms / 1000) + 65536
        common = [f"--rtt={int(self.rtt_ms * 1000)}us", f"--rate={rate}", f"--queue={queue}", f"--seed={seed}"]
        if not self.is_reorder:
            return [*common, f"--loss={self.share}"]
        return [*common, f"--reorder={self.share}", f"--reorder-delay={int(max(1, self.rtt_ms / 4) * 1000)}us"]


def count_read(connection, secs):
    """The bytes that come in `secs` after the warm-up."""
    room = memoryview(bytearray(1 << 18))
    begin = time.monotonic() + WARM_UP
    while time.monotonic() < begin:
        connection.recv_into(room)
    begin, count, now = time.monotonic(), 0, 0
    while now < begin + secs:
        count += connection.recv_into(room)
        now = time.monotonic()
    return count / (now - begin)


def send_until_closed(connection):
    try:
        while True:
            connection.sendall(bytes(1 << 16))
    except OSError:
        pass


def count_taken(server, connection, secs):
    """The same of what the server reads."""
    threading.Thread(target=send_until_closed, args=(connection,), daemon=True).start()
    time.sleep(WARM_UP)
    begin, before = time.monotonic(), server.numbers()["bytes_in"]
    time.sleep(secs)
    count = server.numbers()["bytes_in"] - before
    return count / (time.monotonic() - begin)


def run(bin_dir, ends, kind, cell, seed, arguments):
    """Mbit/s, what the link counted, and the share of a CPU that our program took."""
    is_ours, receives = kind != "linux", kind != "sends"
    options = cell.options(seed, arguments.rate)
    backend = [f"--backend=tap:{link.PROGRAM_DEVICE}", f"--ip={link.NEAR}/24"] if is_ours else ["--backend=epoll"]
    with rig.Server(bin_dir, *backend, tap.CORE, f"--mode={'sink' if receives else 'source'}",
                    wrap=ends.there.enter, listen=f"{link.NEAR}:{PORT}", prepare=rig.urgent) as server, \
            link.Link(bin_dir, ends, *options, is_program=is_ours, loses_far=receives) as cable, \
            link.socket_in(ends.here, socket.SOCK_STREAM) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        # Nothing of it may be under way when the next one begins.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.settimeout(rig.PATIENCE)
        connection.connect((link.NEAR, PORT))
        cpu = rig.cpu_seconds(server.process.pid)
        rate = count_taken(server, connection, arguments.secs) if receives else count_read(connection, arguments.secs)
        cpu = (rig.cpu_seconds(server.process.pid) - cpu) / (WARM_UP + arguments.secs)
        return {"mbit": rate * 8 / 1e6, "cpu": cpu, "link_cpu": cable.cpu_seconds() / (WARM_UP + arguments.secs),
                "link": cable.stop()}


def show(cells, results):
    print(f"\n| cell | Linux, Mbit/s | {' | '.join(f'{kind} | ratio' for kind in KINDS[1:])} |")
    print("|---" * (2 + 2 * len(KINDS[1:])) + "|")
    ratios = {kind: {} for kind in KINDS[1:]}
    for cell in cells:
        rates = {kind: [result["mbit"] for result in results[cell.name].get(kind, [])] for kind in KINDS}
        median = {kind: statistics.median(values) for kind, values in rates.items() if values}
        row = []
        for kind in KINDS:
            if kind not in median:
                row += ["", ""][:1 if kind == "linux" else 2]
                continue
            row.append(f"{median[kind]:.2f} [{min(rates[kind]):.2f} to {max(rates[kind]):.2f}]")
            if kind != "linux" and "linux" in median:
                ratios[kind][cell.name] = median[kind] / median["linux"]
                row.append(f"{ratios[kind][cell.name]:.2f}")
        print(f"| {cell.name} | {' | '.join(row)} |")
    return ratios


def judge(ratios):
    is_met = True
    for kind, of_cells in ratios.items():
        losing = [ratio for name, ratio in of_cells.items() if not name.startswith("r")]
        missed = {name: round(ratio, 2) for name, ratio in of_cells.items() if ratio < BUDGET}
        median = statistics.median(losing) if losing else 1.0
        is_met = is_met and not missed and median >= BUDGET_MEDIAN
        print(f"{kind}: median of the ratios {median:.3f}, budget {BUDGET_MEDIAN}; below {BUDGET}: {missed or 'none'}")
    return is_met


def main():
    parser = argparse.ArgumentParser(usage=__doc__.replace("%", "%%"))
    parser.add_argument("folder")
    parser.add_argument("--cells", default=CELLS, type=lambda text: [Cell(name) for name in text.split(",")])
    parser.add_argument("--kinds", default=list(KINDS), type=lambda text: text.split(","))
    parser.add_argument("--seeds", default=5, type=int)
    parser.add_argument("--secs", default=3.0, type=float)
    parser.add_argument("--rate", default=100_000_000, type=int)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    bin_dir = os.path.abspath(arguments.folder)
    rig.need("ip", "ethtool", "nsenter", "unshare", "sysctl")
    for program in ("skerry-echo", "skerry-link"):
        if not os.path.exists(os.path.join(bin_dir, program)):
            rig.skip(f"{program} is not built in {bin_dir}")
    if os.geteuid() != 0:
        rig.skip("network namespaces want root")
    print(subprocess.run([os.path.join(bin_dir, "skerry-echo"), "--version"], capture_output=True,
                         text=True).stdout.strip(), "beside Linux", platform.release())
    print(f"{arguments.seeds} seeds, {arguments.secs} s, {arguments.rate / 1e6:g} Mbit/s; "
          + ", ".join(f"{name.split('.')[-1]} {value}" for name, value in KERNEL.items()), flush=True)
    results = {}
    with link.Ends() as ends:
        for namespace in (ends.here, ends.there):
            for name, value in KERNEL.items():
                namespace.set(name, value)
        for cell in arguments.cells:
            of_cell = results[cell.name] = {kind: [] for kind in arguments.kinds}
            for seed in range(1, arguments.seeds + 1):
                for kind in arguments.kinds if seed % 2 else reversed(arguments.kinds):
                    of_cell[kind].append(run(bin_dir, ends, kind, cell, seed, arguments))
            print(cell.name, {kind: [round(one["mbit"], 1) for one in runs] for kind, runs in of_cell.items()},
                  flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"seeds": arguments.seeds, "secs": arguments.secs, "rate": arguments.rate, "cells": results},
                      file)
    runs = [one for of_cell in results.values() for of_kind in of_cell.values() for one in of_kind]
    late = statistics.median(one["link"]["late_us_p99"] for one in runs)
    cpu, link_cpu = (max(one[name] for one in runs) for name in ("cpu", "link_cpu"))
    print(f"\nthe link is late by {late:.0f} us at p99, in the median of {len(runs)} runs; of a CPU the near end's "
          f"program takes {cpu:.2f} at most, the link {link_cpu:.2f}")
    sys.exit(0 if judge(show(arguments.cells, results)) else 1)


main()
