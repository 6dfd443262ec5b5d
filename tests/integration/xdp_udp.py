# ctest: TIMEOUT 180 RUN_SERIAL TRUE
"""Our own stack over AF_XDP answers the Linux kernel: what tap_udp.py asks, with the program in the device's driver and
in generic mode. What cannot be used ends in one line. SKERRY_LONG=1: sockperf for 10 s instead of 1.
"""

import ctypes
import os
import platform
import re
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import kernel_udp  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402
import xdp  # noqa: E402

bin_dir = rig.start()
tap.need_xdp(bin_dir)
device = f"--backend=xdp:{tap.CABLE_END}"
address = f"--ip={tap.OURS}/24"


def refuses(expected, *options, wrap=(), core=tap.CORE):
    command = [*wrap, os.path.join(bin_dir, "skerry-echo"), "--proto=udp", f"--listen={tap.OURS}:7001", core, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    lines = done.stderr.strip().splitlines()
    rig.check(done.returncode == 1 and done.stdout == "" and len(lines) == 1 and re.search(expected, lines[0]),
              f"{wrap} {options}: {done.returncode}, {done.stdout!r}, {done.stderr!r}")
    print("refused:", lines[0])


def without(*capabilities):
    """Root without all others."""
    return ("setpriv", "--bounding-set", ",".join(["-all", *(f"+{name}" for name in capabilities)]))


refuses("write --ip=198.18.0.2/24", device)
refuses("not an address that a host can have", device, "--ip=198.18.0.255/24")
refuses("xdp: nosuch0: there is no such interface here; ip link shows", "--backend=xdp:nosuch0", address)
refuses("lo: no Ethernet device", "--backend=xdp:lo", address)
if len(os.sched_getaffinity(0)) > 1:
    refuses("one core only; choose it with --cores=N", device, address, core="--cores=auto")
tap.ip("link", "add", "several0", "numrxqueues", "2", "numtxqueues", "2", "type", "veth", "peer", "name", "several1")
refuses("several0: has 2 receive queues, and only queue 0 is read; ethtool -L several0 combined 1",
        "--backend=xdp:several0", address)

if rig.shutil.which("setpriv"):
    refuses(r"missing: CAP_NET_RAW; .*--cap-add", device, address, wrap=without("bpf", "net_admin"))
    refuses(r"missing: CAP_NET_RAW, CAP_BPF, CAP_NET_ADMIN; .*--cap-add", device, address, wrap=without("chown"))
    refuses(r"missing: CAP_BPF, CAP_NET_ADMIN; .*--cap-add", device, address, wrap=without("net_raw"))
    refuses(r"missing: CAP_BPF; .*--cap-add", device, address, wrap=without("net_raw", "net_admin"))
    refuses(r"missing: CAP_NET_ADMIN; .*--cap-add", device, address, wrap=without("net_raw", "bpf"))
    enough = without("net_raw", "bpf", "net_admin")
    refuses(r"8192 KiB of memory for packets cannot be locked, the limit of this user is 1024 KiB; raise it: "
            r"ulimit -l 8192, .*CAP_IPC_LOCK", device, address, wrap=("prlimit", "--memlock=1048576", *enough))
    with tap.serve_xdp(bin_dir, "--proto=udp", wrap=("prlimit", "--memlock=8388608", *enough)) as server:
        kernel_udp.answers_every_size()
        server.stop()

# A kernel without it, and a filter that does not let it through.
if rig.shutil.which("strace") and not rig.sanitized(bin_dir) and \
        subprocess.run(["strace", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL).returncode == 0:
    def trace(*injections):
        return ("strace", "-f", "-qq", "-o", "/dev/null", *(part for each in injections for part in ("-e", each)))

    for error, expected in (("ENOSYS", "needs Linux 5.9, CONFIG_BPF_SYSCALL"), ("EPERM", "no seccomp filter")):
        refuses(expected, device, address, wrap=trace("trace=bpf", f"inject=bpf:error={error}"))
    refuses("this kernel has no AF_XDP; it needs CONFIG_XDP_SOCKETS", device, address,
            wrap=trace("trace=socket", "inject=socket:error=EAFNOSUPPORT:when=2"))

# Somebody else's program: one that lets everything pass, attached by a link as ours is.
if platform.machine() == "x86_64":
    libc = ctypes.CDLL(None, use_errno=True)

    def bpf(command, attributes):
        buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"))
        return libc.syscall(321, command, buffer, len(buffer) - 1)

    instructions = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xb7, 0, 0, 2, 0x95, 0, 0, 0))  # r0 = 2; exit
    licence = ctypes.create_string_buffer(b"Apache-2.0")
    program = bpf(5, struct.pack("<IIQQ", 6, 2, ctypes.addressof(instructions), ctypes.addressof(licence)))
    link = bpf(28, struct.pack("<IIII", program, socket.if_nametoindex(tap.CABLE_END), 37, 0))
    rig.check(program >= 0 and link >= 0, f"another program cannot be attached: {ctypes.get_errno()}")
    refuses("another XDP program is attached; see ip link show skerry1", device, address)
    os.close(link)
    os.close(program)

for mode in xdp.modes():
    for idle in ("sleep", "spin"):
        with tap.serve_xdp(bin_dir, "--proto=udp", f"--idle={idle}") as server:
            refuses("another program has its queue 0", device, "--ip=198.18.0.3/24")
            xdp.answers_everything(server, mode)
        rig.check(" prog/xdp " not in tap.ip("link", "show", tap.CABLE_END).stdout, "the program stays behind")
xdp.takes_unfinished_checksums(bin_dir)

if rig.shutil.which("sockperf"):
    with tap.serve_xdp(bin_dir, "--proto=udp", "--mode=sockperf", prepare=rig.urgent) as server:
        kernel_udp.sockperf()
        server.stop()
print("ok")
