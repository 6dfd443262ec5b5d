# ctest: TIMEOUT 900
"""The programs in a container that has no rights, no io_uring and half a CPU.

The image's root file system is made by scripts/container/rootfs and entered by tools/contained, as a user that is
nobody, behind scripts/container/seccomp.json. Groups for a share of the CPUs need root; without them the rest is looked
at, and how a share is obeyed is held by unit/runtime/config and unit/topology alone.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
from cpu_groups import CpuGroups  # noqa: E402

import contextlib  # noqa: E402
import json  # noqa: E402
import re  # noqa: E402
import resource  # noqa: E402
import select  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NOBODY = 65534


def make_rootfs(bin_dir):
    folder = os.path.join(os.path.dirname(bin_dir), "container", "rootfs")
    made = subprocess.run([os.path.join(TREE, "scripts/container/rootfs"), bin_dir, folder], capture_output=True,
                          text=True, timeout=800)
    print(made.stdout, end="")
    if made.returncode == 77:
        sys.exit(77)
    rig.check(made.returncode == 0, f"scripts/container/rootfs ended with {made.returncode}: {made.stderr}")
    return folder


def put_within_reach(bin_dir, scratch):
    """A copy of all that runs, because another user may not enter the folders that this tree lies in."""
    subprocess.run(["cp", "-a", make_rootfs(bin_dir), f"{scratch}/root"], check=True)
    shutil.copy(os.path.join(bin_dir, "contained"), scratch)
    shutil.copy(os.path.join(TREE, "scripts/container/seccomp.json"), scratch)
    with open(f"{scratch}/no_filter.json", "w") as file:
        json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}, file)
    os.chmod(scratch, 0o755)


def drivers_of(bin_dir):
    """The drivers of this build, as the ladder names them when none may be taken."""
    done = rig.run(bin_dir, "skerry-echo", env={"SKERRY_DENY": "dpdk,epoll,io_uring,tap,xdp"})
    drivers = re.findall(r"(\w+): denied by SKERRY_DENY", done.stderr)
    rig.check("epoll" in drivers, f"all drivers denied: {done}")
    return drivers


class Container:
    """A program in a container of its own. Ended by its own process id, whatever happens."""

    def __init__(self, scratch, program, *arguments, profile="seccomp.json", prepare=None, **environment):
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
        self.said = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*as_nobody, f"{scratch}/contained", f"{scratch}/root", f"{scratch}/{profile}", f"/usr/local/bin/{program}",
             *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.said, text=True, cwd="/",
            preexec_fn=prepare, env={"PATH": os.environ["PATH"], **environment})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()  # and what is inside dies with it
        self.process.wait()

    def start_line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], rig.PATIENCE)
        return self.process.stdout.readline().strip() if ready else "(none)"

    def inner(self):
        """The process id outside of the program inside."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as children:
            return int(children.read().split()[0])

    def stderr(self):
        self.said.seek(0)
        return self.said.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        rig.check(code == 0, f"the server ended with {code}: {self.stderr()}")


def status_of(process_id):
    with open(f"/proc/{process_id}/status") as status:
        return dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)


