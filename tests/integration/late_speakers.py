# ctest: TIMEOUT 60
"""Many connect at once, and two of them speak: the others are heard as well when each speaks alone, long after.

A ring has few buffers for a core that has just begun, and the kernel asks for one before it looks whether anything has
come; who gets none must not be forgotten by a core that sleeps.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import contextlib  # noqa: E402
import signal  # noqa: E402
import time  # noqa: E402

bin_dir = rig.start()
clients = 400
core = min(os.sched_getaffinity(0))


def answers(connection, word):
    connection.settimeout(rig.PATIENCE)
    connection.sendall(word)
    try:
        return rig.receive(connection, len(word)) == word
    except TimeoutError:
        return False


for driver in rig.kernel_drivers(bin_dir):
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(rig.Server(bin_dir, f"--cores={core}", f"--backend={driver}", "--idle=sleep"))
        os.kill(server.process.pid, signal.SIGSTOP)
        connections = [stack.enter_context(server.connect()) for _ in range(clients)]
        for each in connections[:2]:
            each.sendall(b"here")
        os.kill(server.process.pid, signal.SIGCONT)
        for each in connections[:2]:
            rig.check(rig.receive(each, 4) == b"here", f"{driver}: an answer is another than what was asked")
        # The last ones first: each that is heard lets the core look at others.
        for number in reversed(range(2, clients)):
            time.sleep(0.005)  # it sleeps again
            rig.check(answers(connections[number], b"me too"), f"{driver}: connection {number} was not heard")
        server.stop()
    print(f"ok: {driver}: {clients} connections were heard")
