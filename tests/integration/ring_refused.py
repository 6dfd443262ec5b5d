# ctest: TIMEOUT 120
"""A kernel that refuses a ring, as one that is old does, or a filter, or one that is short of something: who asked for
io_uring gets one line that says what to do, and who asked for nothing gets epoll, and the same words why.

strace puts the errors in; it needs the right to trace, without which this is skipped.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import signal  # noqa: E402
import subprocess  # noqa: E402

bin_dir = rig.start()
rig.need_tracing(bin_dir)
if "io_uring" not in list(rig.kernel_drivers(bin_dir)):
    rig.skip("no io_uring here")

REFUSALS = (
    ("io_uring_setup:error=ENOSYS", "the kernel has no io_uring, or a filter of the container hides it"),
    ("io_uring_setup:error=EPERM", "io_uring is forbidden"),
    ("io_uring_setup:error=EMFILE", "ulimit -n"),
    ("io_uring_setup:error=ENOMEM", "ulimit -l"),
    ("io_uring_setup:error=EINVAL", "it needs Linux 6.1"),
    ("io_uring_register:error=ENOMEM", "ulimit -l"),
    ("io_uring_register:error=EINVAL", "it needs Linux 6.1"),
    ("socketpair:error=EMFILE", "ulimit -n"),
)


def tracer(injection):
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={injection}"]


def asked_for(injection, words):
    ended = subprocess.run([*tracer(injection), os.path.join(bin_dir, "skerry-echo"), "--backend=io_uring",
                            "--listen=127.0.0.1:0"], capture_output=True, text=True, timeout=60)
    rig.check(ended.returncode == 1 and ended.stderr.count("\n") == 1 and words in ended.stderr,
              f"{injection}: expected one line with {words!r}: {ended}")
    rig.check(ended.stderr.startswith("skerry-echo: io_uring: "), f"{injection}: {ended.stderr}")


def passed_over(injection, words):
    with rig.Server(bin_dir, wrap=tracer(injection)) as server:
        rig.check(", backend epoll (" in server.start_line, f"{injection}: {server.start_line}")
        with server.connect() as connection:
            connection.sendall(b"hello")
            rig.check(rig.receive(connection, 5) == b"hello", f"{injection}: a wrong answer")
        os.kill(rig.traced(server.process), signal.SIGTERM)
        _, said = server.process.communicate(timeout=rig.PATIENCE)
        rungs = [line for line in said.splitlines() if "backend io_uring" in line]
        rig.check(len(rungs) == 1 and "passed over" in rungs[0] and words in rungs[0], f"{injection}: {said}")
    print("ok:", injection)


with rig.Server(bin_dir) as unrefused:
    comes_first = ", backend io_uring (" in unrefused.start_line  # on older kernels epoll does, and no ring is tried
for refusal, what_to_do in REFUSALS:
    asked_for(refusal, what_to_do)
    if comes_first:
        passed_over(refusal, what_to_do)
