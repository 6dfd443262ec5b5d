# ctest: TIMEOUT 120 RUN_SERIAL TRUE
"""What a core on the kernel's sockets does with nothing to do: one that spins gives its CPU up to nobody of its own
accord, not even while it is asked; one that may sleep does, takes next to nothing then, and answers when it is woken.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import re  # noqa: E402
import time  # noqa: E402

SILENCE = 3
ROUNDS = 200

bin_dir = rig.start()
core = min(os.sched_getaffinity(0))


def sleeps(process_id):
    """How often a thread of the process has given its CPU up to wait."""
    count = 0
    for task in os.listdir(f"/proc/{process_id}/task"):
        with open(f"/proc/{process_id}/task/{task}/status") as status:
            count += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status.read(), re.M)[1])
    return count


def ask(connection, times, pause=0.0):
    for number in range(times):
        said = f"{number:8}".encode()
        connection.sendall(said)
        rig.check(rig.receive(connection, len(said)) == said, "an answer is another than what was asked")
        time.sleep(pause)


def serve(driver, idle):
    return rig.Server(bin_dir, f"--backend={driver}", f"--cores={core}", f"--idle={idle}")


def spins(driver):
    with serve(driver, "spin") as server, server.connect() as connection:
        ask(connection, ROUNDS)
        before = sleeps(server.process.pid)
        ask(connection, ROUNDS)
        time.sleep(0.2)  # the silence is tested too
        slept = sleeps(server.process.pid) - before
        server.stop()
        rig.check(slept == 0, f"{driver}, spinning: gave its CPU up {slept} times")


def rests(driver, idle):
    with serve(driver, idle) as server, server.connect() as connection:
        ask(connection, ROUNDS)
        before = sleeps(server.process.pid)
        ask(connection, 20, pause=0.02)
        slept = sleeps(server.process.pid) - before
        rig.check(slept >= 20, f"{driver}, {idle}: slept {slept} times between 20 questions")
        time.sleep(0.5)
        used, began = rig.cpu_seconds(server.process.pid), time.monotonic()
        time.sleep(SILENCE)
        share = (rig.cpu_seconds(server.process.pid) - used) / (time.monotonic() - began)
        rig.check(share <= 0.02, f"{driver}, {idle}: {share:.1%} of a core in silence")
        ask(connection, 1)
        server.stop()


for each in rig.kernel_drivers(bin_dir):
    spins(each)
    for policy in ("adaptive", "sleep"):
        rests(each, policy)
    print(f"{each}: spins, rests")
print("ok")
