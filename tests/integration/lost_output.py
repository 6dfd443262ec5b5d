# ctest: TIMEOUT 120
"""Output that cannot be written is told, ends no server and never reaches a peer."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import json  # noqa: E402
import re  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402

bin_dir = rig.start()
echo = os.path.join(bin_dir, "skerry-echo")
loadgen = os.path.join(bin_dir, "skerry-loadgen")
pkt = os.path.join(bin_dir, "skerry-pkt")
quick = ["--duration=200ms", "--warmup=0s", "--jitter=0s", rig.ALL_ANSWERS]


def closed_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


def lost(program, arguments, **how):
    for name, output in (("/dev/full", open("/dev/full", "w")), ("a closed pipe", closed_pipe())):
        with output:
            done = subprocess.run([program, *arguments], stdout=output, stderr=subprocess.PIPE, text=True, timeout=60,
                                  **how)
        rig.check(done.returncode == 1 and "cannot write to standard output: " in done.stderr,
                  f"{os.path.basename(program)} {arguments} into {name}: {done}")


for program in (echo, loadgen, pkt):
    lost(program, ["--help"])
    lost(program, ["--version"])

with tempfile.TemporaryDirectory() as folder:
    script = os.path.join(folder, "a.pkt")
    with open(script, "w") as file:
        file.write("+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n")
    lost(pkt, [script])

with rig.Server(bin_dir) as server, tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "run.json")
    lost(loadgen, [f"--connect={server.address}", f"--json={path}", *quick])
    with open(path) as file:
        rig.check(json.load(file)["count"] > 0, "the file is written although the table is lost")
    for option in ("--json", "--csv", "--series", "--html", "--hlog"):
        done = rig.run(bin_dir, "skerry-loadgen", f"--connect={server.address}", f"{option}=/dev/full", *quick)
        rig.check(done.returncode == 1 and "cannot write /dev/full: No space left on device" in done.stderr, f"{done}")

    # Descriptors 0 to 2 closed: sockets must not get these numbers.
    for arguments in ([loadgen, f"--connect={server.address}", f"--json={path}", *quick], [echo, "--nosuch"]):
        shell = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *arguments], timeout=60)
        rig.check(shell.returncode == (2 if arguments[0] == echo else 0), f"{arguments}: {shell}")
    with open(path) as file:
        rig.check(json.load(file)["count"] > 0, "a run without standard descriptors")
    server.stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# A server lives on: its start line is lost, its connections are not.
for name in ("/dev/full", "a closed pipe", "closed descriptors"):
    port = free_port()
    output = open("/dev/full", "w") if name == "/dev/full" else closed_pipe()
    command = [echo, f"--listen=127.0.0.1:{port}"]
    if name == "closed descriptors":
        command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command]
    with output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, text=True)
    try:
        def reach():
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=5)
            except ConnectionRefusedError:
                rig.check(process.poll() is None, f"{name}: the server ended with {process.poll()}")
                return None
        rig.wait_until(lambda: reach() is not None, f"{name}: the server listens")
        if name == "closed descriptors":
            for number in range(3):
                target = os.readlink(f"/proc/{process.pid}/fd/{number}")
                rig.check(target == "/dev/null", f"descriptor {number} is {target}")
        rig.wait_until(lambda: rig.catches(process.pid, signal.SIGUSR1), f"{name}: the server is set up")
        with reach() as connection:
            process.send_signal(signal.SIGUSR1)
            connection.sendall(b"hello")
            rig.check(rig.receive(connection, 5) == b"hello", f"{name}: an answer, and nothing but it")
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
        rig.check(process.returncode == 0, f"{name}: the server ended with {process.returncode}")
        said = rig.without_notes(said)
        expected = "" if name == "closed descriptors" else r"skerry-echo: cannot write to standard output: .+\n"
        rig.check(re.fullmatch(f"(?:{expected})*", said) and (expected == "" or said), f"{name}: it said {said!r}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
print("ok")
