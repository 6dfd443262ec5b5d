# ctest: TIMEOUT 180
"""A server at its limit of memory serves as many as fit, and goes on when some have gone."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import itertools  # noqa: E402
import resource  # noqa: E402
import select  # noqa: E402
import signal  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402

bin_dir = rig.start()
rig.need("prlimit")
if rig.sanitized(bin_dir):
    rig.skip("a sanitizer reserves more memory than any limit")
clients = min(6_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100)


def limited(mebibytes):
    limit = int(mebibytes * (1 << 20))
    return ["prlimit", f"--as={limit}:{limit}"]


def is_served(server):
    """Not at once: of those who have gone some may still stand before the door and be let in together with us."""
    try:
        with server.connect() as late:
            late.sendall(b"still there?")
            return rig.receive(late, 12) == b"still there?"
    except ConnectionResetError:
        return False


def run_limited(mebibytes, program, *arguments):
    command = ["timeout", "0.5", *limited(mebibytes), os.path.join(bin_dir, program), *arguments]
    return subprocess.run(command, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)


def is_loaded(mebibytes, program):
    """Within a page or two of what the libraries need the loader finds no stack, and nothing runs at all."""
    return run_limited(mebibytes, program, "--version").returncode != -signal.SIGSEGV


def says_what_it_lacks(program, *arguments):
    """With too little to start one line says so, whatever it is that finds no memory, and on which core."""
    said = set()
    for quarters in range(4 * 8, 4 * 40):
        done = run_limited(quarters / 4, program, *arguments)
        if done.returncode in (0, 124):  # it runs
            break
        if done.returncode == -signal.SIGSEGV and not is_loaded(quarters / 4, program):
            continue
        why = rig.without_notes(done.stderr)
        rig.check(done.returncode in (1, 127) and why.count("\n") == 1, f"with {quarters / 4} MiB: {done}")
        rig.check("cancelled" not in why and why.count(program) <= 1, f"{quarters / 4} MiB: {done}")
        said.add(why)
    print("".join(sorted(said)), end="", flush=True)


says_what_it_lacks("skerry-echo", "--listen=127.0.0.1:0")
with rig.Server(bin_dir) as server:
    says_what_it_lacks("skerry-loadgen", f"--connect={server.address}", "--duration=50ms", "--warmup=0s", "--jitter=0s",
                       "--conns=4")
    server.stop()


def fill(server):
    """Connects until far more than fit have been let in or stand before the door. Returns the connections, and of some
    how many were answered and how many refused.
    """
    connections = []
    for _ in range(clients):
        connection = server.connect(timeout=10)
        connection.send(b"x" * 1000)
        connections.append(connection)
    answered = refused = 0
    some = {connection.fileno(): connection for connection in connections[::50]}
    poller = select.poll()  # select() knows no descriptor above 1,023
    for number in some:
        poller.register(number, select.POLLIN)
    began = time.monotonic()
    while some and time.monotonic() - began < (5 if answered else rig.PATIENCE):  # who stays outside says nothing
        for number, _ in poller.poll(1000):
            connection = some.pop(number)
            poller.unregister(number)
            try:
                data = connection.recv(1000)
            except ConnectionResetError:
                data = b""
            answered += data != b""
            refused += data == b""
    return connections, answered, refused


def serves_as_many_as_fit(server, limit):
    at_rest = server.settle()
    connections, answered, refused = fill(server)
    print(f"{limit}: of {len(connections[::50])} {answered} were answered, {refused} refused", flush=True)
    rig.check(server.process.poll() is None, f"{limit}: {server.how_it_ended()}")
    rig.check(answered > 0, f"{limit}: nobody is served")
    for connection in connections:
        connection.close()
    rig.wait_until(lambda: server.descriptors() <= at_rest, f"{limit}: descriptors are given back")
    rig.check(server.process.poll() is None, f"{limit}: {server.how_it_ended()}")
    rig.wait_until(lambda: is_served(server), f"{limit}: who comes now is served")
    server.stop()


def stops_while_full(server, _limit):
    connections, _, _ = fill(server)
    server.stop()
    for connection in connections:
        connection.close()


done = set()
for scenario, mebibytes in itertools.product((serves_as_many_as_fit, stops_while_full), (40, 60, 80, 100, 150)):
    try:
        with rig.Server(bin_dir, wrap=limited(mebibytes)) as server:
            scenario(server, f"{mebibytes} MiB")
        done.add(scenario)
    except rig.NotStarted as why:  # each thread's heap may want 64 MiB more than the last time
        rig.check("out of memory" in str(why) or "loading shared libraries" in str(why), why)
        print(f"{mebibytes} MiB: too little to start", flush=True)
rig.check(len(done) == 2, "no server started for one of the two")