def look_inside(process_id, expected_cpus):
    """It has no rights, a filter, and threads that may run on every CPU of the container."""
    status = status_of(process_id)
    rig.check(int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, f"capabilities: {status['CapEff']}")
    rig.check(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", "it may gain rights, or no filter is in force")
    for task in os.listdir(f"/proc/{process_id}/task"):
        allowed = os.sched_getaffinity(int(task))
        rig.check(allowed == expected_cpus, f"thread {task} is bound to {allowed} of {expected_cpus}")


def expect_rungs(said, backends):
    """A line for each driver that this build has."""
    patterns = {"dpdk": "passed over: no device is configured; name one, ",
                "io_uring": "(passed over: .*io_uring is forbidden: see |not tried: epoll comes first)",
                "epoll": "taken: ", "tap": "(passed over: no interface was named|not tried: epoll comes first)"}
    for driver in backends:
        pattern = f"^skerry-echo: note: backend {driver}: {patterns.get(driver, '')}"
        rig.check(re.search(pattern, said, re.MULTILINE), f"no line {pattern!r} in {said!r}")
    print(said, end="")


def idle_share(process_id):
    before, began = rig.cpu_seconds(process_id), time.monotonic()
    time.sleep(1)
    return (rig.cpu_seconds(process_id) - before) / (time.monotonic() - began)


def load(bin_dir, server, address, scratch):
    """1,000 requests a second from outside the container's share of the CPUs, and inside its network."""
    report = f"{scratch}/load.json"
    enter = ["nsenter", f"--target={server.inner()}", "--net"]
    if os.geteuid() != 0:
        enter += ["--user", "--preserve-credentials"]
    done = subprocess.run([*enter, os.path.join(bin_dir, "skerry-loadgen"), "--backend=epoll", f"--connect={address}",
                           "--rate=1000", "--duration=3s", "--warmup=0s", "--jitter=0s", rig.ALL_ANSWERS,
                           f"--json={report}"], capture_output=True, text=True, timeout=60)
    rig.check(done.returncode == 0, f"skerry-loadgen ended with {done.returncode}: {done.stderr}")
    with open(report) as file:
        numbers = json.load(file)
    print("load:", {name: numbers[name] for name in ("sent", "lost")})
    rig.check(numbers["sent"] == 3000 and numbers["lost"] == 0, f"not all of 3,000 requests were answered: {numbers}")


def serve(name, bin_dir, scratch, groups, backends, expected_cpus, in_start_line, *arguments):
    with Container(scratch, "skerry-echo", "--listen=127.0.0.1:7001", *arguments,
                   prepare=groups.join if groups else None) as server:
        line = server.start_line()
        print(f"{name}: {line}")
        rig.check("on 127.0.0.1:7001, backend epoll (" in line, f"{name}: {line}: {server.stderr()}")
        for words in in_start_line:
            rig.check(words in line, f"{name}: {words!r} is not in {line!r}")
        expect_rungs(server.stderr(), backends)
        look_inside(server.inner(), expected_cpus)
        share = idle_share(server.inner())
        rig.check(share < 0.2, f"{name}: idle, it uses {share:.0%} of a CPU")
        load(bin_dir, server, "127.0.0.1:7001", scratch)
        server.stop()
    print("ok:", name)


@contextlib.contextmanager
def groups_for(name, quota, cpus):
    """None, with a line that says why, where no group can be made."""
    groups = None
    try:
        if os.geteuid() != 0:
            raise PermissionError("groups of the kernel's need root")
        groups = CpuGroups(f"skerry-test-{os.getpid()}", quota, cpus)
    except OSError as error:
        print(f"{name}: without a share of the CPUs: {error}")
    try:
        yield groups
    finally:
        if groups:
            groups.remove()


def refused(scratch, pattern, *arguments, code=1, **how):
    """One line, which says what to do."""
    with Container(scratch, "skerry-echo", "--listen=127.0.0.1:7001", *arguments, **how) as server:
        ready, _, _ = select.select([server.process.stdout], [], [], rig.PATIENCE)
        started = server.process.stdout.readline() if ready else "(nothing)"
        rig.check(started == "", f"{arguments}: not refused: {started}")
        ended, said = server.process.wait(20), server.stderr()
        print(f"{' '.join(arguments)}: {said}", end="")
        rig.check(ended == code and said.count("\n") == 1, f"{arguments}: {ended} {said!r}")
        rig.check(re.search(pattern, said), f"{arguments}: {said!r} does not say {pattern!r}")


def lacking_rights(scratch, backends):
    ours = "--ip=198.18.0.2/24"
    if "io_uring" in backends:
        refused(scratch, "io_uring is forbidden: see /proc/sys/kernel/io_uring_disabled and the container's filter",
                "--backend=io_uring")
    refused(scratch, "/dev/net/tun", "--backend=tap:tap0", ours)
    if "dpdk" in backends:
        for device, right in (("net_af_packet0,iface=lo", "CAP_NET_RAW"), ("net_tap0", "/dev/net/tun")):
            refused(scratch, right, "--backend=dpdk", f"--dpdk=vdev={device};hugepages=off", ours)
        refused(scratch, "a filter refuses here; give the container CAP_SYS_NICE", "--backend=dpdk",
                "--dpdk=vdev=net_null0;hugepages=on", ours)
        refused(scratch, "PCIDEVICE_A=eth0: 'eth0' is no PCI address", "--backend=dpdk", ours, PCIDEVICE_A="eth0")
        refused(scratch, "0000:ff:1f.7: no PCI device has this address", "--backend=dpdk", ours,
                PCIDEVICE_A="0000:ff:1f.7")


def falls_back_without_its_card(scratch):
    """A card that was granted and is not there costs a rung, not the service."""
    with Container(scratch, "skerry-echo", "--listen=127.0.0.1:7001", "--ip=198.18.0.2/24",
                   PCIDEVICE_A="0000:ff:1f.7") as server:
        line, said = server.start_line(), server.stderr()
        rig.check(", backend epoll (" in line, f"{line}: {said}")
        rung = "note: backend dpdk: passed over: 0000:ff:1f.7: no PCI device has this address"
        rig.check(rung in said, f"{rung!r} is not in {said!r}")
        server.stop()
    print("ok: a card that is not there is passed over")


def no_locked_memory():
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))


