# ctest: TIMEOUT 300 RUN_SERIAL TRUE
"""Our own TCP on DPDK against the kernel's over net_af_xdp; see tools/kernel_tcp.py."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import kernel_tcp  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
tap.need_dpdk(bin_dir)
tap.need_xdp(bin_dir)

# The driver lends the kernel 2,048 buffers of a pool. Here each of them comes to it before the end.
with tap.serve_dpdk_xdp(bin_dir, "--proto=tcp", options=";mbufs=5375") as server:
    kernel_tcp.bulk.through_socat(server, 4 * kernel_tcp.MEGABYTES)
kernel_tcp.ask_everything(lambda mode="echo": tap.serve_dpdk_xdp(bin_dir, "--proto=tcp", f"--mode={mode}"))
kernel_tcp.takes_unfinished_checksums(lambda: tap.serve_dpdk_xdp(bin_dir, "--proto=tcp"), 3_000_000)
kernel_tcp.answers_over_a_small_mtu(lambda: tap.serve_dpdk_xdp(bin_dir, "--proto=udp"))
refused = rig.run(bin_dir, "skerry-echo", "--backend=dpdk", f"--dpdk=vdev=net_af_xdp0,iface={tap.CABLE_END};mbufs=2079",
                  f"--ip={tap.OURS}/24", "--listen=0.0.0.0:1")
rig.check(refused.returncode != 0, "too few buffers")
rig.check("a receive ring of 2048 for a core takes all of its 2079 buffers" in refused.stderr, refused.stderr)
print("ok")
