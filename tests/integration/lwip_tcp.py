# ctest: TIMEOUT 300 RUN_SERIAL TRUE
"""Our TCP over a TAP device against lwIP's, which nobody here and no kernel wrote: it has small windows and segments,
no SACK and no timestamps. Each is a server of the other, by IPv4 and IPv6. A bridge of the kernel joins the devices.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import kernel_tcp  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

BRIDGE, LWIPS_DEVICE = "skerry_bridge", "skerry2"
LWIP = {"ipv4": "198.18.0.3", "ipv6": "fd00:198:18::3"}
OURS = {"ipv4": tap.OURS, "ipv6": tap.OURS_V6}
PORT, LWIPS_PORT = kernel_tcp.PORT, 7200
BYTES = (8 << 20) if rig.LONG else (1 << 20)


def join_devices():
    tap.make()
    made = tap.ip("link", "add", BRIDGE, "type", "bridge", check=False)
    if made.returncode != 0:
        rig.skip(f"no bridge here: {made.stderr.strip()}")
    tap.ip("tuntap", "add", LWIPS_DEVICE, "mode", "tap")
    for device in (LWIPS_DEVICE, BRIDGE):
        with open(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6", "w", encoding="ascii") as switch:
            switch.write("1")
    # The kernel's address moves to the bridge, from where Capture tells when it begins and ends.
    tap.ip("address", "flush", "dev", tap.DEVICE)
    tap.ip("address", "add", f"{tap.KERNEL}/24", "dev", BRIDGE)
    for device in (tap.DEVICE, LWIPS_DEVICE):
        tap.ip("link", "set", device, "master", BRIDGE)
        tap.ip("link", "set", device, "up")
    tap.ip("link", "set", BRIDGE, "up")


def lwip(family, *arguments):
    return subprocess.Popen([os.path.join(bin_dir, "lwip_peer"), LWIP[family], *arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env={**os.environ, "PRECONFIGURED_TAPIF": LWIPS_DEVICE})


def lwip_asks():
    listens = "--listen=" + tap.at(OURS["ipv6"], PORT)
    with tap.serve(bin_dir, "--proto=tcp", listens) as server:
        capture = kernel_tcp.Capture()
        for family in LWIP:
            for size in (1, BYTES):
                asker = lwip(family, "ask", OURS[family], str(PORT), str(size))
                output, said = asker.communicate(timeout=3 * rig.PATIENCE)
                rig.check(asker.returncode == 0, f"{family}: lwip_peer ended with {asker.returncode}: {output} {said}")
        # lwIP drops what comes while its inbox is full, and the capture is not always in time for so many short frames.
        kernel_tcp.check_experts(*capture.experts(), besides="out-of-order segment|common at capture start")
        counters = server.stop()
        rig.check(counters["resets"] == 0 and counters["bytes_in"] == 2 * (BYTES + 1), f"counters {counters}")


def we_ask():
    for family in LWIP:
        peer = lwip(family, "serve", str(LWIPS_PORT))
        try:
            rig.check(peer.stdout.readline() == "ready\n", "lwip_peer does not serve")
            report = rig.loadgen(bin_dir, *tap.OPTIONS, "--proto=tcp", "--connect=" + tap.at(LWIP[family], LWIPS_PORT),
                                 "--size=3000", "--conns=3", "--warmup=0s", "--duration=500ms", rig.ALL_ANSWERS)
            rig.check(report["count"] > 3 and report["lost"] == report["errors"] == 0, f"{family}: {report}")
            print(f"{family}: {report['count']} answers of lwIP")
        finally:
            peer.kill()
            peer.communicate()


bin_dir = rig.start()
if not os.path.exists(os.path.join(bin_dir, "lwip_peer")):
    rig.skip("lwip_peer is not built: liblwip-dev is not installed")
rig.need("tshark")
join_devices()
lwip_asks()
we_ask()
print("ok")