def without_locked_memory(scratch, backends):
    """Where the kernel counts a ring against RLIMIT_MEMLOCK, that is what is told; epoll does not mind."""
    with Container(scratch, "skerry-echo", "--listen=127.0.0.1:7001", prepare=no_locked_memory) as server:
        rig.check(", backend epoll (" in server.start_line(), f"without locked memory: {server.stderr()}")
        server.stop()
    if "io_uring" not in backends:
        return
    with Container(scratch, "skerry-echo", "--listen=127.0.0.1:7001", "--backend=io_uring", profile="no_filter.json",
                   prepare=no_locked_memory) as server:
        if server.start_line() == "":
            said = server.stderr()
            rig.check(said.count("\n") == 1 and ("ulimit -l" in said or "io_uring is forbidden" in said), said)
            print("without locked memory:", said, end="")


def filter_is_what_blocks(scratch, backends):
    """Without the filter the same container has io_uring, where the machine has it: so the filter was looked at."""
    if "io_uring" not in backends:
        return
    with Container(scratch, "skerry-echo", "--listen=127.0.0.1:7001", "--backend=io_uring",
                   profile="no_filter.json") as server:
        line = server.start_line()
        print("without the filter:", line or server.stderr().strip())
        rig.check("io_uring is forbidden" not in server.stderr() or
                  open("/proc/sys/kernel/io_uring_disabled").read().strip() != "0", "forbidden without the filter too")


def half_a_cpu(bin_dir, scratch, backends):
    everywhere = os.sched_getaffinity(0)
    last = max(everywhere)
    share = "CPU quota 0.5 (/sys/fs/cgroup/"
    obeyed = [f"not pinned: {share}", ", idle sleep"]
    with groups_for("half a CPU", 0.5, None) as groups:
        serve("half a CPU", bin_dir, scratch, groups, backends, everywhere, obeyed if groups else [", idle sleep"])
        if groups:
            serve("half a CPU, told to spin", bin_dir, scratch, groups, backends, everywhere,
                  [*obeyed, f"would use up {share}"], "--idle=spin")
    with groups_for("half of one CPU", 0.5, [last]) as groups:
        if groups:
            serve("half of one CPU", bin_dir, scratch, groups, backends, {last},
                  [*obeyed, f"cores {last} (auto: affinity and cpuset leave {last};"])


def main():
    bin_dir = os.path.abspath(sys.argv[1])
    for name in ("skerry-echo", "skerry-loadgen", "contained"):
        if not os.path.exists(os.path.join(bin_dir, name)):
            rig.skip(f"{name} is not built in {bin_dir}")
    rig.need("setpriv", "nsenter")
    if rig.sanitized(bin_dir):
        rig.skip("LeakSanitizer does not run behind the filter")
    backends = drivers_of(bin_dir)
    with tempfile.TemporaryDirectory(prefix="skerry-container-") as scratch:
        put_within_reach(bin_dir, scratch)
        with Container(scratch, "skerry-echo", "--version") as trial:
            if trial.process.wait(30) == 77:
                rig.skip(trial.stderr().strip())
            rig.check(trial.process.returncode == 0, f"--version: {trial.stderr()}")

        half_a_cpu(bin_dir, scratch, backends)
        lacking_rights(scratch, backends)
        if "dpdk" in backends:
            falls_back_without_its_card(scratch)
        without_locked_memory(scratch, backends)
        filter_is_what_blocks(scratch, backends)


main()
