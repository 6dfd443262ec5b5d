# ctest: TIMEOUT 180 RUN_SERIAL TRUE
"""Our own stack over two TAP devices at once, the Linux kernel at the other end of both: a server of all addresses is
reached by either, what is sent leaves by the port of its network or route, and an address is heard on its own port
alone. What cannot be two ports is refused in one line.
"""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402
from two_ports import BEHIND, IPS, KERNEL_2, KERNEL_PORT, PORT, SECOND, ask_tcp, ask_udp  # noqa: E402
from two_ports import configure_second, serve  # noqa: E402

bin_dir = rig.start()
DEVICES = f"--backend=tap:{tap.DEVICE}+{SECOND}"
OPTIONS = (DEVICES, IPS, tap.CORE)


def server(*options):
    return rig.Server(bin_dir, *OPTIONS, *options, listen=f"0.0.0.0:{PORT}")


def reaches(address, *options):
    report = rig.loadgen(bin_dir, *OPTIONS, f"--connect={address}:{KERNEL_PORT}", "--loop=closed", "--conns=4",
                         "--duration=200ms", "--warmup=0ms", rig.ALL_ANSWERS, *options)
    rig.check(report["count"] > 10, f"{address}: {report['count']} answers")
    print("reached:", address, *options)


def interfaces_of(path):
    done = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "frame.interface_name"], capture_output=True,
                          text=True, timeout=3 * rig.PATIENCE)
    return set(done.stdout.split())


def refuses(expected, code, *options):
    done = rig.run(bin_dir, "skerry-echo", f"--listen=0.0.0.0:{PORT}", *options)
    lines = done.stderr.strip().splitlines()
    rig.check(done.returncode == code and len(lines) == 1 and expected in lines[0],
              f"{options}: {done.returncode}, {done.stderr!r}")
    print("refused:", lines[0])


tap.make()
tap.ip("tuntap", "add", SECOND, "mode", "tap")
configure_second()
tap.ip("address", "add", f"{BEHIND}/32", "dev", "lo")
for each in (tap.KERNEL, KERNEL_2, BEHIND):
    serve(each)

for idle in ("sleep", "spin"):
    with server("--proto=tcp", f"--idle={idle}") as running:
        ask_tcp(running)
    print("tcp by both ports,", idle)
with server("--proto=udp") as running:
    ask_udp(running)
print("udp by both ports")
reaches(tap.KERNEL)
reaches(KERNEL_2)
reaches(BEHIND, f"--gateway=+{KERNEL_2}")
reaches(BEHIND, f"--gateway={tap.KERNEL}+")
# The nearer route is the second port's; nobody has the gateway of the first.
reaches(BEHIND, "--gateway=198.18.0.99+", f"--route=+198.51.100.0/24:{KERNEL_2}")

if rig.shutil.which("tshark"):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ports.pcapng")
        reaches(KERNEL_2, f"--capture={path}")
        names = interfaces_of(path)
        rig.check(f"tap:{SECOND}" in names, f"interfaces {names}")

refuses("--ip=198.18.0.2/24: 1 part for 2 ports", 1, DEVICES, f"--ip={tap.OURS}/24", tap.CORE)
refuses("--gateway=198.18.0.1: 1 part for 2 ports", 1, *OPTIONS, f"--gateway={tap.KERNEL}")
refuses("two ports cannot have one address", 1, DEVICES, f"--ip={tap.OURS}/24+{tap.OURS}/24", tap.CORE)
refuses(f"{tap.DEVICE}: named twice", 1, f"--backend=tap:{tap.DEVICE}+{tap.DEVICE}", IPS, tap.CORE)
refuses(f"{SECOND}: --ip: ", 1, DEVICES, f"--ip={tap.OURS}/24+", tap.CORE)
refuses("not an interface name", 2, f"--backend=tap:{tap.DEVICE}+", IPS, tap.CORE)
refuses("not an address with a prefix length", 2, DEVICES, f"--ip={tap.OURS}/24+x", tap.CORE)
cores = sorted(os.sched_getaffinity(0))
if len(cores) > 1:
    refuses("one core only", 1, DEVICES, IPS, f"--cores={cores[0]},{cores[1]}")
print("ok")
