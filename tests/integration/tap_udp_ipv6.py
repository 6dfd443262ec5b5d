# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""Our own stack over a TAP device answers the Linux kernel by IPv6; see tools/kernel_udp.py. A server at :: hears both
families.
"""

import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import kernel_udp  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

bin_dir = rig.start()


def refuses(expected, *options):
    done = rig.run(bin_dir, "skerry-echo", "--proto=udp", "--listen=198.18.0.2:7001",
                   f"--backend=tap:{tap.DEVICE}", "--ip=198.18.0.2/24", *options)
    lines = done.stderr.strip().splitlines()
    rig.check(done.returncode == 1 and len(lines) == 1 and expected in lines[0], f"{options}: {done.stderr!r}")
    print("refused:", lines[0])


def hears_both(proto):
    kind = socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM
    with rig.Server(bin_dir, *tap.OPTIONS, f"--proto={proto}", listen="[::]:7002") as server:
        for address in (tap.OURS_V6, "198.18.0.2"):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, kind) as client:
                client.settimeout(rig.PATIENCE)
                client.connect((address, 7002))
                client.send(address.encode())
                rig.check(client.recv(100) == address.encode(), f"{proto} at {address}")
        server.stop()
    print(proto, "at [::] hears both families")


def echo(connection):
    with connection:
        while piece := connection.recv(65_536):
            connection.sendall(piece)


def serve(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def connects():
    """The other way about: our stack connects to the kernel."""
    with socket.create_server((tap.KERNEL_V6, 7003), family=socket.AF_INET6) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        report = rig.loadgen(bin_dir, *tap.OPTIONS, f"--connect={tap.at(tap.KERNEL_V6, 7003)}", "--loop=closed",
                             "--conns=10", "--duration=500ms", "--warmup=50ms", "--jitter=20ms", rig.ALL_ANSWERS)
        rig.check(report["count"] > 100, f"{report}")
        print("answers of the kernel:", report["count"] > 100)


tap.speak_ipv6()
tap.make()
tap.ip("address", "add", "198.18.0.1/24", "dev", tap.DEVICE)
refuses("not an address that a host has", f"--ip6=fe80::2/64", tap.CORE)
refuses("not another host of the network", f"--ip6={tap.OURS_V6}/64", "--gateway=2001:db8::1", tap.CORE)
with tap.serve(bin_dir, "--proto=udp") as server:
    kernel_udp.ask_everything()
    last = server.stop()
    rig.check(last["unsent"] == 0 and last["no_buffers"] == 0, f"the server lost some: {last}")
for proto in ("udp", "tcp"):
    hears_both(proto)
connects()
print("ok")
