#!/usr/bin/env python3
"""How many blocks of 4 KiB a second does a core read at random places, 64 at a time, beside fio on the same file?

usage: bench/file_rates.py FOLDER_OF_THE_PROGRAMS [--rounds N] [--seconds N] [--folder DIR] [--mib N] [--install]

file_reads (io_uring, one core) and fio (ioengine=io_uring, iodepth=64, bs=4k, randread), in alternating rounds on one
CPU: past the kernel's cache (direct) and out of it (cached), each with copies into the reader's memory (read_at) and
with buffers that are handed over (read_buf_at). Each round is judged by itself; the figure is the median of the rounds'
ratios. fio also runs with registered files and with registered memory, to see what they would give, and with batches:
by default it enters the kernel for each read, where file_reads hands those of a turn in together. The file lies in DIR,
which needs so many MiB and a file system with O_DIRECT; it is removed at the end. --install installs Debian's fio where
it is missing. Ends with 1 when a ratio is below the budget, 0.9, and with 77 where it cannot run.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

BUDGET = 0.9
DEPTH = 64
BLOCK = 4096


def skip(reason):
    print("skipped:", reason)
    sys.exit(77)


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def install_fio():
    scripts = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scripts", "lib", "packages.sh")
    run(["bash", "-c", f". '{scripts}' && need_packages \"${{packages_bench[@]}}\""])


def make_file(folder, mib):
    path = os.path.join(folder, "blocks")
    with open(path, "wb") as file:
        for _ in range(mib):
            file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())
    return path


def fill_cache(path):
    with open(path, "rb") as file:
        while file.read(1 << 20):
            pass


def fio(path, cpu, seconds, direct, *more):
    out = run(["fio", "--name=reads", f"--filename={path}", "--rw=randread", f"--bs={BLOCK}", "--ioengine=io_uring",
               f"--iodepth={DEPTH}", f"--direct={int(direct)}", "--time_based", f"--runtime={seconds}",
               "--norandommap", "--randrepeat=0", "--invalidate=0", f"--cpus_allowed={cpu}", "--output-format=json",
               *more])
    return json.loads(out[out.index("{"):])["jobs"][0]["read"]["iops"]


def skerry(program, path, cpu, seconds, direct, *more):
    out = json.loads(run([program, "--backend=io_uring", f"--cores={cpu}", f"--file={path}", f"--depth={DEPTH}",
                          f"--bytes={BLOCK}", f"--duration={seconds}s", *(["--direct"] if direct else []), *more]))
    if out["by_driver"] < out["reads"]:
        sys.exit("file_reads: its reads went to the blocking pool")
    return out["reads_per_second"]


def measure(program, path, cpu, options, direct):
    kinds = {
        "fio": lambda: fio(path, cpu, options.seconds, direct),
        "read_at": lambda: skerry(program, path, cpu, options.seconds, direct),
        "read_buf_at": lambda: skerry(program, path, cpu, options.seconds, direct, "--hand-over"),
        "fio, registered files": lambda: fio(path, cpu, options.seconds, direct, "--registerfiles=1"),
        "fio, registered memory": lambda: fio(path, cpu, options.seconds, direct, "--fixedbufs=1"),
        "fio, batches": lambda: fio(path, cpu, options.seconds, direct, f"--iodepth_batch={DEPTH}",
                                    f"--iodepth_batch_complete_max={DEPTH}", "--iodepth_batch_complete_min=1"),
    }
    rates = {kind: [] for kind in kinds}
    for number in range(options.rounds):
        for kind in list(kinds) if number % 2 == 0 else reversed(list(kinds)):
            rates[kind].append(kinds[kind]())
        print(f"  round {number + 1}: " + ", ".join(f"{kind} {rates[kind][-1]:,.0f}" for kind in kinds), flush=True)
    return rates


def judge(rates):
    met = True
    for kind, values in rates.items():
        ratios = [value / theirs for value, theirs in zip(values, rates["fio"])]
        ratio = statistics.median(ratios)
        is_ours = kind.startswith("read_")
        met &= not is_ours or ratio >= BUDGET
        print(f"  {kind}: median {statistics.median(values):,.0f} reads/s [{min(values):,.0f} to {max(values):,.0f}], "
              f"ratio to fio {ratio:.3f} [{min(ratios):.3f} to {max(ratios):.3f}]"
              + (f", budget {BUDGET}: {'met' if ratio >= BUDGET else 'MISSED'}" if is_ours else ""))
    return met


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("programs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--install", action="store_true")
    options = parser.parse_args()
    if min(options.rounds, options.seconds, options.mib) < 1:
        parser.error("accepted: whole numbers from 1")
    program = os.path.join(os.path.abspath(options.programs), "file_reads")
    if not os.path.exists(program):
        skip(f"{program} is not there")
    if options.install:
        install_fio()
    if shutil.which("fio") is None:
        skip("there is no fio: apt-get install fio, or --install")
    cpu = max(os.sched_getaffinity(0))
    print(run([program, "--version"]).strip())
    print(f"{run(['fio', '--version']).strip()}, Linux {platform.release()}, CPU {cpu}, {options.mib} MiB, "
          f"{options.rounds} rounds of {options.seconds} s", flush=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = make_file(folder, options.mib)
        print("direct:", flush=True)
        met = judge(measure(program, path, cpu, options, True))
        fill_cache(path)
        print("cached:", flush=True)
        met &= judge(measure(program, path, cpu, options, False))
    sys.exit(0 if met else 1)


main()
