# ctest: TIMEOUT 180 RUN_SERIAL TRUE
"""Two processes on DPDK with nothing but shared memory between them (net_memif): skerry-loadgen asks skerry-echo by TCP
and UDP, bare frames go round, peers come, go and die.

Ordinary pages, so nothing has to be set up; sockets in a folder of the test's own.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import contextlib  # noqa: E402
import json  # noqa: E402
import select  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402

bin_dir = rig.start()
if not os.path.exists(os.path.join(bin_dir, "skerry-forward")):
    rig.skip("this build has no dpdk")
if rig.sanitized(bin_dir):
    rig.skip("DPDK's own memory is foreign to sanitizers")

CORES = sorted(os.sched_getaffinity(0))
SERVER, CLIENT = "198.18.0.1", "198.18.0.2"


class Link:
    """The two ends of one shared memory, as --dpdk names them."""

    def __init__(self, folder, server="", client="", more=""):
        self.folder, self.arguments, self.more = folder, {"server": server, "client": client}, more

    def end(self, role):
        return (f"--dpdk=vdev=net_memif0,role={role},id=0,socket={self.folder}/link,socket-abstract=no"
                f"{self.arguments[role]};hugepages=off;memory=64;mbufs=2047{self.more}")


@contextlib.contextmanager
def server_on(proto, wrap=(), idle="adaptive", **how):
    with tempfile.TemporaryDirectory() as folder:
        link = Link(folder, **how)
        with rig.Server(bin_dir, "--backend=dpdk", link.end("server"), f"--ip={SERVER}/24", f"--proto={proto}",
                        f"--cores={CORES[0]}", f"--idle={idle}", listen=f"{SERVER}:7001", wrap=wrap) as server:
            rig.check("64 MiB of ordinary pages" in server.start_line, f"its memory is not told: {server.start_line}")
            yield server, link


def client_arguments(link, proto, *arguments):
    return ("--backend=dpdk", link.end("client"), f"--ip={CLIENT}/24", f"--proto={proto}", f"--connect={SERVER}:7001",
            f"--cores={CORES[-1]}", "--idle=adaptive", "--jitter=0s", "--warmup=0s", *arguments)


def ask(link, proto, *arguments):
    patience = [rig.ALL_ANSWERS] if proto == "tcp" else []
    report = rig.loadgen(bin_dir, *client_arguments(link, proto, "--duration=300ms", *patience, *arguments))
    rig.check(report["backend"] == "dpdk" and report["errors"] == 0 and report["count"] > 0, f"{proto}: {report}")
    # A machine that is busy enough may lose a datagram's turn for a second; TCP loses nothing.
    rig.check(proto == "udp" or report["lost"] == 0, f"{proto}: {report}")
    print(proto, *arguments, "answers:", report["count"])


def asks_and_answers():
    for proto in ("tcp", "udp"):
        with server_on(proto) as (server, link):
            ask(link, proto)
            ask(link, proto, "--conns=20", "--inflight=4", "--size=1000")
            last = server.stop()
            rig.check(last["messages"] > 0 and last["bytes_in"] == last["bytes_out"], f"counters {last}")


def takes_the_options_of_the_device():
    small = ",rsize=6,bsize=2048"
    with server_on("tcp", server=small, client=small) as (server, link):
        ask(link, "tcp", "--conns=50", "--inflight=4")
        server.stop()
    with server_on("tcp", client=",zero-copy=yes", more=";eal=--single-file-segments") as (server, link):
        ask(link, "tcp", "--conns=4", "--size=5000")
        server.stop()


def outlives_its_peers():
    """Each comes with a hardware address of its own, and dies while the server's core is wherever it was stopped."""
    stops = os.path.join(bin_dir, "stops_preload.so")
    with server_on("tcp", ["env", f"LD_PRELOAD={stops}"], idle="spin") as (server, link):
        with open(f"/proc/{server.process.pid}/maps") as maps:  # the loader goes on without what it cannot find
            rig.check(stops in maps.read(), f"{stops} is not in front of the server")
        for number in range(12):
            dying = subprocess.Popen([os.path.join(bin_dir, "skerry-loadgen"),
                                      *client_arguments(link, "tcp", "--duration=60s", "--conns=20", "--inflight=4",
                                                        "--size=1400")], stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
            rig.wait_until(lambda: server.numbers()["connections"] == 20 * number + 20, "connections")
            dying.kill()
            dying.wait()
        ask(link, "tcp")
        server.stop()


def bounces():
    program = os.path.join(bin_dir, "skerry-bounce")
    with tempfile.TemporaryDirectory() as folder:
        link = Link(folder)
        other = subprocess.Popen([program, link.end("server"), f"--cores={CORES[0]}"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        try:
            rig.check(select.select([other.stdout], [], [], 20)[0], "skerry-bounce does not begin")
            rig.check(other.stdout.readline() == "skerry-bounce: ready\n", "skerry-bounce says something else")
            # Longer than a busy machine keeps one side from answering at all.
            done = rig.run(bin_dir, "skerry-bounce", link.end("client"), f"--cores={CORES[-1]}", "--side=measure",
                           "--duration=2s", "--warmup=0s", f"--json={folder}/times.json")
            rig.check(done.returncode == 0, f"skerry-bounce: {done.returncode}, {done.stderr!r}")
            with open(f"{folder}/times.json") as file:
                times = json.load(file)
            rig.check(times["bytes"] == 130 and 0 < times["p50_us"] <= times["p99_us"], f"times {times}")
            out, error = other.communicate(timeout=20)  # was told to stop
            rig.check(other.returncode == 0 and error == "", f"skerry-bounce: {other.returncode}, {error!r}")
            count = int(out.rsplit(" ", 1)[1])
            rig.check(out.startswith("skerry-bounce: sent back ") and count >= times["count"] > 0, f"{out!r}, {times}")
        finally:
            if other.poll() is None:
                other.kill()
                other.wait()
    print("bare frames:", times["count"])


asks_and_answers()
takes_the_options_of_the_device()
outlives_its_peers()
bounces()
print("ok")
