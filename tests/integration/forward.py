# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""skerry-forward between processes: what is sent to it over shared memory (net_memif) comes back as it should.

Ordinary pages, so nothing has to be set up; sockets in a folder of the test's own. Also what it says to options and
devices that cannot be used.
"""

import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

bin_dir = rig.start()
forward = os.path.join(bin_dir, "skerry-forward")
peer = os.path.join(bin_dir, "frame_peer")
if not os.path.exists(forward):
    rig.skip("skerry-forward is not built: no DPDK")

MEMORY = ";hugepages=off;memory=128;mbufs=2047"


def memif(folder, role, count):
    return ";".join(f"vdev=net_memif{i},role={role},id={i},socket={folder}/memif,socket-abstract=no"
                    for i in range(count)) + MEMORY


def start_line(process):
    ready, _, _ = select.select([process.stdout], [], [], 30)
    line = process.stdout.readline() if ready else ""
    if not line:
        process.kill()
        error = process.stderr.read()
        if "EAL does not start" in error:
            rig.skip(error.strip())
        rig.check(False, f"no start line: {error!r}")
    return line.strip()


def exchange(ports, mode, frames, stop, *arguments):
    """Frames to skerry-forward and back; then `stop` ends it with its counts."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "forward.json")
        process = subprocess.Popen([forward, f"--dpdk={memif(folder, 'server', ports)}", f"--mode={mode}",
                                    f"--json={path}", f"--cores={min(os.sched_getaffinity(0))}", *arguments],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        sender = None
        try:
            print(start_line(process))
            sender = subprocess.Popen([peer, memif(folder, "client", ports), str(frames),
                                       "swapped" if mode == "macswap" else "same"], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            print("frame_peer:", sender.stdout.readline().strip())
            process.send_signal(stop)
            out, error = process.communicate(timeout=20)
            sender.communicate(timeout=20)  # ends its input, and so it
            rig.check(sender.returncode == 0, "not all frames came back as they should")
        finally:
            for started in (process, sender):
                if started is not None and started.poll() is None:
                    started.kill()
                    started.wait()
        rig.check(process.returncode == 0 and error == "", f"exit code {process.returncode}, {error!r}")
        last = f"skerry-forward: received {frames}, sent {frames}, dropped 0, no_buffers 0\n"
        rig.check(out == last, f"its last line is {out!r} and not {last!r}")
        with open(path) as file:
            counts = json.load(file)
        rig.check(counts == {"received": frames, "sent": frames, "dropped": 0, "no_buffers": 0}, f"JSON: {counts}")


exchange(1, "macswap", 20_000, signal.SIGTERM)
exchange(2, "l2fwd", 20_000, signal.SIGINT)
exchange(1, "macswap", 300, signal.SIGTERM, "--idle=sleep")
exchange(1, "macswap", 300, signal.SIGTERM, "--flavour=current_thread", "--idle=adaptive")


def refused(arguments, code, pattern):
    done = subprocess.run([forward, *arguments], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    shown = f"{' '.join(arguments)}: {done.returncode} {done.stdout!r} {done.stderr!r}"
    rig.check(done.returncode == code and done.stdout == "", f"{shown}: the exit code is not {code}")
    rig.check(done.stderr.count("\n") == 1 and done.stderr.startswith("skerry-forward: "), f"{shown}: not one line")
    rig.check(re.search(pattern, done.stderr), f"{shown}: does not say {pattern!r}")
    print(done.stderr, end="")


usage_errors = [
    ([], "--dpdk: no device is named; accepted for instance vdev="),
    (["--dpdk=net_ring0"], "--dpdk: net_ring0: not KEY=VALUE; accepted keys: vdev, pci"),
    (["--dpdk=vdev=net_ring0;cores=2"], "--dpdk: cores=2: unknown key"),
    (["--dpdk=vdev=net_ring0;eal=--nosuch=1"], "eal=--nosuch=1: not an argument of EAL that is passed on"),
    (["--dpdk=vdev=net_ring0", "--mode=mirror"], "--mode=mirror: no such value; accepted: macswap, l2fwd"),
    (["--dpdk=vdev=net_ring0", "--mode=l2fwd"], "--mode=l2fwd forwards between two ports; name two devices"),
    (["--dpdk=vdev=net_ring0", "--nosuch"], "--nosuch: unknown option"),
    (["--dpdk=vdev=net_ring0", "--backend=epoll"],
     "--backend=epoll: skerry-forward does not run on it; accepted: auto, dpdk"),
]
for arguments, pattern in usage_errors:
    refused(arguments, 2, pattern)
one_queue = "vdev=net_af_packet0,iface=lo,qpairs=1"
failures = [
    ("vdev=net_nosuch0", "dpdk: net_nosuch0: DPDK knows no such kind of device"),
    ("pci=ffff:1f:1f.7", "dpdk: ffff:1f:1f.7: no PCI device has this address"),
    ("vdev=net_ring0;hugepages=on;memory=1000000", "hugepages=on: .* run echo 500000 > /proc/sys/vm/nr_hugepages"),
    ("vdev=net_ring0;hugepages=off;memory=1000000", "memory=1000000: this machine has "),
    ("vdev=net_ring0;hugepages=off;memory=32;mbufs=100000", "no memory for 100000 packet buffers .*memory=MIB"),
    ("vdev=net_ring0;hugepages=off;eal=--iova-mode=zz", "EAL does not start: .*iova-mode"),
]
for devices, pattern in failures:
    refused([f"--dpdk={devices}"], 1, pattern)
if rig.INSIDE in os.environ and len(os.sched_getaffinity(0)) > 1:  # a raw socket, so only in a network of our own
    refused([f"--dpdk={one_queue}{MEMORY}"], 1, "net_af_packet0: has 1 queue pair, and each of the .* cores needs one")
