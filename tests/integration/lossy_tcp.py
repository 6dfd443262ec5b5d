# ctest: TIMEOUT 300 RUN_SERIAL TRUE
"""Our TCP and the kernel's over a cable that loses one segment of a hundred: every byte arrives, both ways, and a loss
costs one segment that is sent again, because each tells the other what has come (SACK). Without SACK, and with
timestamps off, every byte arrives too.
"""

import hashlib
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import lossy_cable  # noqa: E402
import rig  # noqa: E402
import tap  # noqa: E402

MEGABYTES = 64 if rig.LONG else 8
SEEDS = range(1, 6 if rig.LONG else 3)
LOSS = 0.01
DELAY = 0.002


def echo(data):
    """Sends it and reads it back: both directions lose."""
    with socket.create_connection((tap.OURS, 7001), timeout=3 * rig.PATIENCE) as connection:
        sender = threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)))
        sender.start()
        answer = rig.receive(connection, len(data) + 1)
        sender.join()
    return answer


def run(bin_dir, seed, megabytes, what):
    data = os.urandom(megabytes << 20)
    with lossy_cable.Relay(seed, LOSS, DELAY) as relay, lossy_cable.serve(bin_dir, "--proto=tcp") as server:
        rig.check(hashlib.sha256(echo(data)).digest() == hashlib.sha256(data).digest(),
                  f"{what}, seed {seed}: {megabytes} MiB came back changed")
        server.stop()
    for name, way in (("we", relay.ours), ("the kernel", relay.kernels)):
        print(f"{what}, seed {seed}: {name} sent {way.segments} segments, {way.lost} lost, {way.again} again")
        rig.check(way.lost > 20, "hardly anything was lost")
    return relay


bin_dir = rig.start()
if rig.INSIDE not in os.environ:
    rig.skip("no network namespace of its own; run it as root")
lossy_cable.make()
for seed in SEEDS:
    relay = run(bin_dir, seed, MEGABYTES, "SACK")
    for name, way in (("we", relay.ours), ("the kernel", relay.kernels)):
        # Usually as many as were lost. A machine that stops for 200 ms costs a time-out, which is a window; who goes
        # back to what was lost each time sends a thousand again.
        rig.check(way.again <= 4 * way.lost + 100, f"{name} sent {way.again} again where {way.lost} were lost")
for sack, timestamps in ((0, 1), (1, 0), (0, 0)):
    lossy_cable.set_kernel("tcp_sack", sack)
    lossy_cable.set_kernel("tcp_timestamps", timestamps)
    run(bin_dir, 7, 4, f"SACK {sack}, timestamps {timestamps}")
print("ok")
