# ctest: TIMEOUT 200
"""sweep, compare, report and jitter do what they say, from real runs to files and verdicts, and refuse what they cannot
use.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import csv  # noqa: E402
import json  # noqa: E402
import re  # noqa: E402
import tempfile  # noqa: E402

bin_dir = rig.start()


def loadgen(*words, expect=0):
    done = rig.run(bin_dir, "skerry-loadgen", *words, patience=120, preexec_fn=rig.urgent)
    rig.check(done.returncode == expect, f"{words} ended with {done.returncode}: {done.stderr}{done.stdout}")
    return done


def refused(words, *parts, expect=2):
    done = loadgen(*words, expect=expect)
    rig.check(done.stderr.count("\n") == 1 and all(part in done.stderr for part in parts),
              f"{words}: {done.stderr!r}, expected one line with {parts}")


def sweep(server, folder):
    files = {kind: os.path.join(folder, f"sweep.{kind}") for kind in ("json", "csv", "html")}
    # A bound that no machine reaches, so that the search ends where it is told.
    done = rig.run(bin_dir, "skerry-loadgen", "sweep", f"--connect={server.address}", "--from=500", "--to=1000",
                   "--p99-max=10s", "--trial=2s", "--duration=300ms", "--warmup=100ms", "--jitter=20ms",
                   rig.ALL_ANSWERS,
                   *(f"--{kind}={path}" for kind, path in files.items()), preexec_fn=rig.urgent)
    rig.check(re.search(r"trial  500/s  p99 [\d.]+ us  (passed|failed)", done.stdout), done.stdout)
    if done.returncode == 1 and "no knee" in done.stderr:
        print("this machine is too busy for 500 requests a second in time: the files of a sweep are not looked at")
        return
    rig.check(done.returncode == 0, f"{done}")
    with open(files["json"]) as file:
        result = json.load(file)
    rig.check(500 <= result["knee"] <= 1000 and result["schema_version"] == 1, f"knee {result['knee']}")
    rates = [run["rate"] for run in result["runs"]]
    rig.check(rates == [result["knee"] * percent // 100 for percent in (10, 25, 50, 75, 90, 95)], f"rates {rates}")
    with open(files["csv"], newline="") as file:
        rows = list(csv.DictReader(file))
    rig.check([float(row["rate"]) for row in rows] == rates and rows[0]["machine.kernel"], f"{rows[0]}")
    with open(files["html"]) as file:
        rig.check("Latency against load" in file.read(), "the sweep's page has no such picture")


def no_knee(server):
    """A bound that none can meet: the line says what to do."""
    refused(["sweep", f"--connect={server.address}", "--from=2000", "--p99-max=1us", "--trial=500ms"],
            "no knee: at 2,000 requests a second", "raise --p99-max", expect=1)


def saved_run(server, folder, name):
    path = os.path.join(folder, name)
    report = rig.loadgen(bin_dir, f"--connect={server.address}", "--rate=2000", "--duration=2200ms", "--warmup=100ms",
                         "--jitter=0s", "--interval=50ms", rig.ALL_ANSWERS)
    with open(path, "w") as file:
        json.dump(report, file)
    return path, report


def compare(server, folder):
    a, report = saved_run(server, folder, "a.json")
    rig.check(report["mode"] == "echo", f"the mode is not in the report: {report['mode']}")
    same = rig.run(bin_dir, "skerry-loadgen", "compare", a, a)
    if "no verdict" in same.stderr:
        rig.check(same.returncode == 1 and "is an invalid run" in same.stderr, f"{same}")  # a busy machine
        return a
    rig.check(same.returncode == 0 and same.stdout.endswith("\nverdict: no difference shown\n"), f"{same}")
    rig.check(f"{report['p50_us']:.1f}" in same.stdout, f"p50 {report['p50_us']} is not in {same.stdout}")
    return a


def refusals(server, folder, saved):
    text = os.path.join(folder, "text.json")
    with open(text, "w") as file:
        file.write("not JSON")
    page = f"--html={folder}/x.html"
    refused(["compare", saved], "FILES")
    refused(["compare", saved, saved, saved], "FILES: At Most 2 required")
    refused(["compare", saved, text], "text.json: no report of skerry-loadgen", expect=1)
    refused(["compare", f"{folder}/none.json", saved], "cannot read", "No such file", expect=1)
    refused(["compare", folder, saved], f"cannot read {folder}: Is a directory", expect=1)
    refused(["report", saved], "--html")
    refused(["report", text, page], "no report of skerry-loadgen", expect=1)
    refused(["report", saved, "--html=/nonexistent/x.html"], "cannot write /nonexistent/x.html", expect=1)
    with open(saved, "rb") as file:
        figures = file.read()
    refused(["report", f"--html={folder}/./a.json", saved], "a.json: would overwrite", "a file of its own")
    refused([f"--connect={server.address}", f"--json={folder}/same", f"--html={folder}/same"], "same: would overwrite")
    refused([f"--connect={server.address}", f"--hgrm={folder}/x", f"--csv={folder}/x.service.hgrm"], "would overwrite")
    with open(saved, "rb") as file:
        rig.check(file.read() == figures, "the report that was read is still there")
    rig.check(not os.path.exists(f"{folder}/same"), "what was refused made a file")
    refused(["sweep", f"--connect={server.address}", "--rate=5"], "--rate: unknown option")
    refused(["sweep", "--from=10"], "has no p99", "1,000 or more")
    refused(["sweep", "--from=1100", "--arrivals=poisson"], "may have no p99", "1,200 or more")
    refused(["sweep", "--from=5000", "--to=4000"], "--from: accepted: up to --to")
    refused(["sweep", f"--json={folder}/none.json", "--interval=10ms", "--trial=1001s"],
            "--interval: accepted with --trial: ", "at most 100,000")
    refused(["--interval=1ms"], "--interval: accepted: from 10ms")
    for word in ("compare", "jitter", "report", "sweep"):
        done = loadgen(word, "--help")
        rig.check(f"skerry-loadgen {word}" in done.stdout, done.stdout)
    rig.check("knee is the largest rate" in " ".join(loadgen("sweep", "--help").stdout.split()), "what the knee is")


def jitter(folder):
    """A row for each core that was named, in both forms."""
    path = os.path.join(folder, "jitter.json")
    cores = sorted(os.sched_getaffinity(0))[:2]
    done = loadgen("jitter", f"--cores={','.join(map(str, cores))}", "--duration=50ms", f"--json={path}")
    with open(path) as file:
        result = json.load(file)
    rig.check(result["schema_version"] == 1 and [core["cpu"] for core in result["cores"]] == cores, f"{result}")
    for core, line in zip(result["cores"], done.stdout.splitlines()[1:], strict=True):
        rig.check(core["watched_s"] >= 0.05 and core["jitter_us"] > 0 and 0 <= core["stolen_share"] <= 1, f"{core}")
        rig.check(line.split()[:2] == [str(core["cpu"]), f"{core['jitter_us']:.1f}"], f"{line!r} of {core}")
    refused(["jitter", "--cores=1023"], "--cores: not this program's to use: 1023", "accepted: some of ")
    refused(["jitter", "--duration=0s"], "--duration=0", "a time above 0")
    refused(["jitter", "--json=/nonexistent/x.json"], "cannot write /nonexistent/x.json", expect=1)


with rig.Server(bin_dir, prepare=rig.urgent) as server, tempfile.TemporaryDirectory() as folder:
    sweep(server, folder)
    no_knee(server)
    saved = compare(server, folder)
    refusals(server, folder, saved)
    loadgen("report", saved, saved, f"--html={folder}/both.html")
    server.stop()
    jitter(folder)
print("sweep, compare, report and jitter end as they say")
