# ctest: TIMEOUT 60
"""Hundreds of connections that have something to say at once: a ring sends it in few calls of the kernel.

Which calls those are strace counts; it needs the right to trace, without which this is skipped.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import contextlib  # noqa: E402
import re  # noqa: E402
import signal  # noqa: E402
import tempfile  # noqa: E402

bin_dir = rig.start()
rig.need_tracing(bin_dir)
if "io_uring" not in list(rig.kernel_drivers(bin_dir)):
    rig.skip("no io_uring here")

clients, rounds = 400, 5
core = min(os.sched_getaffinity(0))


def ask_together(process, connections):
    """All ask while the server is stopped, so that it finds all of it when it goes on."""
    os.kill(process, signal.SIGSTOP)
    for each in connections:
        each.sendall(b"say it again")
    os.kill(process, signal.SIGCONT)
    for each in connections:
        rig.check(rig.receive(each, 12) == b"say it again", "an answer is another than what was asked")


with tempfile.NamedTemporaryFile(mode="r") as log, contextlib.ExitStack() as stack:
    trace = ["strace", "-f", "-qq", "-e", "trace=sendto", "-e", "signal=none", "-o", log.name]
    server = stack.enter_context(rig.Server(bin_dir, f"--cores={core}", "--flavour=current_thread",
                                            "--backend=io_uring", wrap=trace))
    process = rig.traced(server.process)
    connections = [stack.enter_context(server.connect()) for _ in range(clients)]
    for _ in range(rounds):
        ask_together(process, connections)
    os.kill(process, signal.SIGTERM)
    rig.check(server.process.wait(20) == 0, server.how_it_ended())
    alone = len(re.findall(r"\bsendto\(", log.read()))

# Those of a turn in which fewer than eight came are sent one by one.
rig.check(alone <= clients * rounds // 20, f"{alone} of {clients * rounds} answers were sent by a call of their own")
print(f"ok: {alone} of {clients * rounds} answers were sent by a call of their own")
