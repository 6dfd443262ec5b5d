#!/usr/bin/env python3
"""What does one TCP connection carry between our stack and the kernel over a TAP device, with tso=off and with tso=on?

usage: bench/tap_goodput.py FOLDER_OF_THE_PROGRAMS [--rounds N] [--secs S]

`sends`: skerry-echo --mode=source, read by the kernel's socket; `receives`: --mode=sink, written to by it. The figures
are Gbit/s of payload, and the CPU seconds that our program took for each GB, in the median of the rounds, which take
turns. `dialogue` is the median round trip of messages of 64 bytes, one at a time, by sockperf: they are no longer than
a segment, so nothing is to be won, and nothing to be lost. As root: everything is in a network namespace of its own.
Ends with 77 where it cannot run.
"""

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "integration", "tools"))
import rig  # noqa: E402
import tap  # noqa: E402

WARM_UP = 0.5


def connect(server):
    connection = socket.create_connection((server.host, server.port), timeout=rig.PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    return connection


def count_read(connection, secs):
    """The bytes that come in a second, after the warm-up, and when that was over and the count was."""
    room = memoryview(bytearray(1 << 18))
    begin = time.monotonic() + WARM_UP
    while time.monotonic() < begin:
        connection.recv_into(room)
    count = 0
    while time.monotonic() < begin + secs:
        count += connection.recv_into(room)
    return count


def count_taken(server, connection, secs):
    def send():
        try:
            while True:
                connection.sendall(bytes(1 << 18))
        except OSError:
            pass
    threading.Thread(target=send, daemon=True).start()
    time.sleep(WARM_UP)
    before = server.numbers()["bytes_in"]
    time.sleep(secs)
    return server.numbers()["bytes_in"] - before


def carry(bin_dir, switch, mode, secs):
    """Gbit/s, and CPU seconds of ours for a GB."""
    with tap.serve(bin_dir, f"--mode={mode}", switch=switch) as server, connect(server) as connection:
        cpu = rig.cpu_seconds(server.process.pid)
        count = count_read(connection, secs) if mode == "source" else count_taken(server, connection, secs)
        cpu = (rig.cpu_seconds(server.process.pid) - cpu) * secs / (secs + WARM_UP)
        return count * 8e-9 / secs, cpu / (count * 1e-9)


def dialogue(bin_dir, switch, secs):
    with tap.serve(bin_dir, "--mode=sockperf", switch=switch) as server:
        command = ["sockperf", "ping-pong", "--tcp", "-i", server.host, "-p", str(server.port), "-t",
                   str(max(1, round(secs))), "--full-rtt"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=secs + 2 * rig.PATIENCE)
    found = re.search(r"percentile 50.000 = *([\d.]+)", done.stdout + done.stderr)
    return float(found[1]) if found else float("nan")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.replace("%", "%%"))
    parser.add_argument("folder")
    parser.add_argument("--rounds", default=5, type=int)
    parser.add_argument("--secs", default=2.0, type=float)
    arguments = parser.parse_args()
    tap.make()
    switches = (",tso=off", ",tso=on")
    results = {}
    for number in range(arguments.rounds):
        for switch in switches if number % 2 == 0 else reversed(switches):
            for kind, mode in (("sends", "source"), ("receives", "sink")):
                results.setdefault((kind, switch), []).append(carry(arguments.folder, switch, mode, arguments.secs))
            results.setdefault(("dialogue", switch), []).append(dialogue(arguments.folder, switch, arguments.secs))
    print("| | tso=off | tso=on |\n|---|---|---|")
    for kind in ("sends", "receives"):
        for index, unit in enumerate(("Gbit/s", "CPU s for a GB")):
            row = []
            for switch in switches:
                values = [one[index] for one in results[kind, switch]]
                row.append(f"{statistics.median(values):.2f} [{min(values):.2f} to {max(values):.2f}]")
            print(f"| {kind}, {unit} | {' | '.join(row)} |")
    rows = [results["dialogue", switch] for switch in switches]
    print("| dialogue, us | " + " | ".join(f"{statistics.median(row):.1f} [{min(row):.1f} to {max(row):.1f}]"
                                           for row in rows) + " |")


rig.start()
main()
