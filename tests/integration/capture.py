# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""--capture: what passes our port, as tshark reads it. TCP with the kernel over a TAP device; the same by DPDK."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402

import kernel_tcp  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402

bin_dir = rig.start()
rig.need("tshark", "capinfos", "prlimit")
folder = tempfile.TemporaryDirectory()
SIZE = 200_000


def fields(path, *names, only=""):
    wanted = [part for name in names for part in ("-e", name)]
    done = subprocess.run(["tshark", "-r", path, "-Y", only, "-T", "fields", *wanted], capture_output=True, text=True,
                          timeout=3 * rig.PATIENCE)
    rig.check(done.returncode == 0, f"tshark does not read {path}: {done.stderr}")
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


def exchange(server):
    """Ends the server after it, and returns what it said."""
    data = os.urandom(SIZE)
    rig.check(kernel_tcp.exchange(data) == data, "the echo is another")
    server.process.terminate()
    _, said = server.process.communicate(timeout=3 * rig.PATIENCE)
    rig.check(server.process.returncode == 0, f"the server ended with {server.process.returncode}: {said}")
    rig.check(rig.without_notes(said) == "", f"the server complained: {said}")
    return said


def check_counted(path, said, why):
    """A capture that ended early: one line says why, one what is missing, and the file says the same."""
    rig.check(said.count("nothing more is recorded") == 1 and re.search(f"note: capture: {path} {why}; nothing", said),
              said)
    told = re.search(rf"note: capture: {path} lacks (\d+) of (\d+) frames", said)
    rig.check(told, said)
    missing, passed = map(int, told.groups())
    kept = len(fields(path, "frame.number"))
    rig.check(0 < kept == passed - missing, f"{kept} frames are there, {missing} of {passed} are missing")


def judge(path, interface):
    """A whole exchange: both directions, every byte of it once, nothing that an expert would stumble over."""
    segments, found = kernel_tcp.experts_of(path)
    rig.check(segments > 2 * SIZE // 1460, f"{segments} segments")
    kernel_tcp.check_experts(segments, found)
    rows = fields(path, "frame.interface_name", "frame.packet_flags_direction", "ip.src", "tcp.len", only="tcp")
    rig.check({row[0] for row in rows} == {interface}, f"interfaces {set(row[0] for row in rows)}")
    for row in rows:
        rig.check(int(row[1], 0) == (2 if row[2] == tap.OURS else 1), f"the direction of {row}")
    for source in (tap.KERNEL, tap.OURS):
        sent = sum(int(row[3]) for row in rows if row[2] == source)
        rig.check(sent >= SIZE, f"{source} sent {sent} bytes")
    rig.check(fields(path, "arp.opcode", only="arp"), "no ARP was recorded")
    about = subprocess.run(["capinfos", path], capture_output=True, text=True, timeout=rig.PATIENCE).stdout
    rig.check("nanoseconds" in about and f"Name = {interface}" in about, about)
    rig.check(re.search(r"Number of stat entries = 1", about), f"no statistics: {about}")
    print(interface, segments, "segments, expert:", found)


tap.make()
path = os.path.join(folder.name, "tap.pcapng")
with tap.serve(bin_dir, "--proto=tcp", f"--capture={path}") as server:
    said = exchange(server)
rig.check("capture" not in said, said)
judge(path, f"tap:{tap.DEVICE}")

# A front of each frame, and a file with a limit: whole frames, and what is missing is counted.
with tap.serve(bin_dir, "--proto=tcp", f"--capture={path}", "--capture-snap=60", "--capture-limit=10K") as server:
    check_counted(path, exchange(server), "has its 10240 bytes")
rows = fields(path, "frame.cap_len", "frame.len")
rig.check(rows and max(int(row[0]) for row in rows) == 60 and max(int(row[1]) for row in rows) == 1514, "snap length")
rig.check(9_000 < os.path.getsize(path) < 10_400, f"{os.path.getsize(path)} bytes")

# A disk that is full: the service goes on.
with tap.serve(bin_dir, "--proto=tcp", f"--capture={path}", wrap=("prlimit", "--fsize=20001")) as server:
    check_counted(path, exchange(server), "cannot be written: File too large")
rig.check(15_000 < os.path.getsize(path) <= 20_001, f"{os.path.getsize(path)} bytes")

# A socket of the kernel's has no port of ours.
done = rig.run(bin_dir, "skerry-echo", "--backend=epoll", "--listen=127.0.0.1:0", f"--capture={path}")
rig.check(done.stderr.count("\n") == 1, done.stderr)
rig.check(done.returncode == 1 and "no port of ours to capture" in done.stderr, f"{done.returncode} {done.stderr!r}")
rig.check(os.path.getsize(path) > 9_000, "the old capture is gone")

tap.ip("link", "delete", tap.DEVICE)
if os.path.exists(os.path.join(bin_dir, "skerry-forward")) and not rig.sanitized(bin_dir):
    path = os.path.join(folder.name, "dpdk.pcapng")
    with tap.serve_dpdk(bin_dir, "--proto=tcp", f"--capture={path}") as server:
        exchange(server)
    judge(path, "net_tap0")
print("ok")
