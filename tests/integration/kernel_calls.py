# ctest: TIMEOUT 120
"""A question and its answer take no more calls of the kernel than a bare loop over epoll makes: one that waits, one
that receives and one that sends, and with datagrams one more that finds no other; on a ring the waiting call brings
everything and may take it too.

strace counts them; it needs the right to trace, without which this is skipped.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import contextlib  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import tempfile  # noqa: E402

bin_dir = rig.start()
rig.need_tracing(bin_dir)

ROUNDS = 500
SLACK = 0.1
MOST = {"epoll": {"tcp": 3, "udp": 4}, "io_uring": {"tcp": 2, "udp": 3}}
core = min(os.sched_getaffinity(0))


def ask(connection, times):
    for _ in range(times):
        connection.send(bytes(64))
        rig.check(connection.recv(128) == bytes(64), "an answer is another than what was asked")


def calls(driver, proto, rounds):
    """All calls of a server that was asked this often."""
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(tempfile.NamedTemporaryFile(mode="r"))
        server = stack.enter_context(rig.Server(bin_dir, f"--backend={driver}", f"--proto={proto}", "--idle=sleep",
                                                f"--cores={core}", "--flavour=current_thread",
                                                wrap=["strace", "-f", "-c", "-o", log.name]))
        kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
        connection = stack.enter_context(socket.socket(socket.AF_INET, kind))
        connection.settimeout(rig.PATIENCE)
        connection.connect((server.host, server.port))
        ask(connection, rounds)
        os.kill(rig.traced(server.process), signal.SIGTERM)
        rig.check(server.process.wait(rig.PATIENCE) == 0, server.how_it_ended())
        return int(next(line.split()[3] for line in log if line.rstrip().endswith(" total")))


def fewest_calls_a_message(driver, proto):
    """Of three looks: who is not let run for a while finds less at once, and calls once more."""
    looks = []
    while len(looks) < 3 and (not looks or looks[-1] > MOST[driver][proto] + SLACK):
        looks.append((calls(driver, proto, 2 * ROUNDS) - calls(driver, proto, ROUNDS)) / ROUNDS)
    return min(looks)


for each in rig.kernel_drivers(bin_dir):
    for how in ("tcp", "udp"):
        a_message = fewest_calls_a_message(each, how)
        print(f"{each}, {how}: {a_message:.2f} calls a message")
        rig.check(a_message <= MOST[each][how] + SLACK, f"{a_message:.2f} calls a message by {each} over {how}")
print("ok")
