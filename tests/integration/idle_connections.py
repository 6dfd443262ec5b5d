# ctest: TIMEOUT 300
"""2,000 connections that say nothing and 50 that talk: all are answered. SKERRY_LONG=1: 10,000."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import resource  # noqa: E402
import selectors  # noqa: E402

bin_dir = rig.start()
idle_count, busy_count, rounds = (10_000 if rig.LONG else 2_000), 50, 40
soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
if soft < idle_count + 200:
    rig.skip(f"{soft} descriptors are too few for {idle_count} connections")


def exchange(connections, selector):
    """One message each, all at once; every answer must be the connection's own."""
    for index, connection in connections.items():
        connection.send(index.to_bytes(4, "big") * 16)
    waiting = dict(connections)
    while waiting:
        events = selector.select(timeout=20)
        rig.check(events, f"{len(waiting)} of {len(connections)} got no answer")
        for key, _ in events:
            data = key.fileobj.recv(1000)
            rig.check(data == key.data.to_bytes(4, "big") * 16, f"connection {key.data} got {data[:16]!r}")
            rig.check(waiting.pop(key.data, None) is not None, f"connection {key.data} got two answers")


for driver in rig.kernel_drivers(bin_dir):
    with rig.Server(bin_dir, f"--backend={driver}") as server:
        at_rest, resident = server.settle(), server.resident_kib()
        selector = selectors.DefaultSelector()
        everyone = {}
        for index in range(idle_count + busy_count):
            connection = server.connect()
            selector.register(connection, selectors.EVENT_READ, index)
            everyone[index] = connection
        rig.wait_until(lambda: server.descriptors() == at_rest + len(everyone), "all are accepted")
        per_connection = (server.resident_kib() - resident) * 1024 / len(everyone)
        busy = {index: everyone[index] for index in range(0, len(everyone), len(everyone) // busy_count)}
        for _ in range(rounds):
            exchange(busy, selector)
        exchange(everyone, selector)
        for connection in everyone.values():
            selector.unregister(connection)
            connection.close()
        rig.wait_until(lambda: server.descriptors() == at_rest, "every descriptor is given back")
        counters = server.stop()
        rig.check(counters["connections"] == len(everyone), f"counters {counters}")
        rig.check(counters["resets"] == 0, f"counters {counters}")
    print(f"{driver}: {idle_count} idle and {len(busy)} busy connections, {per_connection:.0f} bytes each",
          "all answered", sep=", ")
