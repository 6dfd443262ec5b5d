# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""--ip=A,B,C: our own stack over a TAP device has several IPv4 addresses, of one network and of two. The Linux kernel
reaches each of them, a server of one is not heard by the others, and a client leaves from the one in its peer's
network.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import addresses  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
options = (f"--backend=tap:{tap.DEVICE}", addresses.IPS, tap.CORE)


def refuses(expected, code, ip):
    done = rig.run(bin_dir, "skerry-echo", options[0], f"--ip={ip}", tap.CORE, "--listen=0.0.0.0:7001")
    lines = done.stderr.strip().splitlines()
    rig.check(done.returncode == code and len(lines) == 1 and expected in lines[0],
              f"{ip}: {done.returncode}, {done.stderr!r}")
    print("refused:", lines[0])


tap.make()
addresses.configure()
refuses("9 addresses; accepted: at most 8 a port", 2, ",".join(f"198.18.0.{host}/24" for host in range(2, 11)))
refuses("198.18.0.2 is named twice", 2, "198.18.0.2/24,198.18.0.2/16")
refuses("dhcp is of no use beside other addresses", 2, "198.18.0.2/24,dhcp")
refuses("not an address that a host can have", 1, "198.18.0.255/16,198.18.0.2/24")

for proto, kind in addresses.KINDS:
    with rig.Server(bin_dir, *options, f"--proto={proto}", listen="0.0.0.0:7001") as server:
        addresses.answers_by_all(server, kind)
        server.stop()
for of in addresses.ALL:
    for proto, kind in addresses.KINDS:
        with rig.Server(bin_dir, *options, f"--proto={proto}", listen=f"{of}:7001") as server:
            addresses.answers_by_one(server, of, kind)
            server.stop()
addresses.comes_from_the_right_one(bin_dir, options)

done = rig.run(bin_dir, "skerry-echo", *options, f"--listen={addresses.NOBODY}:7001")
rig.check(done.returncode == 1 and "our own stack has 198.18.0.2, 198.18.0.3, 203.0.113.2; write --listen=198.18.0.2"
          in done.stderr, f"{done.returncode}, {done.stderr!r}")
print("ok")
