# ctest: TIMEOUT 120
"""skerry-loadgen speaks sockperf: the unmodified server, and skerry-echo, count as many messages as were sent."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

bin_dir = rig.start()
rig.need("sockperf")

import itertools  # noqa: E402
import judge  # noqa: E402
import re  # noqa: E402
import signal  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402


class Sockperf:
    """`sockperf server`, which says at its end how many messages came. It does not say when it listens."""

    def __init__(self, proto):
        self.port = judge.free_port()
        self.output = tempfile.TemporaryFile("w+")
        tcp = ["--tcp"] if proto == "tcp" else []
        self.process = subprocess.Popen(["sockperf", "server", "-i", "127.0.0.1", "-p", str(self.port), *tcp],
                                        stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT)

    def __enter__(self):
        rig.wait_until(lambda: rig.listeners(self.port) == 1, "sockperf listens")
        return self

    def total(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(rig.PATIENCE)
        self.output.seek(0)
        said = self.output.read()
        found = re.search(r"Total (\d+) messages? received and handled", said)
        rig.check(found, f"sockperf's server does not tell its total: {said}")
        return int(found[1])

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.output.close()


def load(port, proto, *arguments):
    report = rig.loadgen(bin_dir, f"--connect=127.0.0.1:{port}", f"--proto={proto}", "--mode=sockperf", "--jitter=0s",
                         "--warmup=0s", "--duration=300ms", rig.ALL_ANSWERS, *arguments)
    wrong = {name: report[name] for name in ("errors", "unexpected", "refused", "lost")}
    rig.check(report["count"] == report["sent"] > 0 and not any(wrong.values()),
              f"{proto} {arguments}: {report['sent']} sent, {report['count']} answered, {wrong}")
    return report


loads = (["--size=14"], ["--size=1000", "--inflight=8", "--conns=3"], ["--rate=1000", "--conns=2"])
for driver, proto in itertools.product(rig.kernel_drivers(bin_dir), ("tcp", "udp")):
    for arguments in loads:
        # By TCP its server serves one connection at a time.
        arguments = [each for each in arguments if proto == "udp" or "--conns" not in each]
        with Sockperf(proto) as server:
            report = load(server.port, proto, f"--backend={driver}", *arguments)
            total = server.total()
            # Before a run each UDP socket asks whether the server is there, more than once when it is slow to answer.
            asked = total - report["sent"]
            rig.check(asked == 0 if proto == "tcp" else report["conns"] <= asked <= 10 * report["conns"],
                      f"{proto} {arguments}: {report['sent']} sent, {total} came")
    with rig.Server(bin_dir, f"--backend={driver}", f"--proto={proto}", "--mode=sockperf") as server:
        for arguments in (*loads, ["--size=1000000"]) if proto == "tcp" else loads:
            load(server.port, proto, f"--backend={driver}", *arguments)
        rig.check(server.stop()["garbage"] == 0, "messages were taken for garbage")
    # An echo sends the message back as it came, and that is no answer of sockperf.
    with rig.Server(bin_dir, f"--proto={proto}") as server:
        done = rig.run(bin_dir, "skerry-loadgen", f"--connect={server.address}", f"--proto={proto}", "--mode=sockperf",
                       "--jitter=0s", "--warmup=0s", "--duration=300ms", "--strict")
        rig.check(done.returncode == 1, f"an echo passes for a server of sockperf: {done}")
        told = f"no request of the measured time was answered; look whether {server.address} speaks --proto=tcp --mode="
        rig.check(told in done.stderr or proto == "udp", f"{done}")  # UDP is asked for an answer before the run
    print("ok:", driver, proto, flush=True)
print("ok")
