"""What both IP versions are asked over AF_XDP."""

import os

import kernel_tcp
import kernel_udp
import rig
import tap


def modes():
    """The program in the device's driver, then in generic mode."""
    for mode in ("native", "generic"):
        # Behind an end whose packets may be longer than a page the driver takes no program.
        tap.ip("link", "set", tap.DEVICE, "mtu", "1500" if mode == "native" else "9000")
        yield mode
        print(mode)
    tap.ip("link", "set", tap.DEVICE, "mtu", "1500")


def answers_everything(server, mode):
    attached = tap.ip("link", "show", tap.CABLE_END).stdout
    rig.check((" xdpgeneric " in attached) == (mode == "generic"), f"not {mode}: {attached}")
    kernel_udp.ask_everything()
    last = server.stop()
    rig.check(last["unsent"] == 0 and last["no_buffers"] == 0, f"the server lost some: {last}")


def takes_unfinished_checksums(bin_dir):
    """As a cable is when nobody has set anything: the kernel leaves checksums to a card that is not there."""
    tap.configure_offloads("on")
    with tap.serve_xdp(bin_dir, "--proto=udp") as server:
        kernel_udp.answers_every_size()
        kernel_udp.refuses_other_ports()
        server.stop()
    with tap.serve_xdp(bin_dir, "--proto=tcp") as server:
        data = os.urandom(3_000_000)
        rig.check(kernel_tcp.exchange(data) == data, "3 MB came back changed")
        server.stop()
    tap.configure_offloads("off")
    print("unfinished checksums")
