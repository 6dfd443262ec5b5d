# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""--route: our own stack over a TAP device reaches networks behind the Linux kernel, and on the same link, of both
families; without the route it does not, and what cannot be a route is refused in one line.
"""

import os
import socket
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()
BEHIND, BEHIND_V6 = "198.51.100.7", "2001:db8:51::7"  # addresses of the kernel's loopback
BESIDE = "203.0.113.7"  # one of its end of the device
PORT = 7003


def echo(connection):
    with connection:
        while piece := connection.recv(65_536):
            connection.sendall(piece)


def serve(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, PORT), family=family)

    def answer():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=echo, args=(connection,), daemon=True).start()

    threading.Thread(target=answer, daemon=True).start()


def asks(address, *options, expect=0):
    return rig.loadgen(bin_dir, *tap.OPTIONS, f"--connect={tap.at(address, PORT)}", "--loop=closed", "--conns=2",
                       "--duration=200ms", "--warmup=0ms", rig.ALL_ANSWERS, *options, expect=expect)


def reaches(address, *options):
    count = asks(address, *options)["count"]
    rig.check(count > 10, f"{options}: {count} answers of {address}")
    print("reached:", address, *options)


def does_not_reach(address, *options):
    done = rig.run(bin_dir, "skerry-loadgen", *tap.OPTIONS, f"--connect={tap.at(address, PORT)}", "--duration=200ms",
                   *options)
    rig.check(done.returncode != 0 and "unreachable" in done.stderr, f"{options}: {done.returncode}, {done.stderr!r}")
    print("not reached:", address, *options)


def refuses(expected, code, *options):
    done = rig.run(bin_dir, "skerry-loadgen", *tap.OPTIONS, f"--connect={tap.at(BEHIND, PORT)}", *options)
    lines = done.stderr.strip().splitlines()
    rig.check(done.returncode == code and len(lines) == 1 and expected in lines[0],
              f"{options}: {done.returncode}, {done.stderr!r}")
    print("refused:", lines[0])


tap.make()
with open(f"/proc/sys/net/ipv6/conf/{tap.DEVICE}/disable_ipv6", "w", encoding="ascii") as switch:
    switch.write("0")
tap.ip("address", "add", f"{tap.KERNEL_V6}/64", "dev", tap.DEVICE, "nodad")
tap.ip("address", "add", f"{BEHIND}/32", "dev", "lo")
tap.ip("address", "add", f"{BEHIND_V6}/128", "dev", "lo", "nodad")
tap.ip("address", "add", f"{BESIDE}/24", "dev", tap.DEVICE)
for address in (BEHIND, BEHIND_V6, BESIDE):
    serve(address)

for address in (BEHIND, BEHIND_V6, BESIDE):
    does_not_reach(address)
reaches(BEHIND, f"--route=198.51.100.0/24:{tap.KERNEL}")
reaches(BESIDE, "--route=203.0.113.0/24")
reaches(BEHIND_V6, f"--route=2001:db8:51::/48:{tap.KERNEL_V6}")
# Nobody has the router of the shorter one.
reaches(BEHIND, "--route=198.51.0.0/16:198.18.0.99,203.0.113.0/24", f"--route=198.51.100.0/24:{tap.KERNEL}")

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "routes.toml")
    with open(path, "w", encoding="ascii") as file:
        file.write(f'route = ["198.51.100.0/24:{tap.KERNEL}", "203.0.113.0/24"]\n')
    reaches(BEHIND, f"--config={path}")
    reaches(BESIDE, f"--config={path}")

refuses("not a network and its router; accepted: ", 2, "--route=198.51.100.0")
refuses("the network is 198.51.100.0/24", 1, f"--route=198.51.100.7/24:{tap.KERNEL}")
refuses("the router is not another host of the network", 1, "--route=198.51.100.0/24:192.0.2.1")
print("ok")
