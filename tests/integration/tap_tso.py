# ctest: TIMEOUT 300 RUN_SERIAL TRUE
"""tso=on over a TAP device: segments in a row are one packet for the kernel, and its long ones are cut by us, in both
families, with nothing changed by it. Without it, in a VLAN's and a capture's case, each is a packet of its own; a
capture shows what a wire would have carried.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402

import kernel_tcp  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402

bin_dir = rig.start()
rig.need("socat", "sockperf", "tshark", "ethtool")
ON = ",tso=on"
SIZE = 3_000_000


def serve(*arguments, switch=ON):
    return tap.serve(bin_dir, "--proto=tcp", *arguments, switch=switch)


def end(server):
    """Ends the server. What left and what came as long packets: segments and packets each."""
    server.process.terminate()
    _, said = server.process.communicate(timeout=3 * rig.PATIENCE)
    rig.check(server.process.returncode == 0, f"the server ended with {server.process.returncode}: {said}")
    rig.check(rig.without_notes(said) == "", f"the server complained: {said}")
    server.lacks_frames = re.search(r"note: capture: .* lacks \d+ of \d+ frames", said) is not None
    told = re.search(r"note: tap: (\d+) segments left as (\d+) packets, (\d+) came as (\d+), (\d+) were damaged", said)
    if told is None:
        return (0, 0), (0, 0)
    left, packets, came, long, damaged = map(int, told.groups())
    rig.check(damaged == 0, said)
    return (left, packets), (came, long)


def take(server):
    """What leaves in bulk: zeros."""
    with server.connect() as connection:
        rig.check(rig.receive(connection, SIZE) == bytes(SIZE), "something else than zeros")


def echo(server):
    """Random bytes there and back. What leaves is what came, segment by segment."""
    data = os.urandom(SIZE)
    rig.check(kernel_tcp.exchange(data) == data, "the echo is another")


def has_tso():
    features = subprocess.run(["ethtool", "-k", tap.DEVICE], capture_output=True, text=True, check=True).stdout
    return "tcp-segmentation-offload: on" in features


def is_long_both_ways():
    with serve("--mode=source") as server:
        rig.check(has_tso(), "the device was not told")
        take(server)
        left, _ = end(server)
    rig.check(left[0] > 2 * left[1] > 0, f"hardly anything left together: {left}")
    rig.check(not has_tso(), "the device was left as it was told")
    with serve() as server:
        echo(server)
        _, came = end(server)
    rig.check(came[0] > 2 * came[1] > 0, f"hardly anything came together: {came}")
    print(f"{left[0]} segments left as {left[1]} packets, {came[0]} came as {came[1]}")


tap.make()
is_long_both_ways()
with serve(switch=",tso=off") as plain:
    rig.check(not has_tso(), "the device was told")
    echo(plain)
    rig.check(end(plain) == ((0, 0), (0, 0)), "something was joined")

# All else that the kernel asks, but for what tshark says of the device: there the kernel shows what it has not cut yet.
with serve() as server_:
    kernel_tcp.bulk.through_socat(server_, kernel_tcp.MEGABYTES)
kernel_tcp.dialogue(lambda mode: serve(f"--mode={mode}"))
kernel_tcp.churn(serve)

# A capture shows what a wire would have carried, whatever left together; what comes the kernel cuts for it.
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "tap.pcapng")
    for mode, ask in (("source", take), ("echo", echo)):
        with serve(f"--mode={mode}", f"--capture={path}") as captured:
            ask(captured)
            left_, came_ = end(captured)
        rig.check(came_ == (0, 0), "what is captured was not cut by the kernel")
        rig.check(mode == "echo" or left_[0] > 2 * left_[1] > 0, f"hardly anything left together: {left_}")
        segments, found = kernel_tcp.experts_of(path)
        # Where the thread that writes had no CPU in time, the server said that something is missing.
        lacking = captured.lacks_frames
        kernel_tcp.check_experts(segments, found, besides="common at capture start" if lacking else "$^")
        rig.check(segments > SIZE // 1460 or lacking, f"{segments} segments were captured")

refused = rig.run(bin_dir, "skerry-echo", f"--backend=tap:{tap.DEVICE},tso=yes", *tap.ADDRESSES, "--listen=0.0.0.0:1")
rig.check(refused.returncode != 0 and "accepted: tso=on, tso=off" in refused.stderr, refused.stderr)

tap.ip("link", "delete", tap.DEVICE)
tap.speak_ipv6()
tap.make()
is_long_both_ways()
print("ok")
