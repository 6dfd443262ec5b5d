# ctest: TIMEOUT 180
"""System calls that fail as they do in containers, behind filters and on machines that are short of something.

strace puts the errors in; it needs the right to trace, without which this is skipped.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import signal  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402

bin_dir = rig.start()
rig.need_tracing(bin_dir)
core = min(os.sched_getaffinity(0))


def tracer(*injections):
    options = [part for each in injections for part in ("-e", f"inject={each}")]
    return ["strace", "-f", "-qq", "-o", "/dev/null", *options]


def exchange(server, kind):
    with socket.socket(socket.AF_INET, kind) as client:
        client.settimeout(rig.PATIENCE)
        client.connect((server.host, server.port))
        client.send(b"hello")
        return client.recv(100)


def served(name, kind, rounds, *injections):
    """Every one of the rounds is answered, and the server stops when it is told to."""
    proto = "tcp" if kind == socket.SOCK_STREAM else "udp"
    with rig.Server(bin_dir, f"--cores={core}", f"--proto={proto}", wrap=tracer(*injections)) as server:
        program = rig.traced(server.process)
        for index in range(rounds):
            try:
                rig.check(exchange(server, kind) == b"hello", f"{name}: a wrong answer in round {index}")
            except OSError as error:
                os.kill(program, signal.SIGKILL)
                rig.check(False, f"{name}: no answer in round {index}: {error}")
        os.kill(program, signal.SIGTERM)
        rig.check(server.process.wait(20) == 0, f"{name}: ended with {server.process.returncode}")
    print("ok:", name)


stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
for error in ("ECONNABORTED", "EPROTO", "EPERM", "ENETDOWN", "EINTR", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"):
    served(f"accept4 says {error} twice", stream, 3, f"accept4:error={error}:when=1..2")
    served(f"accept4 says {error} a hundred times", stream, 1, f"accept4:error={error}:when=1..100")
for call, kind in (("recvfrom", stream), ("sendto", stream), ("recvmmsg", datagram), ("sendmmsg", datagram)):
    served(f"every second {call} is interrupted", kind, 6, f"{call}:error=EINTR:when=1+2")
served("every second sendto finds no room", stream, 4, "sendto:error=EAGAIN:when=1+2")
served("every second sendmmsg finds no room", datagram, 4, "sendmmsg:error=EAGAIN:when=1+2")
served("every second sendmmsg finds no buffers", datagram, 6, "sendmmsg:error=ENOBUFS:when=1+2")
served("every second recvmmsg finds no memory", datagram, 6, "recvmmsg:error=ENOMEM:when=1+2")
served("waiting is interrupted", stream, 3, "epoll_pwait:error=EINTR:when=1+2")

# A filter that never lets anybody in: the server must end all the same, and not take a whole core meanwhile.
for error in ("EPERM", "ENETDOWN", "EMFILE"):
    with rig.Server(bin_dir, f"--cores={core}", wrap=tracer(f"accept4:error={error}")) as server:
        program = rig.traced(server.process)
        with server.connect() as waiting:
            waiting.send(b"hello")
            time.sleep(0.3)
            before, began = rig.cpu_seconds(program), time.monotonic()
            time.sleep(1)
            share = (rig.cpu_seconds(program) - before) / (time.monotonic() - began)
            # Under strace a call takes 100 us or so; twice 64 calls every 10 ms are far from a whole core.
            rig.check(share < 0.5, f"accept4 always says {error}: the server spins, {share:.0%} of a core")
        os.kill(program, signal.SIGTERM)
        try:
            rig.check(server.process.wait(20) == 0, f"accept4 always says {error}: {server.process.returncode}")
        except subprocess.TimeoutExpired:
            os.kill(program, signal.SIGKILL)
            rig.check(False, f"accept4 always says {error}: the server does not end")
    print("ok: accept4 always says", error)

# The waits with nanoseconds: unknown before Linux 5.11, and refused by filters that were made before.
with rig.Server(bin_dir) as server:
    for error in ("ENOSYS", "EPERM", "EINTR:when=1+2"):
        done = subprocess.run([*tracer(f"epoll_pwait2:error={error}"), os.path.join(bin_dir, "skerry-loadgen"),
                               f"--connect={server.address}", "--rate=200", "--duration=500ms", "--warmup=0s",
                               "--jitter=0s", rig.ALL_ANSWERS, "--json=/dev/stdout"], capture_output=True, text=True,
                              timeout=60)
        rig.check(done.returncode == 0 and '"count": 100' in done.stdout, f"epoll_pwait2 says {error}: {done}")
        print("ok: epoll_pwait2 says", error)
    server.stop()
