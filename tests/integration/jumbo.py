# ctest: TIMEOUT 180 RUN_SERIAL TRUE
"""Ports that take packets of 9,000 bytes: datagrams of that length go in one piece, as the kernel's end of the wire is
told not to cut any, longer ones in pieces; TCP's segments between the kernel and us are those of interop_matrix.py.
What is said where a device does not take as much.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402

import socket  # noqa: E402

MTU = 9000
LARGEST_WHOLE = MTU - 28  # IPv4 and UDP
IP_MTU_DISCOVER, IP_PMTUDISC_WANT, IP_PMTUDISC_DO = 10, 1, 2


def kernel_asks():
    """Each datagram twice: the first may only find out where we are."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((tap.OURS, 7001))
        client.settimeout(rig.PATIENCE)
        client.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        for size in (1, 1473, LARGEST_WHOLE - 1, LARGEST_WHOLE, LARGEST_WHOLE + 1, 30_000):
            if size > LARGEST_WHOLE:
                client.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT)
            for _ in range(2):
                data = os.urandom(size)
                client.send(data)
                rig.check(client.recv(1 << 16) == data, f"{size} bytes came back changed")


def pieces_received():
    """Pieces of IPv4 that the kernel's end had, of any device."""
    with open("/proc/net/snmp", encoding="ascii") as file:
        names, values = [line.split()[1:] for line in file if line.startswith("Ip:")]
    return int(values[names.index("ReasmReqds")])


def answers(server):
    """Two datagrams of each of the last two sizes come in pieces: of 8,973 bytes two, of 30,000 four."""
    before = pieces_received()
    kernel_asks()
    rig.check(pieces_received() - before == 2 * (2 + 4), f"the kernel had {pieces_received() - before} pieces")
    last = server.stop()
    rig.check(last["unsent"] == 0 and last["no_buffers"] == 0, f"the server lost some: {last}")


def over_tap(bin_dir):
    tap.make()
    tap.ip("link", "set", tap.DEVICE, "mtu", str(MTU))
    for switch in ("", ",tso=on"):
        with tap.serve(bin_dir, "--proto=udp", switch=switch) as server:
            answers(server)
    tap.ip("link", "delete", tap.DEVICE)
    print("ok: tap")


def refuses(bin_dir, expected, device):
    done = rig.run(bin_dir, "skerry-echo", "--backend=dpdk", f"--dpdk=vdev={device};hugepages=off;memory=64;mtu={MTU}",
                   "--ip=198.18.0.1/24", "--listen=198.18.0.1:7001", tap.CORE)
    lines = done.stderr.strip().splitlines()
    rig.check(done.returncode == 1 and len(lines) == 1 and expected in lines[0],
              f"{device}: {done.returncode}, {done.stderr!r}")
    print("refused:", lines[0])


folder_of_programs = rig.start()
over_tap(folder_of_programs)
tap.need_dpdk(folder_of_programs)
tap.lay_cable()
for device in ("net_tap0,iface=sk9", "net_memif0,role=server", f"net_af_packet0,iface={tap.CABLE_END}",
               f"net_af_xdp0,iface={tap.CABLE_END}"):
    refuses(folder_of_programs, f"mtu={MTU}: this device takes at most ", device)
print("ok")
