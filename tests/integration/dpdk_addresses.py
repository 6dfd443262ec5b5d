# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""What tap_addresses.py asks of a server, over DPDK's net_tap."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import addresses  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
tap.need_dpdk(bin_dir)
options = ("--backend=dpdk", f"--dpdk=vdev=net_tap0,iface={tap.DEVICE};hugepages=off", addresses.IPS, tap.CORE)


def serve(proto, listen):
    """DPDK makes the device, which ends with the server."""
    server = rig.Server(bin_dir, *options, f"--proto={proto}", listen=f"{listen}:7001")
    tap.configure()
    addresses.configure()
    return server


for proto, kind in addresses.KINDS:
    with serve(proto, "0.0.0.0") as server:
        addresses.answers_by_all(server, kind)
        server.stop()
    with serve(proto, addresses.OTHER) as server:
        addresses.answers_by_one(server, addresses.OTHER, kind)
        server.stop()
print("ok")
