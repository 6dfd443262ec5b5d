#!/usr/bin/env python3
"""Counts the instructions of each operation under callgrind and compares them with expected.csv.

    check.py [--renew] [PROGRAMS]

PROGRAMS is the folder of the built programs, by default that of the preset callgrind:

    cmake --preset callgrind && cmake --build --preset callgrind --target skerry-instructions
    bench/instructions/check.py

--renew writes the counts to expected.csv, for a change that is meant. Exit code 0: all are within 2 %, and what the
runtime adds to a loop without one is within its budget; 1: not;
2: they could not be counted; 77: skipped, the counts belong to another compiler, C library, valgrind or CPU.
"""
import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
EXPECTED = HERE / "expected.csv"
BUILD = "RelWithDebInfo x86-64-v3"  # of the preset callgrind
TOLERANCE = 0.02
ADDED_MAX = 400  # by the runtime, for a message that comes alone: a budget, which no renewal moves
ADDED = (("epoll_udp_alone", "plain_udp_alone"), ("epoll_tcp_alone", "plain_tcp_alone"))
TIMEOUT_S = 600
# Nothing from outside that the C library or we ourselves look at. Freed memory stays in malloc's cache: past the usual
# seven pieces of a size it is joined with its neighbours, and which those are depends on all that was allocated before.
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=10000"}
CPU_FLAGS = {"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}  # x86-64-v3, beside what each such CPU has


class Skipped(Exception):
    """The counts cannot be compared here."""


class Failed(Exception):
    """Nothing was counted."""


def output_of(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


def need_valgrind_and_cpu():
    if platform.machine() != "x86_64":
        raise Skipped(f"the counts are of x86-64 and this is {platform.machine()}")
    if shutil.which("valgrind") is None:
        raise Skipped("there is no valgrind; apt-get install valgrind")
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    missing = CPU_FLAGS - set(flags[1].split() if flags else [])
    if missing:
        raise Skipped(f"the program is built for x86-64-v3 and this CPU lacks {', '.join(sorted(missing))}")


def toolchain_of(program):
    """What the counts depend on beside our code; raises Failed when the build is of another preset."""
    tools, build = output_of([program, "--toolchain"]).split("; ")
    if build != BUILD:
        raise Failed(f"{program} is built as {build}; the counts are of {BUILD}, the preset callgrind")
    return f"{tools}, {output_of(['valgrind', '--version'])}"


def run_under_callgrind(program, folder):
    """Leaves the parts of the count as folder/parts.1 and so on; gives what the program printed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Nothing from outside: no options of valgrind from the environment or from files either.
    command = ["valgrind", "--command-line-only=yes", "--tool=callgrind", "--callgrind-out-file=parts",
               "--dump-before=skerry_instructions_mark", str(program)]
    try:
        done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False,
                              timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"valgrind is not done after {TIMEOUT_S} s") from late
    if done.returncode != 0:
        raise Failed(f"valgrind: exit code {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


def instructions_in(part):
    found = re.search(r"^summary: (\d+)$", part.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise Failed(f"{part} has no summary")
    return int(found[1])


def count(program, folder):
    """Instructions by operation, and the part with its larger run by operation."""
    counts, parts = {}, {}
    for index, line in enumerate(run_under_callgrind(program, folder).splitlines()):
        operation, times = line.split(",")
        once, twice = (folder / f"parts.{3 * index + number}" for number in (2, 3))
        counts[operation] = (instructions_in(twice) - instructions_in(once)) / int(times)
        parts[operation] = twice
    return counts, parts


def read_expected():
    """The toolchain and the instructions by operation; both empty when there is no file."""
    if not EXPECTED.exists():
        return "", {}
    head, _, *lines = EXPECTED.read_text(encoding="utf-8").splitlines()
    return head.removeprefix("# "), {name: float(value) for name, value in (line.split(",") for line in lines)}


def write_expected(toolchain, counts):
    lines = [f"# {toolchain}", "operation,instructions"]
    lines += [f"{operation},{value:.2f}" for operation, value in counts.items()]
    EXPECTED.write_text("\n".join(lines) + "\n", encoding="utf-8")


def percent(value, expected):
    return f"{100 * (value / expected - 1):+.2f}"


def finding(operation, value, expected):
    """What is wrong with one operation; empty when nothing is."""
    if value is None:
        return f"{operation} is not counted any more"
    if expected is None:
        return f"{operation} takes {value:.2f}, and nothing is expected of it yet"
    if abs(value - expected) <= TOLERANCE * expected:
        return ""
    return f"{operation} takes {value:.2f}, expected {expected:.2f} ({percent(value, expected)} %)"


def print_table(counts, expected):
    """A row for each operation; returns what is wrong with them, by operation."""
    print(f"{'operation':32}{'instructions':>12}{'expected':>12}{'change':>9}")
    wrong = {}
    for operation in [*counts, *(name for name in expected if name not in counts)]:
        value, before = counts.get(operation), expected.get(operation)
        columns = "".join(f"{number:12.2f}" if number is not None else f"{'-':>12}" for number in (value, before))
        change = f"{percent(value, before):>7} %" if value is not None and before is not None else f"{'-':>9}"
        found = finding(operation, value, before)
        print(f"{operation:32}{columns}{change}{'  <--' if found else ''}")
        if found:
            wrong[operation] = found
    return wrong


def print_added(counts):
    """What the runtime adds to a bare loop; returns the lines over the budget."""
    over = []
    for ours, bare in ADDED:
        added = counts[ours] - counts[bare]
        line = f"{ours} takes {added:.2f} more than {bare}, at most {ADDED_MAX}"
        print(line)
        if added > ADDED_MAX:
            over.append(line)
    return over


def report(wrong, parts):
    """One line for all that is wrong, with the next steps."""
    shown = [f"callgrind_annotate {os.path.relpath(parts[operation])}" for operation in wrong if operation in parts]
    sys.stdout.flush()
    print(f"instructions: {'; '.join(wrong.values())}; {100 * TOLERANCE:.0f} % are allowed. Where they go: "
          f"{shown[0] if shown else '-'}. If it is meant: {os.path.relpath(__file__)} --renew", file=sys.stderr)


def check(programs, renew):
    program = (programs / "skerry-instructions").resolve()
    if not program.exists():
        raise Failed(f"there is no {program}; build the target skerry-instructions with the preset callgrind")
    need_valgrind_and_cpu()
    toolchain = toolchain_of(program)
    expected_toolchain, expected = read_expected()
    if toolchain != expected_toolchain and not renew:
        raise Skipped(f"the counts are of {expected_toolchain}; this is {toolchain}")
    counts, parts = count(program, programs.resolve().parent / "instructions")
    wrong = print_table(counts, expected)
    over = print_added(counts)
    if renew:
        write_expected(toolchain, counts)
    elif wrong:
        report(wrong, parts)
    if over:
        print(f"instructions: over the budget: {'; '.join(over)}", file=sys.stderr)
    return 1 if over or (wrong and not renew) else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renew", action="store_true")
    parser.add_argument("programs", nargs="?", type=Path, default=ROOT / "build" / "callgrind" / "bin")
    arguments = parser.parse_args()
    try:
        return check(arguments.programs, arguments.renew)
    except Skipped as skipped:
        print(f"instructions: skipped: {skipped}")
        return 77
    except Failed as failed:
        print(f"instructions: {failed}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
