"""Megabytes through unmodified socat to skerry-echo and back, compared by their sha256."""

import hashlib
import os
import subprocess
import threading
import time

import rig


def pump(sink, digest, megabytes):
    # Each piece differs, so that lost, doubled or exchanged pieces show; one random piece would hide them.
    noise = os.urandom(1 << 20)
    for index in range(megabytes):
        piece = index.to_bytes(8, "big") + noise[8:]
        digest.update(piece)
        sink.write(piece)
    sink.close()


def through_socat(server, megabytes):
    """Ends the server too, whose counters must agree."""
    begin = time.monotonic()
    socat = subprocess.Popen(["socat", "-b", "65536", "-t", "120", "-", f"TCP:{server.address}"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    there, back, received = hashlib.sha256(), hashlib.sha256(), 0
    sender = threading.Thread(target=pump, args=(socat.stdin, there, megabytes), daemon=True)
    sender.start()
    while piece := socat.stdout.read(1 << 20):
        back.update(piece)
        received += len(piece)
    sender.join(3 * rig.PATIENCE)
    rig.check(socat.wait(3 * rig.PATIENCE) == 0, f"socat ended with {socat.returncode}")
    rig.check(received == megabytes << 20, f"{received} bytes came back of {megabytes << 20}")
    rig.check(there.hexdigest() == back.hexdigest(), "the checksums differ")
    counters = server.stop()
    rig.check(counters["bytes_in"] == counters["bytes_out"] == received and counters["resets"] == 0,
              f"counters {counters}")
    print(f"{megabytes} MiB each way in {time.monotonic() - begin:.1f} s, sha256 {back.hexdigest()}")
