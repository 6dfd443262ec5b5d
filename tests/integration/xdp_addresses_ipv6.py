# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""--ip6=A,B,C: our own stack over AF_XDP has several IPv6 addresses, of one network and of two. The Linux kernel
reaches each of them, and a server of one is not heard by the others.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import addresses  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
options = (f"--backend=xdp:{tap.CABLE_END}", addresses.IPS_V6, tap.CORE)
tap.need_xdp(bin_dir)
with open(f"/proc/sys/net/ipv6/conf/{tap.DEVICE}/disable_ipv6", "w", encoding="ascii") as switch:
    switch.write("0")
addresses.configure_v6()
for proto, kind in addresses.KINDS:
    with rig.Server(bin_dir, *options, f"--proto={proto}", listen="[::]:7001") as server:
        addresses.answers_by_all_v6(server, kind)
        server.stop()
    for of in addresses.ALL_V6:
        with rig.Server(bin_dir, *options, f"--proto={proto}", listen=f"[{of}]:7001") as server:
            addresses.answers_by_one_v6(server, of, kind)
            server.stop()
print("ok")
