"""A device whose other end is the kernel: what tests of our own stack against the kernel's share. It is a TAP device,
or one end of a virtual cable (veth) whose other end DPDK or AF_XDP takes.
"""

import os
import socket
import subprocess

import rig

DEVICE = "skerry0"  # the kernel's end
CABLE_END = "skerry1"
KERNEL, OURS = "198.18.0.1", "198.18.0.2"
CORE = f"--cores={min(os.sched_getaffinity(0))}"
KERNEL_V6, OURS_V6 = "fd00:198:18::1", "fd00:198:18::2"
ADDRESSES = (f"--ip={OURS}/24", f"--ip6={OURS_V6}/64")
OPTIONS = (f"--backend=tap:{DEVICE}", *ADDRESSES, CORE)


def ip(*arguments, check=True):
    return subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True)


def make():
    """Makes the device in the namespace of this test and gives the kernel's end its address, or skips the test."""
    rig.need("ip")
    if rig.INSIDE not in os.environ:
        rig.skip("no network namespace of its own; run it as root")
    made = ip("tuntap", "add", DEVICE, "mode", "tap", check=False)
    if made.returncode != 0:
        rig.skip(f"no TAP device here: {made.stderr.strip()}")
    configure()


def speak_ipv6():
    """From now on the two ends are the IPv6 ones. Before there is a device."""
    global KERNEL, OURS
    KERNEL, OURS = KERNEL_V6, OURS_V6


def is_v6():
    return ":" in OURS


def family():
    return socket.AF_INET6 if is_v6() else socket.AF_INET


def at(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def configure():
    """Gives the kernel's end of the device its addresses."""
    if is_v6():
        with open(f"/proc/sys/net/ipv6/conf/{DEVICE}/keep_addr_on_down", "w", encoding="ascii") as switch:
            switch.write("1")
        ip("address", "add", f"{KERNEL}/64", "dev", DEVICE, "nodad")
        ip("link", "set", DEVICE, "up")
        return
    # The kernel's own chatter (IPv6, multicast) would make counts differ from run to run.
    with open(f"/proc/sys/net/ipv6/conf/{DEVICE}/disable_ipv6", "w", encoding="ascii") as switch:
        switch.write("1")
    ip("address", "add", f"{KERNEL}/24", "dev", DEVICE)
    ip("link", "set", DEVICE, "up")


def mac_of(device):
    words = ip("-o", "link", "show", "dev", device).stdout.split()
    return bytes.fromhex(words[words.index("link/ether") + 1].replace(":", ""))


def serve(bin_dir, *arguments, port=7001, switch="", **how):
    """switch: what stands behind the device's name: ",tso=on"."""
    options = (OPTIONS[0] + switch, *OPTIONS[1:])
    return rig.Server(bin_dir, *options, *arguments, listen=at(OURS, port), **how)


def need_dpdk(bin_dir):
    """Skips the test where skerry-echo has no dpdk, or no network of its own to make a device in."""
    if not os.path.exists(os.path.join(bin_dir, "skerry-forward")):
        rig.skip("this build has no dpdk")
    if rig.sanitized(bin_dir):
        rig.skip("DPDK's own memory is foreign to sanitizers")
    rig.need("ip")
    if rig.INSIDE not in os.environ:
        rig.skip("no network namespace of its own; run it as root")


def serve_dpdk(bin_dir, *arguments, port=7001, **how):
    """DPDK makes the device, which ends with the server."""
    server = rig.Server(bin_dir, "--backend=dpdk", f"--dpdk=vdev=net_tap0,iface={DEVICE}", *ADDRESSES,
                        CORE, *arguments, listen=at(OURS, port), **how)
    configure()
    return server


def lay_cable():
    """Two devices of which each sends to the other. The kernel leaves no work to a card that is not there: no
    checksums, no segments to cut or join.
    """
    rig.need("ethtool")
    ip("link", "add", DEVICE, "type", "veth", "peer", "name", CABLE_END)
    configure_offloads("off")
    with open(f"/proc/sys/net/ipv6/conf/{CABLE_END}/disable_ipv6", "w", encoding="ascii") as switch:
        switch.write("1")
    ip("link", "set", CABLE_END, "up")
    configure()


def configure_offloads(state):
    """What both ends of the cable leave to a card, "on" or "off"."""
    for device in (DEVICE, CABLE_END):
        features = (part for name in ("rx", "tx", "tso", "gso", "gro") for part in (name, state))
        subprocess.run(["ethtool", "-K", device, *features], check=True, capture_output=True)


def serve_cable(bin_dir, *arguments, port=7001, **how):
    """DPDK takes the cable's other end by a packet socket. The kernel has no address there and keeps out of it.

    With room for what comes while the machine runs something else: TCP sends no reset a second time, so one that is
    lost leaves a connection that nobody ends.
    """
    return rig.Server(bin_dir, "--backend=dpdk", f"--dpdk=vdev=net_af_packet0,iface={CABLE_END},framecnt=8192",
                      f"--ip={OURS}/24", CORE, *arguments, listen=f"{OURS}:{port}", **how)


def serve_dpdk_xdp(bin_dir, *arguments, port=7001, options="", **how):
    """DPDK takes the cable's other end by AF_XDP. The kernel has no address there and keeps out of it."""
    return rig.Server(bin_dir, "--backend=dpdk", f"--dpdk=vdev=net_af_xdp0,iface={CABLE_END}{options}",
                      f"--ip={OURS}/24", CORE, *arguments, listen=f"{OURS}:{port}", **how)


XDP_OPTIONS = (f"--backend=xdp:{CABLE_END}", *ADDRESSES, CORE)


def need_xdp(bin_dir):
    """Skips the test where there is no network of its own, or AF_XDP cannot run in it; says why. Lays the cable."""
    rig.need("ip", "ethtool")
    if rig.INSIDE not in os.environ:
        rig.skip("no network namespace of its own; run it as root")
    lay_cable()
    done = rig.run(bin_dir, "skerry-loadgen", *XDP_OPTIONS, f"--connect={at(OURS, 1)}", "--duration=100ms")
    ended = done.stderr.strip()
    if "skerry-loadgen: xdp: " in ended or "is not in this build" in ended:
        rig.skip(ended)


def serve_xdp(bin_dir, *arguments, port=7001, **how):
    """AF_XDP takes what comes out of the cable for our addresses."""
    return rig.Server(bin_dir, *XDP_OPTIONS, *arguments, listen=at(OURS, port), **how)
