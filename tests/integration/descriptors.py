# ctest: TIMEOUT 120
"""When the server's descriptors run out it goes on serving those it has, and accepts again when some are free."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import select  # noqa: E402

bin_dir = rig.start()
rig.need("prlimit")
limit, clients = 60, 80


def answered(connections, enough):
    """Those of the connections that get their answer: as many as are enough, and who has theirs by then."""
    waiting, found = {c.fileno(): c for c in connections}, []
    while waiting:
        ready, _, _ = select.select(list(waiting), [], [], rig.PATIENCE if len(found) < enough else 0)
        if not ready:
            break
        for number in ready:
            connection = waiting.pop(number)
            rig.check(connection.recv(10) == b"hello", "an answer")
            found.append(connection)
    return found


for cores in ([min(os.sched_getaffinity(0))], sorted(os.sched_getaffinity(0))):
    listed = ",".join(map(str, cores))
    with rig.Server(bin_dir, f"--cores={listed}", wrap=("prlimit", f"--nofile={limit}:{limit}")) as server:
        at_rest = server.settle()
        room = limit - at_rest
        connections = [server.connect() for _ in range(clients)]
        for connection in connections:
            connection.sendall(b"hello")
        served = answered(connections, room - 1)
        rig.check(server.numbers()["accept_paused"] >= 1, "who accepts does not say that it has paused")
        rig.check(room - 1 <= len(served) <= room, f"{len(served)} of {clients} are served with room for {room}")
        for connection in served:
            connection.sendall(b"hello")
        rig.check(len(answered(served, len(served))) == len(served), "those who are in are served while others wait")

        waiting = [c for c in connections if c not in served]
        gone, kept = served[:20], served[20:]
        for connection in gone:
            connection.close()
        accepted = answered(waiting, 20)
        rig.check(len(accepted) >= 20, f"{len(accepted)} are accepted after 20 have gone")
        for connection in kept:
            connection.close()
        accepted += answered([c for c in waiting if c not in accepted], len(waiting) - len(accepted))
        rig.check(len(accepted) == len(waiting), f"{len(accepted)} of {len(waiting)} who waited are accepted")
        for connection in accepted:
            connection.close()
        rig.wait_until(lambda: server.descriptors() == at_rest, "every descriptor is given back")
        rig.check(server.stop()["connections"] == clients, "each was accepted once")
    print(f"cores {listed}: room for {room}, {len(waiting)} waited")
