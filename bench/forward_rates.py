#!/usr/bin/env python3
"""How many frames a second does skerry-forward return, beside dpdk-testpmd's macswap on the same kind of port?

usage: bench/forward_rates.py FOLDER_OF_THE_PROGRAMS [ROUNDS]

Each in a process on the first core, with skerry-bounce on the second letting 512 frames of 64 bytes go round over
net_memif. In alternating rounds of a second, each judged by itself; the figure is the median of the rounds' ratios.
Needs Debian's dpdk-dev for testpmd. Ends with 1 when the ratio is below the budget, 0.8, and with 77 where it cannot
run.
"""

import json
import os
import select
import statistics
import subprocess
import sys
import tempfile

BUDGET = 0.8
FRAME_BYTES = 64
MEMORY_MIB = 128
TESTPMD = "/usr/bin/dpdk-testpmd"


def skip(reason):
    print("skipped:", reason)
    sys.exit(77)


def device(folder, role):
    return f"net_memif0,role={role},id=0,socket={folder}/link,socket-abstract=no"


def skerry(bin_dir, folder, core):
    return [os.path.join(bin_dir, "skerry-forward"), f"--cores={core}", "--idle=spin",
            f"--dpdk=vdev={device(folder, 'server')};hugepages=off;memory={MEMORY_MIB}"]


def testpmd(folder, core):
    # Its main thread waits for its input and does not poll, so that both may have the same core. What it says would
    # stay in its buffer until then.
    return ["stdbuf", "-o0", TESTPMD, "--lcores", f"0@{core},1@{core}", "--no-pci", "--no-huge", "-m", str(MEMORY_MIB),
            "--no-shconf", f"--file-prefix=pmd{os.getpid()}", f"--vdev={device(folder, 'server')}", "--",
            "--forward-mode=macswap", "--auto-start", "--nb-cores=1", "--rxd=1024", "--txd=1024",
            "--total-num-mbufs=8191", "--disable-link-check", "--no-mlockall"]


def wait_for(process, words):
    said = ""
    while select.select([process.stdout], [], [], 30)[0]:
        line = os.read(process.stdout.fileno(), 65_536).decode()
        said += line
        if words in said:
            return
        if not line:
            break
    sys.exit(f"{process.args[0]} does not start: {said}")


def rate(bin_dir, make_command, ready, core):
    with tempfile.TemporaryDirectory() as folder:
        forwarder = subprocess.Popen(make_command(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT)
        try:
            wait_for(forwarder, ready)
            done = subprocess.run([os.path.join(bin_dir, "skerry-bounce"), "--side=circulate", f"--cores={core}",
                                   f"--dpdk=vdev={device(folder, 'client')};hugepages=off;memory={MEMORY_MIB}",
                                   f"--bytes={FRAME_BYTES}", "--duration=1s"], capture_output=True, text=True,
                                  timeout=60)
        finally:
            forwarder.kill()
            forwarder.wait()
        if done.returncode != 0:
            sys.exit(f"beside {forwarder.args}: {done.stderr.strip()}")
        return json.loads(done.stdout)["rate"]


def first_line(command):
    return subprocess.run(command, capture_output=True, text=True).stdout.strip().splitlines()[0]


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    bin_dir, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 7
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        skip("two programs that poll need two cores")
    forward = os.path.join(bin_dir, "skerry-forward")
    for program in (forward, TESTPMD):
        if not os.path.exists(program):
            skip(f"{program} is not there")
    print(first_line([forward, "--version"]))
    print("testpmd of DPDK", first_line(["pkg-config", "--modversion", "libdpdk"]), flush=True)
    ours, theirs = [], []
    kinds = [(lambda folder: skerry(bin_dir, folder, cores[0]), "skerry-forward: ", ours),
             (lambda folder: testpmd(folder, cores[0]), "Press enter to exit", theirs)]
    for number in range(rounds):
        for make_command, ready, rates in kinds if number % 2 == 0 else reversed(kinds):
            rates.append(rate(bin_dir, make_command, ready, cores[1]))
        print(f"round {number + 1}: skerry-forward {ours[-1] / 1e6:.2f}, testpmd {theirs[-1] / 1e6:.2f} "
              f"million frames/s, ratio {ours[-1] / theirs[-1]:.3f}", flush=True)
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    print(f"median: skerry-forward {statistics.median(ours) / 1e6:.2f}, testpmd {statistics.median(theirs) / 1e6:.2f} "
          f"million frames/s; median ratio {ratio:.3f}, budget {BUDGET}: {'met' if ratio >= BUDGET else 'MISSED'}")
    sys.exit(0 if ratio >= BUDGET else 1)


main()
