"""What the integration scripts share: a network of their own, a server process, and how a test ends.

A script calls start() first. As root it runs again inside a fresh network namespace with only a loopback interface, so
that it can neither meet nor disturb anything; elsewhere it uses the machine's loopback, with ports the system chooses.
"""

import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 20  # seconds for what takes none; a test on a slower machine than this one gives more
LONG = os.environ.get("SKERRY_LONG") == "1"
INSIDE = "SKERRY_TEST_NETNS"
# For skerry-loadgen where all answers must come. It ends with the last one, so this costs nothing, and its own second
# is less than a busy machine may keep a server from answering.
ALL_ANSWERS = f"--timeout={PATIENCE}s"


def skip(reason):
    print("skipped:", reason)
    sys.exit(77)


def check(condition, message):
    if not condition:
        print("FAILED:", message)
        sys.exit(1)


def need(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            skip(f"{tool} is not installed")


def start():
    """Enters the namespace and returns the folder of the programs, the script's first argument."""
    bin_dir = os.path.abspath(sys.argv[1])
    if INSIDE not in os.environ and os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip"):
        if subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL).returncode == 0:
            os.execvpe("unshare", ["unshare", "-n", sys.executable] + sys.argv, {**os.environ, INSIDE: "1"})
    if INSIDE in os.environ:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for name in ("skerry-echo", "skerry-loadgen"):
        if not os.path.exists(os.path.join(bin_dir, name)):
            skip(f"{name} is not built in {bin_dir}")
    return bin_dir


def urgent():
    """In a child: ahead of everything else on the machine, where that is allowed. For tests of figures."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except OSError:
        pass


def kernel_drivers(bin_dir):
    """The drivers on the kernel's sockets that can run here; says why one cannot."""
    for driver in ("epoll", "io_uring"):
        ended = subprocess.run([os.path.join(bin_dir, "skerry-loadgen"), f"--backend={driver}", "--connect=127.0.0.1:1",
                                "--duration=100ms"], capture_output=True, text=True, timeout=20).stderr
        if f"skerry-loadgen: {driver}: " in ended or "is not in this build" in ended:
            print(f"without {driver}: {ended.strip()}")
        else:
            yield driver


class NotStarted(SystemExit):
    """A server that printed no start line. An exit, so that a test which expects none needs no words about it."""


class Child:
    """A process of ours, `process`, which ends with the block that it serves."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def first_line(self, patience=PATIENCE):
        """What it says first; empty when it says nothing in time."""
        ready, _, _ = select.select([self.process.stdout], [], [], patience)
        return self.process.stdout.readline() if ready else ""


class Server(Child):
    """skerry-echo on a port that the system chooses. Ended by its own process id, whatever happens."""

    def __init__(self, bin_dir, *arguments, wrap=(), listen="127.0.0.1:0", patience=20, prepare=None):
        self.folder = tempfile.TemporaryDirectory()
        self.json_file = os.path.join(self.folder.name, "echo.json")
        command = [*wrap, os.path.join(bin_dir, "skerry-echo"), f"--listen={listen}", f"--json={self.json_file}",
                   *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, preexec_fn=prepare)
        self.start_line = self.first_line(patience).strip()
        found = re.search(r" on (\S+):(\d+), backend .*, cores ([\d,-]+)", self.start_line)
        if not found:
            self.process.kill()
            said = self.process.stderr.read()
            raise NotStarted(f"FAILED: no start line from {command}: {self.start_line!r} {said!r}")
        self.host, self.port, self.cores = found[1].strip("[]"), int(found[2]), count_cores(found[3])

    def __exit__(self, *what):
        super().__exit__(*what)
        self.folder.cleanup()

    @property
    def address(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def connect(self, timeout=20):
        return socket.create_connection((self.host, self.port), timeout=timeout)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def how_it_ended(self):
        """For a message: its exit code, and what it said."""
        if self.process.poll() is None:
            return "has not ended"
        return f"ended with {self.process.returncode}: {self.process.stderr.read().strip()}"

    def settle(self):
        """Waits until all cores listen, on the kernel's sockets: the start line is true as soon as one does. Returns
        the descriptors that the server has without connections.
        """
        wait_until(lambda: listeners(self.port) == self.cores, "every core listens")
        return self.descriptors()

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])

    def is_everywhere(self, state):
        """Whether each of its threads is in that state: S for one that waits, T for one that SIGSTOP has reached."""
        tasks = f"/proc/{self.process.pid}/task"
        return all(open(f"{tasks}/{task}/stat").read().rsplit(")", 1)[1].split()[0] == state
                   for task in os.listdir(tasks))

    def numbers(self, patience=20):
        """What the server prints on SIGUSR1."""
        self.process.send_signal(signal.SIGUSR1)
        ready, _, _ = select.select([self.process.stdout], [], [], patience)
        check(ready, f"the server did not tell its numbers within {patience} s")
        return json.loads(self.process.stdout.readline())

    def stop(self, number=signal.SIGTERM, patience=30):
        """Ends the server and returns its counters; it must exit with 0 and have said nothing."""
        self.process.send_signal(number)
        try:
            _, said = self.process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            check(False, f"the server did not end within {patience} s of signal {number}")
        check(self.process.returncode == 0, f"the server ended with {self.process.returncode}: {said}")
        said = without_notes(said)
        check(said == "", f"the server complained: {said}")
        with open(self.json_file) as file:
            return json.load(file)


def without_notes(said):
    """What a program said on standard error, less what the library notes (the ladder of backends, a link that went) and
    what the libraries of DPDK's net_af_xdp say past its log.
    """
    return "".join(line for line in said.splitlines(keepends=True)
                   if ": note: " not in line and not line.startswith(("libbpf: ", "libxdp: ")))


def run(bin_dir, program, *arguments, patience=60, **how):
    """Runs a program to its end and returns what subprocess.run() does."""
    return subprocess.run([os.path.join(bin_dir, program), *arguments], capture_output=True, text=True,
                          timeout=patience, stdin=subprocess.DEVNULL, **how)


def loadgen(bin_dir, *arguments, patience=60, expect=0):
    """Runs skerry-loadgen and returns its JSON report. `expect`: the exit code, or a function of the report."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "run.json")
        done = run(bin_dir, "skerry-loadgen", f"--json={path}", *arguments, patience=patience)
        said = f"skerry-loadgen {arguments} ended with {done.returncode}: {done.stderr}"
        check(os.path.exists(path), said)
        with open(path) as file:
            text = file.read()
        report = json.loads(text) if text else None
        check(done.returncode == (expect(report) if callable(expect) else expect), said)
        return report


