# ctest: TIMEOUT 120 RESOURCE_LOCK hdr_histogram_js
"""npm's hdr-histogram-js reads what --hlog writes, and finds the counts and percentiles that --json says, to the last
digit: of response times, and of service times under their tag."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import hdr_judge  # noqa: E402
import rig  # noqa: E402

import json  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

# Adds the lines of each tag up and prints what the sum says.
JUDGE = r"""
const hdr = require('hdr-histogram-js');
const reader = new hdr.HistogramLogReader(require('fs').readFileSync(process.argv[1], 'utf8'), 64, false);
const sums = {};
const starts = [];
for (let line = reader.nextIntervalHistogram(); line; line = reader.nextIntervalHistogram()) {
    const tag = line.tag === 'NO TAG' ? 'response' : line.tag;
    if (tag === 'response') starts.push(line.startTimeStampMsec);
    if (!sums[tag]) sums[tag] = hdr.build({highestTrackableValue: 100000000000, numberOfSignificantValueDigits: 3,
        bitBucketSize: 64, useWebAssembly: false});
    sums[tag].add(line);
}
const told = {intervals: starts.length, first: starts[0]};
for (const tag in sums) {
    told[tag] = {count: sums[tag].totalCount, max: sums[tag].maxValue};
    for (const [name, p] of [['p50_us', 50], ['p90_us', 90], ['p99_us', 99], ['p999_us', 99.9]])
        told[tag][name] = sums[tag].getValueAtPercentile(p);
}
console.log(JSON.stringify(told));
"""

folder = Path(sys.argv[1]).resolve().parent / "npm" / "hdr"
if rig.INSIDE not in os.environ:
    hdr_judge.install(folder)  # a namespace of its own has no way to it
bin_dir = rig.start()


def judged(log):
    done = subprocess.run(["node", "-e", JUDGE, log], capture_output=True, text=True, timeout=60, cwd=folder)
    rig.check(done.returncode == 0, f"the judge ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def compare(name, ours, theirs):
    rig.check(theirs["count"] == ours["count"], f"{name}: count {theirs['count']}, expected {ours['count']}")
    for key in ("p50_us", "p90_us", "p99_us", "p999_us"):
        if ours[key] is not None:
            # Ours is never above the exact maximum, which a log does not have.
            expected = round(ours[key] * 1e3)
            is_equal = theirs[key] == expected or (theirs[key] == theirs["max"] and ours[key] == ours["max_us"])
            rig.check(is_equal, f"{name}: {key} {theirs[key]}, expected {expected}")


with rig.Server(bin_dir) as server, tempfile.TemporaryDirectory() as scratch:
    log = os.path.join(scratch, "run.hlog")
    report = rig.loadgen(bin_dir, f"--connect={server.address}", "--rate=15000", "--conns=2", "--duration=1500ms",
                         "--warmup=100ms", "--jitter=0s", f"--hlog={log}", "--interval=50ms", rig.ALL_ANSWERS)
    told = judged(log)
    rig.check(report["count"] > 10_000, f"only {report['count']} answers")
    rig.check(10 < told["intervals"] <= 30, f"{told['intervals']} intervals, expected up to 30 of 50 ms")
    compare("response", report, told["response"])
    compare("service", report["service"], told["service"])
    lengths = report["intervals"]
    rig.check(lengths["length_s"] == 0.05 and len(lengths["histograms"]) <= 30, f"intervals: {lengths['length_s']}")
    server.stop()
print(f"{told['response']['count']} answers in {told['intervals']} intervals: {hdr_judge.PACKAGE} agrees")
