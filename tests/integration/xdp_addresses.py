# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""What tap_addresses.py asks, over AF_XDP: its program in the kernel hands over what is for any of several addresses,
and leaves the rest to the kernel.
"""

import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import addresses  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
tap.need_xdp(bin_dir)
addresses.configure()
# With IPv6 the program is as long as it gets.
longest = f"{addresses.IPS},198.18.0.4/24,198.18.0.5/24,198.18.0.6/24,198.18.0.7/24,198.18.0.8/24"
options = (f"--backend=xdp:{tap.CABLE_END}", addresses.IPS, tap.CORE)

for proto, kind in addresses.KINDS:
    with rig.Server(bin_dir, *options, f"--proto={proto}", listen="0.0.0.0:7001") as server:
        addresses.answers_by_all(server, kind)
        server.stop()
with rig.Server(bin_dir, options[0], longest, f"--ip6={tap.OURS_V6}/64", tap.CORE, listen="0.0.0.0:7001") as server:
    for address in (*addresses.ALL, "198.18.0.8"):
        rig.check(addresses.is_echoed(address, server.port), f"no echo of {address}")
    server.stop()
with rig.Server(bin_dir, *options, "--proto=udp", listen=f"{addresses.OTHER}:7001") as server:
    addresses.answers_by_one(server, addresses.OTHER, socket.SOCK_DGRAM)
    server.stop()
addresses.comes_from_the_right_one(bin_dir, options)
print("ok")