def failed_without_a_server(report):
    """The exit code of a run whose server may have failed: 1 when nothing was answered, or all with no, or no
    connection lasted.
    """
    of_no_use = report["count"] == 0 and (report["refused"] or report["offered"] or report["ended_early"])
    return int(bool(of_no_use) or report["ended_early"] >= report["conns"])


def receive(connection, count):
    """Exactly `count` bytes, or fewer at the end of the stream."""
    data = bytearray()
    while len(data) < count:
        part = connection.recv(min(count - len(data), 1 << 16))
        if not part:
            break
        data += part
    return bytes(data)


def cpu_seconds(process_id):
    """The processor time that the process has used."""
    with open(f"/proc/{process_id}/stat") as stat:
        user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def sanitized(bin_dir):
    """Whether the programs were built with a sanitizer."""
    with open(os.path.join(bin_dir, "skerry-echo"), "rb") as program:
        return b"__asan_init" in (data := program.read()) or b"__tsan_init" in data


def need_tracing(bin_dir):
    """The right to trace the programs with strace."""
    need("strace")
    if subprocess.run(["strace", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        skip("strace may not trace here")
    if sanitized(bin_dir):
        skip("LeakSanitizer does not run under strace")


def traced(strace):
    """The process that this one runs."""
    with open(f"/proc/{strace.pid}/task/{strace.pid}/children") as children:
        return int(children.read().split()[0])


def catches(process_id, number):
    """Whether the process has a handler for that signal."""
    with open(f"/proc/{process_id}/status") as status:
        return bool(int(re.search(r"SigCgt:\s+(\w+)", status.read())[1], 16) >> (number - 1) & 1)


def fill(connection, server=None):
    """Sends without reading until nothing more is taken, so that the server's write blocks. A server whose idle cores
    sleep does so with all this unread only then; without that look it may just have had no turn on the machine.
    """
    connection.setblocking(False)
    deadline = time.monotonic() + PATIENCE
    quiet_since = time.monotonic()
    while time.monotonic() < deadline and (time.monotonic() - quiet_since < 0.3 or
                                           server is not None and not server.is_everywhere("S")):
        try:
            connection.send(bytes(65_536))
            quiet_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)


def count_cores(text):
    """How many cores a start line names: 0, or 0-3,6."""
    count = 0
    for part in text.split(","):
        first, _, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return count


def listeners(port):
    """How many of the kernel's sockets listen on this local port by TCP, or wait for datagrams there."""
    count = 0
    for path, waiting in (("/proc/net/tcp", "0A"), ("/proc/net/udp", "07")):
        with open(path) as table:
            for line in list(table)[1:]:
                local, state = line.split()[1], line.split()[3]
                count += int(local.split(":")[1], 16) == port and state == waiting
    return count


def unread_bytes(port):
    """What connections of this local port have received and their program has not read."""
    total = 0
    with open("/proc/net/tcp") as table:
        for line in list(table)[1:]:
            local, state, queues = line.split()[1], line.split()[3], line.split()[4]
            if int(local.split(":")[1], 16) == port and state == "01":
                total += int(queues.split(":")[1], 16)
    return total


def wait_until(condition, what, patience=None):
    """Polls, because nothing tells a test that another process got somewhere."""
    patience = patience or PATIENCE
    deadline = time.monotonic() + patience
    while not condition():
        check(time.monotonic() < deadline, f"did not happen within {patience} s: {what}")
        time.sleep(0.01)
