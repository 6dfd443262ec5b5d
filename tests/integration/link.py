# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""skerry-link between two of the kernel's ends: frames take their time, the seed says which ones are lost, what the
queue does not hold is dropped, and some come late.
"""

import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import link  # noqa: E402
import rig  # noqa: E402

SO_RCVBUFFORCE = 33  # which Python does not name
COUNT = 2000
BYTES = 200


def cross(bin_dir, ends, *options, apart_s=0.0):
    """The numbers of the datagrams that came, in their order, when the first one came, and the link's counters."""
    with link.Link(bin_dir, ends, *options) as cable, link.socket_in(ends.here, socket.SOCK_DGRAM) as far, \
            link.socket_in(ends.there, socket.SOCK_DGRAM) as near:
        far.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        far.bind((link.FAR, 7001))
        far.settimeout(rig.PATIENCE)
        near.sendto(b"first", (link.FAR, 7001))  # short: ARP is over when it has come
        far.recvfrom(2048)
        begin = time.monotonic()
        first_ms, numbers = None, []
        for number in range(COUNT):
            near.sendto(number.to_bytes(4, "big") + bytes(BYTES - 4), (link.FAR, 7001))
            if apart_s:
                time.sleep(apart_s)
            if first_ms is None:
                numbers.append(int.from_bytes(far.recv(2048)[:4], "big"))
                first_ms = (time.monotonic() - begin) * 1000
        far.settimeout(0.5)
        try:
            while True:
                numbers.append(int.from_bytes(far.recv(2048)[:4], "big"))
        except socket.timeout:
            pass
        return numbers, first_ms, cable.stop()


bin_dir = rig.start()
rig.need("ip", "ethtool", "nsenter", "sysctl")
if rig.INSIDE not in os.environ:
    rig.skip("no network namespace of its own; run it as root")
with link.Ends() as ends:
    numbers, first_ms, counters = cross(bin_dir, ends, "--queue=10000000", "--rtt=20ms")
    rig.check(numbers == list(range(COUNT)), f"{len(numbers)} of {COUNT} came, or in another order")
    rig.check(first_ms >= 10, f"the first one came after {first_ms:.1f} ms, and half of the round trip is 10")
    print(f"all came, the first after {first_ms:.1f} ms; {counters['late_us_p50']} us late in the median")

    runs = [cross(bin_dir, ends, "--queue=10000000", "--loss=0.05", f"--seed={seed}")[0] for seed in (5, 5, 6)]
    rig.check(runs[0] == runs[1], "the same seed lost other datagrams")
    rig.check(runs[0] != runs[2], "another seed lost the same ones")
    rig.check(0.9 * COUNT < len(runs[0]) < COUNT, f"{len(runs[0])} of {COUNT} came where 5 % are lost")
    print(f"the seed says which: {COUNT - len(runs[0])} and {COUNT - len(runs[2])} were lost")

    numbers, _, counters = cross(bin_dir, ends, "--rate=1000000", "--queue=10000")
    full = counters["forth"]["queue_full"]
    rig.check(full != 0 and len(numbers) == COUNT - full, f"{len(numbers)} came, and {full} found the queue full")
    print(f"the queue drops: {full}")

    numbers, _, counters = cross(bin_dir, ends, "--reorder=0.02", "--reorder-delay=3ms", apart_s=0.0002)
    late = counters["forth"]["reordered"]
    overtaken = sum(1 for one, other in zip(numbers, numbers[1:]) if other < one)
    rig.check(sorted(numbers) == list(range(COUNT)) and 0 < overtaken <= late, f"{overtaken} overtaken, {late} late")
    print(f"some are late: {late}, and overtaken in {overtaken} places")

for is_program, device in ((False, link.NEAR_DEVICE), (True, link.PROGRAM_DEVICE)):
    with link.Ends() as ends, link.Link(bin_dir, ends, is_program=is_program) as cable:
        ends.there.run("ip", "link", "delete", device)
        said = cable.process.communicate(timeout=rig.PATIENCE)[1]
        rig.check(cable.process.returncode == 1 and said.startswith(f"skerry-link: {device}: the device is gone: ")
                  and said.count("\n") == 1, f"{device} deleted: {cable.process.returncode}, {said!r}")
        print(said, end="")
print("ok")
