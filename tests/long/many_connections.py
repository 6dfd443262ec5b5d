"""20,050 connections to one server, which are more than it has descriptors for where a process may have 20,000: those
that it has are answered, those that wait are let in when others leave, and all descriptors come back.

usage: many_connections.py FOLDER_OF_THE_PROGRAMS
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration", "tools"))
import rig  # noqa: E402

import multiprocessing  # noqa: E402
import resource  # noqa: E402
import selectors  # noqa: E402
import socket  # noqa: E402

CONNECTIONS, HOLDERS, BUSY, ROUNDS, LEAVING = 20_050, 2, 50, 40, 1_000


def ask(connections):
    """One message on each, all at once; how many were answered, each with its own. Others ask again, in their turn."""
    selector = selectors.DefaultSelector()
    for index, connection in connections.items():
        connection.send(index.to_bytes(4, "big") * 16)
        selector.register(connection, selectors.EVENT_READ, index)
    answered = 0
    while answered < len(connections) and (events := selector.select(timeout=rig.PATIENCE)):
        for key, _ in events:
            if key.fileobj.recv(1000) != key.data.to_bytes(4, "big") * 16:
                return -1
            selector.unregister(key.fileobj)
            answered += 1
    return answered


def hold(commands, address, count):
    """A process of its own, because each may have only so many descriptors."""
    connections = {index: socket.create_connection(address, timeout=rig.PATIENCE) for index in range(count)}
    commands.send(len(connections))
    while (command := commands.recv()) != "end":
        what, number = command
        if what == "ask":
            commands.send(ask(dict(list(connections.items())[:number])))
        else:
            for index in list(connections)[:number]:
                connections.pop(index).close()
            commands.send(len(connections))
    commands.close()


class Holder:
    def __init__(self, server, count):
        self.commands, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=hold, args=(theirs, (server.host, server.port), count),
                                               daemon=True)
        self.process.start()
        theirs.close()

    def heard(self):
        rig.check(self.commands.poll(120), "who holds the connections says nothing")
        return self.commands.recv()

    def do(self, what, number):
        self.commands.send((what, number))
        return self.heard()


def serve(driver):
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    with rig.Server(bin_dir, f"--backend={driver}") as server:
        at_rest, resident = server.settle(), server.resident_kib()
        holders = [Holder(server, CONNECTIONS // HOLDERS) for _ in range(HOLDERS)]
        for holder in holders:
            rig.check(holder.heard() == CONNECTIONS // HOLDERS, "a connection could not be made")
        most = min(CONNECTIONS + at_rest, limit)
        rig.wait_until(lambda: server.descriptors() >= most - 16, "as many are accepted as there are descriptors for")
        per_connection = (server.resident_kib() - resident) * 1024 / (most - at_rest)
        for _ in range(ROUNDS):
            rig.check(holders[0].do("ask", BUSY) == BUSY, "one of those that talk is not answered")
        left = CONNECTIONS // HOLDERS - LEAVING
        rig.check(holders[0].do("close", LEAVING) == left, "the first have gone")
        for holder, count in zip(holders, (left, CONNECTIONS // HOLDERS)):
            answered = holder.do("ask", count)
            rig.check(answered == count, f"{answered} of {count} that stay are answered")
        for holder in holders:
            holder.do("close", CONNECTIONS)
            holder.commands.send("end")
            holder.process.join(rig.PATIENCE)
        rig.wait_until(lambda: server.descriptors() == at_rest, "every descriptor is given back")
        counters = server.stop()
        rig.check(counters["connections"] == CONNECTIONS and counters["resets"] == 0, f"counters {counters}")
    print(f"{driver}: {CONNECTIONS} connections, {max(0, CONNECTIONS + at_rest - limit)} more than descriptors,",
          f"{per_connection:.0f} bytes each: all answered, all given back")


if __name__ == "__main__":
    bin_dir = rig.start()
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < CONNECTIONS // HOLDERS + 200:
        rig.skip("too few descriptors for those who connect")
    for each in rig.kernel_drivers(bin_dir):
        serve(each)
