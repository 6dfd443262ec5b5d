# ctest: TIMEOUT 1800
"""igb, the reference card, with four queues for three cores: nic.sh gives it to vfio-pci, skerry-echo answers the
kernel's ping, UDP and TCP on it, the card's own verdict on checksums counts, and nic.sh gives it back.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import machine  # noqa: E402
import rig  # noqa: E402
import kernel_tcp  # noqa: E402
import kernel_udp  # noqa: E402
import server  # noqa: E402
import tap  # noqa: E402
import wire  # noqa: E402


def is_bound_and_unbound(guest):
    """The journal is what the way back is known by."""
    listed = guest.ask("/host/scripts/nic.sh list")
    rig.check("igb" in listed and "vfio-pci" not in listed, f"the kernel's driver has the card at first: {listed}")
    for _ in range(2):
        guest.ask("modprobe vfio-pci")
        bound = guest.ask(f"/host/scripts/nic.sh bind {guest.port}")
        rig.check(f"{guest.port}: igb -> vfio-pci" in bound, bound)
        rig.check('"driver": "igb"' in guest.ask("cat /var/lib/skerry/*"), "the journal")
        unbound = guest.ask(f"/host/scripts/nic.sh unbind {guest.port}")
        rig.check(f"{guest.port}: vfio-pci -> igb" in unbound, unbound)
        rig.check(guest.ask(f"ls /sys/bus/pci/devices/{guest.port}/net").strip() != "", "its interface is back")
    guest.ask(f"/host/scripts/nic.sh bind {guest.port}")


def is_kept_while_it_carries_the_default_route(guest):
    interface = guest.ask(f"ls /sys/bus/pci/devices/{guest.port}/net").strip()
    guest.ask(f"modprobe vfio-pci; ip address add 198.18.0.3/24 dev {interface} && ip link set {interface} up && "
              f"ip route add default via 198.18.0.1")
    status, output = guest.run(f"/host/scripts/nic.sh bind {guest.port}")
    rig.check(status == 1 and f"{guest.port} ({interface}) carries the default route" in output, f"{status}: {output}")
    guest.ask(f"ip link set {interface} down && ip address flush dev {interface}")


def is_not_given_away_while_in_use(guest):
    status, output = guest.run(f"/host/scripts/nic.sh unbind {guest.port}")
    rig.check(status == 1 and "is in use by process" in output, f"unbind while the server runs: {status} {output}")


def counts_what_the_card_finds_wrong(serve):
    """Wrong checksums of IP, UDP and TCP are dropped for the card's flags, before our stack adds anything up."""
    with serve() as echo:
        kernel_udp.answers_every_size()
        before = echo.numbers()
        rig.check(before["port_checksum"] == 0, f"counted too early: {before}")
        sender = wire.Sender(tap.DEVICE, tap.OURS)
        for number in range(100):  # by all queues
            source = 5001 + number
            sender.udp(7001, b"wrong", source_port=source, udp_checksum=0x1234)
            sender.udp(7001, b"wrong", source_port=source, ip_checksum=0x1234)
            sender.tcp_syn(7001, source_port=source, tcp_checksum=0x1234)
            sender.udp(7001, b"sound", source_port=source)

        def all_are_judged():
            now = echo.numbers()
            return now["messages"] >= before["messages"] + 100 and now["port_checksum"] + now["stack_checksum"] >= 300
        rig.wait_until(all_are_judged, "the sound ones are answered and the others counted")
        after = echo.numbers()
        rig.check(after["messages"] == before["messages"] + 100, f"{before} {after}")
        rig.check(after["port_checksum"] == 300, f"the card saw {after['port_checksum']} of 300 wrong ones")
        rig.check(after["stack_checksum"] == 0, f"our stack saw some: {after}")
        echo.stop()


rig_dir = rig.start()
rig.need("ping", "socat", "sockperf", "tshark")
with machine.Guest(nic="igb", cpus=3, bind="") as guest_:
    is_kept_while_it_carries_the_default_route(guest_)
    is_bound_and_unbound(guest_)
    print("bound and unbound")

    def serve(*arguments):
        echo = server.Server(guest_, rig_dir, "--idle=adaptive", *arguments, devices=";queues=4", cores="0-2")
        rig.check("4 queue pairs, hash predicted" in echo.start_line, echo.start_line)
        return echo

    def serve_udp():
        return serve("--proto=udp")

    def serve_tcp(mode="echo"):
        return serve("--proto=tcp", f"--mode={mode}")

    with serve_udp() as udp:
        print(udp.start_line)
        is_not_given_away_while_in_use(guest_)
        kernel_udp.ask_everything()
        udp.stop()
    counts_what_the_card_finds_wrong(serve_udp)
    with serve_tcp() as tcp:
        kernel_tcp.bulk.through_socat(tcp, 16)
    kernel_tcp.dialogue(serve_tcp)
    kernel_tcp.judged(serve_tcp)
    unbound = guest_.ask(f"/host/scripts/nic.sh unbind {guest_.port}")
    rig.check(f"{guest_.port}: vfio-pci -> igb" in unbound, unbound)
print("ok")
