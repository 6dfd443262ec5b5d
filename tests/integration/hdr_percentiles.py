#!/usr/bin/env python3
# ctest: TIMEOUT 600 RESOURCE_LOCK hdr_histogram_js
"""Compares skerry's histogram with npm's hdr-histogram-js on the same samples.

Usage: hdr_percentiles.py BIN_DIR

It computes for a quarter of a minute, which on a busy machine is several.

Counts, minimum, maximum and every percentile must be equal to the last digit, mean and deviation to
rounding, and the .hgrm text row by row. Exit 0: equal. 1: a difference, printed. 77: node, npm or the
package cannot be had here, with the reason.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import hdr_judge  # noqa: E402

import random  # noqa: E402
import subprocess  # noqa: E402
from pathlib import Path  # noqa: E402

LIMIT = 100_000_000_000
SEED = 20240611

# The other implementation, told to print the same lines as hdr_dump.
JUDGE = r"""
const hdr = require('hdr-histogram-js');
const digits = Number(process.argv[1]);
const histogram = hdr.build({lowestDiscernibleValue: 1, highestTrackableValue: 100000000000,
    numberOfSignificantValueDigits: digits, bitBucketSize: 64, autoResize: false, useWebAssembly: false});
const samples = require('fs').readFileSync(0, 'utf8').split('\n').filter(line => line !== '').map(Number);
for (const sample of samples) histogram.recordValue(sample);
console.log('count ' + histogram.totalCount);
console.log('max ' + histogram.maxValue);
console.log('mean ' + histogram.mean);
console.log('stddev ' + histogram.stdDeviation);
for (const p of [0, 25, 50, 75, 90, 99, 99.9, 99.99, 99.999, 100])
    console.log('p' + p + ' ' + histogram.getValueAtPercentile(p));
console.log('hgrm');
process.stdout.write(histogram.outputPercentileDistribution(5, 1));
"""


def sample_sets():
    """Name and samples: the shapes of latency, and the places where buckets meet."""
    rng = random.Random(SEED)
    edges = [value for power in range(0, 37) for value in (2**power - 1, 2**power, 2**power + 1)]
    bounded = lambda value: max(0, min(LIMIT, int(value)))
    yield "one value", [12_345]
    yield "one value many times", [1_000_003] * 1_000
    yield "zeros and the limit", [0, 0, 0, LIMIT]
    yield "bucket edges", edges
    yield "units", [rng.randrange(0, 2_048) for _ in range(50_000)]
    yield "the thousandth of a thousand", [10] * 999 + [5_000]
    yield "log-normal latencies", [bounded(rng.lognormvariate(10, 0.7)) for _ in range(400_000)]
    yield "heavy tail", [bounded(20_000 * rng.paretovariate(1.1)) for _ in range(200_000)]
    yield "a stop of 100 ms at 1 kHz", ([30_000] * 4_900 + [i * 1_000_000 for i in range(1, 101)])
    yield "uniform over nine decades", [bounded(10 ** rng.uniform(0, 10.99)) for _ in range(200_000)]


def run(command, text, cwd=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, cwd=cwd)
    if done.returncode != 0:
        sys.exit(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")
    head, _, table = done.stdout.partition("hgrm\n")
    return dict(line.split() for line in head.splitlines()), table.splitlines()


def close(ours, theirs, tolerance):
    return abs(float(ours) - float(theirs)) <= tolerance * max(1.0, abs(float(theirs)))


def different_rows(ours, theirs):
    """Rows of the .hgrm text that differ. Percentiles have twelve decimals, and of two roundings of an exact
    half in the last one either is right; the same goes for the footer's mean and deviation."""
    if len(ours) != len(theirs):
        return [f"{len(ours)} rows, expected {len(theirs)}"]
    different = []
    for mine, judge in zip(ours, theirs):
        if mine == judge:
            continue
        a, b = mine.split(), judge.split()
        footer = mine.startswith("#[Mean")
        numbers = lambda row: [word.strip(",]") for word in row if word.strip(",]").replace(".", "").isdigit()]
        same_words = len(a) == len(b) and len(numbers(a)) == len(numbers(b)) and len(mine) == len(judge)
        tolerance = 1e-3 if footer else 1.1e-12
        if not (same_words and all(close(x, y, tolerance) for x, y in zip(numbers(a), numbers(b)))):
            different.append(f"{mine!r}, expected {judge!r}")
    return different


def compare(name, digits, samples, dump, folder):
    text = "\n".join(map(str, samples)) + "\n"
    ours, our_table = run([dump, str(digits)], text)
    theirs, their_table = run(["node", "-e", JUDGE, str(digits)], text, cwd=folder)
    wrong = []
    if ours["over_range"] != "0" or ours["min"] != str(min(samples)):
        wrong.append(f"over_range {ours['over_range']}, min {ours['min']}, expected 0 and {min(samples)}")
    for key, expected in theirs.items():
        tolerance = 1e-9 if key in ("mean", "stddev") else 0
        if not close(ours[key], expected, tolerance):
            wrong.append(f"{key} {ours[key]}, expected {expected}")
    wrong += different_rows(our_table, their_table)
    for line in wrong[:5]:
        print(f"{name}, {digits} digits: {line}")
    return not wrong


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    bin_dir = Path(sys.argv[1]).resolve()
    folder = bin_dir.parent / "npm" / "hdr"
    hdr_judge.install(folder)
    results = [compare(name, digits, samples, str(bin_dir / "hdr_dump"), folder)
               for name, samples in sample_sets() for digits in (3, 2)]
    print(f"{sum(results)} of {len(results)} comparisons with {hdr_judge.PACKAGE} are equal")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
