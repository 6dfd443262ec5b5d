# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""Our own stack over a TAP device answers the Linux kernel: ping, UDP of every size, ports without a socket, sockperf;
and what the kernel or a stranger may send otherwise does no harm. SKERRY_LONG=1: sockperf for 10 s instead of 1.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import kernel_udp  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()


def refuses(expected, code, *options):
    done = rig.run(bin_dir, "skerry-echo", "--proto=udp", "--listen=198.18.0.2:7001", tap.CORE, *options)
    lines = done.stderr.strip().splitlines()
    rig.check(done.returncode == code and len(lines) == 1 and expected in lines[0],
              f"{options}: {done.returncode}, {done.stderr!r}")
    print("refused:", lines[0])


tap.make()
device = f"--backend=tap:{tap.DEVICE}"
refuses("write --ip=198.18.0.2/24", 1, device)
refuses("not an address that a host can have", 1, device, "--ip=198.18.0.255/24")
refuses("not another host of the network", 1, device, "--ip=198.18.0.2/24", "--gateway=192.0.2.1")
refuses("no TAP device", 1, "--backend=tap:lo", "--ip=198.18.0.2/24")

for idle in ("sleep", "spin"):
    with tap.serve(bin_dir, "--proto=udp", f"--idle={idle}") as server:
        refuses("another program is attached", 1, device, "--ip=198.18.0.3/24")
        kernel_udp.ask_everything()
        drops = server.numbers()["drops"]
        rig.check(drops.get("udp_no_port", 0) > 0, f"what went to no socket has no counter: {drops}")
        rig.check(all(count > 0 for count in drops.values()), f"a reason that was not given: {drops}")
        last = server.stop()
        rig.check(last["unsent"] == 0 and last["no_buffers"] == 0, f"the server lost some: {last}")

if rig.shutil.which("sockperf"):
    with tap.serve(bin_dir, "--proto=udp", "--mode=sockperf", prepare=rig.urgent) as server:
        kernel_udp.sockperf()
        server.stop()
print("ok")
