# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""A server that stops for 100 ms: the response times tell it, the service times hide it in one sample.

1,000 requests a second with one in flight for 5 s. The requests that were due in those 100 ms are sent late, by up to
100 ms, and their response times, counted from when they were due, are 100, 99, 98 ... ms: about 100 of 5,000, so that
the 99th percentile is near 50 ms. Only the one request that was under way has a long service time. The series says when
that was: its longest window begins where the stop ended.

A machine that is itself stopped for milliseconds now and then, as virtual ones are, can spoil the service times, so
the run is repeated, up to four times in all.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import csv  # noqa: E402
import json  # noqa: E402
import signal  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402

bin_dir = rig.start()


def run():
    with rig.Server(bin_dir, "--proto=tcp", prepare=rig.urgent) as server, tempfile.TemporaryDirectory() as folder:
        path, series = os.path.join(folder, "run.json"), os.path.join(folder, "series.csv")
        client = subprocess.Popen([os.path.join(bin_dir, "skerry-loadgen"), f"--connect={server.address}", "--conns=1",
                                   "--inflight=1", "--rate=1000", "--duration=5s", "--warmup=500ms", f"--json={path}",
                                   f"--series={series}", "--window=20ms"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=rig.urgent)
        time.sleep(2.5)
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        server.process.send_signal(signal.SIGCONT)
        gone_on_at = time.monotonic()
        rig.check(client.wait(30) == 0, f"skerry-loadgen ended with {client.returncode}")
        server.stop()
        with open(path) as file, open(series, newline="") as windows:
            return json.load(file), list(csv.DictReader(windows)), gone_on_at


def faults(report, windows, gone_on_at):
    service = report["service"]
    found = []
    if sum(int(window["count"]) for window in windows) < report["count"]:
        found.append("the series has fewer answers than the report")
    longest = max(windows, key=lambda window: float(window["max_us"]))
    if float(longest["max_us"]) != report["max_us"]:
        found.append(f"the longest of the series is {longest['max_us']} us, that of the report {report['max_us']}")
    if abs(float(longest["start_s"]) - gone_on_at) > 0.06:
        found.append(f"the series has its longest answer at {longest['start_s']} s, the stop ended at {gone_on_at}")
    if report["count"] < 4995 or service["count"] != report["count"]:
        return [f"count {report['count']}, service count {service['count']}"]
    if report["p99_us"] is None or report["p99_us"] < 50_000:
        found.append(f"response p99 is {report['p99_us']} us, less than 50,000")
    if service["p99_us"] is None or service["p99_us"] > 2_000:
        found.append(f"service p99 is {service['p99_us']} us, more than 2,000")
    if service["max_us"] < 90_000 or service["at_least_90ms"] != 1:
        found.append(f"{service['at_least_90ms']} service samples of 90 ms or more, the longest {service['max_us']} us")
    if not report["invalid"] or report["late_held"] == 0:
        found.append("late sends do not make the run invalid")
    return found


for attempt in range(4):
    report, windows, gone_on_at = run()
    found = faults(report, windows, gone_on_at)
    service = report["service"]
    print(f"run {attempt + 1}: response p99 {report['p99_us']} us, service p99 {service['p99_us']} us, longest service "
          f"{service['max_us']} us, jitter {report['jitter_us']} us:", found or "ok")
    if not found:
        sys.exit(0)
sys.exit(1)
