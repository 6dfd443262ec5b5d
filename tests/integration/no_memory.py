# ctest: TIMEOUT 180
"""A server that gets no memory, or some of what it asks for, goes on with whom it serves, and stops as it should."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import contextlib  # noqa: E402
import itertools  # noqa: E402
import mmap  # noqa: E402
import random  # noqa: E402
import signal  # noqa: E402
import struct  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402

bin_dir = rig.start()
preload = os.path.join(bin_dir, "withhold_memory_preload.so")
if rig.sanitized(bin_dir):
    rig.skip("a sanitizer's allocator is in front of ours")
if not os.path.exists(preload):
    rig.skip("withhold_memory_preload.so is not built")


class Memory:
    """What a server gets of the memory that it asks for."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile()
        self.file.write(bytes(mmap.PAGESIZE))
        self.file.flush()
        self.shared = mmap.mmap(self.file.fileno(), mmap.PAGESIZE)
        self.wrap = ["env", f"LD_PRELOAD={preload}", f"SKERRY_WITHHOLD_MEMORY={self.file.name}"]

    def withhold(self, permille):
        self.shared[:4] = struct.pack("I", permille)

    def withheld(self):
        return struct.unpack("I", self.shared[4:8])[0]


def is_answered(connection):
    try:
        connection.sendall(b"still there?")
        return rig.receive(connection, 12) == b"still there?"
    except OSError:
        return False


def is_served(server):
    with server.connect() as late:
        return is_answered(late)


def crowd(server, chance, count):
    """Comes, sends something, reads some of what is answered; now and then one goes, or asks for the numbers."""
    connections = []
    for _ in range(count):
        connections.append(server.connect())
        connections[-1].setblocking(False)
        with contextlib.suppress(OSError):  # refused, or not at once
            connections[-1].send(bytes(chance.choice((10, 1_000, 30_000))))
        with contextlib.suppress(OSError):  # refused, or nothing there yet
            chance.choice(connections).recv(100_000)
        if chance.random() < 0.1:
            connections.pop(chance.randrange(len(connections))).close()
        if chance.random() < 0.01:
            server.process.send_signal(signal.SIGUSR1)
    return connections


def warm(server):
    """Connections on every core: what one needs, and an answer, is made by the first of them."""
    server.settle()
    first = [server.connect() for _ in range(8 * server.cores)]
    rig.check(all(is_answered(connection) for connection in first), "at first all are answered")
    return first


def goes_on(driver, permille, count, is_given_back):
    end = "given back" if is_given_back else "stopped"
    case = f"{driver}, {permille} of 1,000 withheld, {count} connections, {end}"
    memory = Memory()
    with rig.Server(bin_dir, f"--backend={driver}", wrap=memory.wrap) as server:
        first = warm(server)
        memory.withhold(permille)
        connections = crowd(server, random.Random(permille + count), count)
        rig.check(server.process.poll() is None, f"{case}: {server.how_it_ended()}")
        if permille == 1000:  # else others are let in, who may have the buffers
            rig.check(all(is_answered(connection) for connection in first), f"{case}: who is served stays served")
        if is_given_back:
            for connection in connections:
                connection.close()
            memory.withhold(0)
            rig.wait_until(lambda: is_served(server), f"{case}: who comes then is served")
        server.stop()
        print(f"{case}: {memory.withheld()} requests refused", flush=True)
        rig.check(memory.withheld() > 0, f"{case}: it lacked nothing")


def has_most_wait(driver):
    """One on each core is refused at first, and then one each 10 ms, to see whether there is memory again."""
    memory = Memory()
    with rig.Server(bin_dir, f"--backend={driver}", wrap=memory.wrap) as server:
        first = warm(server)
        memory.withhold(1000)
        began = time.monotonic()
        waiting = [server.connect() for _ in range(500)]
        looks = server.cores * (2 + (time.monotonic() - began) / 0.010)
        memory.withhold(0)
        answered = sum(is_answered(connection) for connection in waiting)
        print(f"{driver}: {answered} of {len(waiting)} who came while there was no memory were answered afterwards")
        # Far more than were looked at, and far fewer than all, but for machines of a hundred cores.
        rig.check(len(waiting) - answered <= max(len(waiting) / 2, 2 * looks), f"most wait: {looks:.0f} looks")
        rig.check(all(is_answered(connection) for connection in first), "who is served stays served")
        server.stop()


drivers = list(rig.kernel_drivers(bin_dir))
for case in itertools.product(drivers, (1000, 700, 100), (200, 3_000), (False, True)):
    goes_on(*case)
for driver in drivers:
    has_most_wait(driver)
