# ctest: TIMEOUT 300
"""64 MiB of noise through socat and back keep their checksum; SKERRY_LONG=1: 1 GiB."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import hashlib  # noqa: E402
import subprocess  # noqa: E402
import threading  # noqa: E402

bin_dir = rig.start()
rig.need("socat")
megabytes = 1024 if rig.LONG else 64


def pump(sink, digest):
    # Each piece differs, so that lost, doubled or exchanged pieces show; one random piece would hide them.
    noise = os.urandom(1 << 20)
    for index in range(megabytes):
        piece = index.to_bytes(8, "big") + noise[8:]
        digest.update(piece)
        sink.write(piece)
    sink.close()


with rig.Server(bin_dir, "--backend=epoll") as server:
    socat = subprocess.Popen(["socat", "-b", "65536", "-t", "120", "-", f"TCP:{server.address}"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    there, back, received = hashlib.sha256(), hashlib.sha256(), 0
    sender = threading.Thread(target=pump, args=(socat.stdin, there), daemon=True)
    sender.start()
    while piece := socat.stdout.read(1 << 20):
        back.update(piece)
        received += len(piece)
    sender.join(60)
    rig.check(socat.wait(60) == 0, f"socat ended with {socat.returncode}")
    rig.check(received == megabytes << 20, f"{received} bytes came back of {megabytes << 20}")
    rig.check(there.hexdigest() == back.hexdigest(), "the checksums differ")
    counters = server.stop()
    rig.check(counters["bytes_in"] == counters["bytes_out"] == received, f"counters {counters}")
print(f"{megabytes} MiB each way, sha256 {back.hexdigest()}")
