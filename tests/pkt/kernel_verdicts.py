#!/usr/bin/env python3
"""What Linux says to our scripts, and whether that is still said of the scripts as they are.

    kernel_verdicts.py check                     each recorded script is there and unchanged, and enough of them agree
    kernel_verdicts.py record PROGRAM            runs all scripts of the Linux profile against this machine's kernel and
                                                 writes the record; needs root. Each is tried three times: the kernel's
                                                 time is real
    kernel_verdicts.py record-missing PROGRAM    runs those that have no line or have changed since, and keeps the lines
                                                 of the others; of the same kernel alone

kernel_verdicts.tsv has a line for each script: the verdict, the beginning of the script's SHA-256, its name, and of
what the kernel does otherwise the place. AGREE_AT_LEAST of them must be PASS there, as all are in ctest here.
"""
import concurrent.futures
import hashlib
import pathlib
import platform
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
RECORD = HERE / "kernel_verdicts.tsv"
AGREE_AT_LEAST = 150
TRIES = 3
AT_ONCE = 4
SECONDS_MOST = 30


def scripts():
    folders = [path for path in sorted(HERE.iterdir())
               if path.is_dir() and path.name != "not_met" and not (path / "profile.txt").exists()]
    return [path for folder in folders for path in sorted(folder.glob("*.pkt"))]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def name_of(path):
    return str(path.relative_to(HERE))


def ask(program, path):
    """PASS, FAIL or SKIP with its reason, of the best of some tries."""
    for _ in range(TRIES):
        command = [program, "--kernel", f"--settings={HERE / 'settings.txt'}", str(path)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MOST, check=False)
        except subprocess.TimeoutExpired:
            return "SKIP", f"longer than {SECONDS_MOST} s of real time"
        line = done.stdout.splitlines()[0] if done.stdout else f"SKIP {done.stderr.strip()}"
        verdict = line.split(" ", 1)[0]
        if verdict != "FAIL":
            break
    reason = re.sub(r"^\S+ \S+?: ?", "", line)
    place = re.search(r":(\d+):\d+: (.*)", reason)
    return verdict, f"line {place[1]}: {place[2]}" if place else ""


def this_kernel():
    return f"Linux {platform.release().split('-')[0]}"


def recorded():
    """The kernel of the record, and the lines of those scripts that are as they were, by name."""
    kernel, *lines = RECORD.read_text(encoding="utf-8").splitlines()
    by_name = {line.split("\t")[2]: line for line in lines}
    return kernel, {name: line for name, line in by_name.items()
                    if (HERE / name).is_file() and digest(HERE / name) == line.split("\t")[1]}


def record(program, kept):
    def line_of(path):
        if name_of(path) in kept:
            return kept[name_of(path)]
        verdict, reason = ask(program, path)
        line = "\t".join(filter(None, (verdict, digest(path), name_of(path), reason)))
        print(line, flush=True)
        return line

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        lines = [this_kernel(), *pool.map(line_of, scripts())]
    RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


def record_missing(program):
    kernel, kept = recorded()
    if kernel != this_kernel():
        print(f"the record is of {kernel}, and this is {this_kernel()}: record them all", file=sys.stderr)
        return 1
    return record(program, kept)


def check():
    kernel, *lines = RECORD.read_text(encoding="utf-8").splitlines()
    agree, stale = 0, []
    for line in lines:
        verdict, wanted, name = line.split("\t")[:3]
        path = HERE / name
        if not path.is_file() or digest(path) != wanted:
            stale.append(name)
        agree += verdict == "PASS"
    for name in stale:
        print(f"{name}: changed since it was recorded; run kernel_verdicts.py record", file=sys.stderr)
    print(f"{kernel}: {agree} of {len(lines)} scripts agree")
    if agree < AGREE_AT_LEAST:
        print(f"at least {AGREE_AT_LEAST} should", file=sys.stderr)
    return 1 if stale or agree < AGREE_AT_LEAST else 0


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "record":
        return record(sys.argv[2], {})
    if len(sys.argv) == 3 and sys.argv[1] == "record-missing":
        return record_missing(sys.argv[2])
    if sys.argv[1:] == ["check"]:
        return check()
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
