# ctest: TIMEOUT 180 RUN_SERIAL TRUE
"""Our own stack on two ports of DPDK at once, net_tap's, the Linux kernel at the other end of both; see
tools/two_ports.py.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402
from two_ports import IPS, PORT, SECOND, ask_tcp, ask_udp, configure_second  # noqa: E402

bin_dir = rig.start()
tap.need_dpdk(bin_dir)
DEVICES = f"--dpdk=vdev=net_tap0,iface={tap.DEVICE};vdev=net_tap1,iface={SECOND};hugepages=off"


def server(*options, cores=tap.CORE):
    """DPDK makes the devices, which end with the server."""
    started = rig.Server(bin_dir, "--backend=dpdk", DEVICES, IPS, cores, *options, listen=f"0.0.0.0:{PORT}")
    tap.configure()
    configure_second()
    return started


def refuses(expected, *options):
    done = rig.run(bin_dir, "skerry-echo", f"--listen=0.0.0.0:{PORT}", "--backend=dpdk", DEVICES, *options)
    lines = [line for line in rig.without_notes(done.stderr).splitlines() if line]
    rig.check(done.returncode == 1 and len(lines) == 1 and expected in lines[0], f"{options}: {done.stderr!r}")
    print("refused:", lines[0])


for idle in ("sleep", "spin"):
    with server("--proto=tcp", f"--idle={idle}") as running:
        ask_tcp(running)
    print("tcp by both ports,", idle)
with server("--proto=udp", "--idle=adaptive") as running:
    ask_udp(running)
print("udp by both ports")

refuses("--ip=198.18.0.2/24: 1 part for 2 ports", "--ip=198.18.0.2/24", tap.CORE)
cores = sorted(os.sched_getaffinity(0))[:2]
if len(cores) < 2:
    print("two cores: skipped, there is one CPU")
else:
    TWO = f"--cores={cores[0]},{cores[1]}"
    for idle in ("sleep", "spin"):
        with server("--proto=tcp", f"--idle={idle}", cores=TWO) as running:
            ask_tcp(running)
        print("tcp by both ports, two cores,", idle)
    with server("--proto=udp", "--idle=adaptive", cores=TWO) as running:
        ask_udp(running)
    print("udp by both ports, two cores")
print("ok")
